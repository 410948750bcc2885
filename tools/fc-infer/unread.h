/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_INFER_UNREAD_H
#define FC_INFER_UNREAD_H

#include "chat/chat.h"

/* What of the conversations has no effect on what the model reads or learns, counted over a run, so
 * that it can be said once. */
struct unread_name {
	char *name;
	uint64_t n;
};
struct unread_list {
	struct unread_name *v; /* in order of appearance */
	size_t n, cap;
};
struct unread {
	struct unread_list of_message, of_line; /* members that the template does not read */
	uint64_t n_opening;                     /* answers that no user's message precedes */
	uint64_t n_untrained;                   /* answers whose weight or flag says so */
	uint64_t n_text_arguments;              /* calls of tools, see unread.c */
	uint64_t n_truncated;         /* answers whose finish_reason says that they were */
	struct unread_list of_finish; /* reasons of answers that are not known */
};
void infer_unread_add(
    struct unread *u, const struct fc_chat *chat, const struct fc_conversation *c);
void infer_unread_tell(const struct unread *u);
void infer_unread_release(struct unread *u);

#endif
