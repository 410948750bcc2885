/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CHAT_CHAT_IMPL_H
#define FC_CHAT_CHAT_IMPL_H

#include "chat/chat.h"
#include "jinja/jinja.h"

/* The time that strftime_now() shows: noon of 2024-07-26, the date Llama's templates fall back to.
 * No clock enters a stream. */
#define FC_CHAT_NOW INT64_C(1721995200)

struct fc_chat {
	struct fc_jinja *jinja, *jinja_tools; /* _tools: of lines that have tools; or NULL */
	json_t *vars;                         /* special tokens by name */
	json_t *none;   /* variables that are none where a line has no such member */
	char *header;   /* of an assistant's turn, which add_generation_prompt writes; "" if none */
	char *lead;     /* white space between a prompt's end and its answer; NULL: not known */
	char *bos;      /* "" if the model has none */
	char *turn_end; /* "" if the template uses none */
	char **special; /* [n_special] strings of all special tokens but BOS */
	size_t n_special, cap_special;
	uint64_t hash;
	bool has_no_template; /* opening failed because the model has none */
};

/* Runs the template over c's messages.  trial: c is a few words. */
int fc_chat_run(const struct fc_chat *chat, const struct fc_conversation *c, bool generate,
    bool trial, struct fc_jinja_out *out, struct fc_err *e);
/* Bytes of white space at p. */
size_t fc_chat_space(const char *p, size_t n);

#endif
