/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_CUTTER_H
#define FC_ALIGN_CUTTER_H

#include "chat/chat.h"

/* A model's tokenizer with the id it ends a turn with. */
struct align_cutter {
	struct fc_tokenizer *tokenizer;
	uint32_t turn_end; /* or FC_NO_TOKEN */
};
int align_cutter_open(struct align_cutter *c, const char *model, struct fc_err *e);
void align_cutter_close(struct align_cutter *c);

/*
 * The tokens that c makes of from's text, by the segments it carries and the cut that its stream's
 * header names: what fc-infer itself made for c's model.  to: its contents are dropped; gets text,
 * segments and tokens, and all that from says of the conversation as a whole: id, meta, the
 * cross-entropy, its source.
 */
int align_cutter_recut(const struct align_cutter *c, enum fc_text_cut cut,
    const struct fc_example *from, struct fc_example *to, struct fc_err *e);

#endif
