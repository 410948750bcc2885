/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/vocab/cutter.h"

#include "chat/turnend.h"

int align_cutter_open(struct align_cutter *c, const char *model, struct fc_err *e)
{
	if (fc_tokenizer_open(&c->tokenizer, model, e) < 0)
		return -1;
	c->turn_end = fc_turnend_token(model, c->tokenizer);
	return 0;
}

void align_cutter_close(struct align_cutter *c)
{
	fc_tokenizer_free(c->tokenizer);
	*c = (struct align_cutter){0};
}

static void copy_text(struct fc_buf *to, const struct fc_buf *from)
{
	fc_buf_clear(to);
	fc_buf_add(to, from->p, from->n);
}

static void copy_whole(const struct fc_example *from, struct fc_example *to)
{
	copy_text(&to->id, &from->id);
	copy_text(&to->meta, &from->meta);
	copy_text(&to->unknown, &from->unknown);
	to->nll = from->nll;
	to->n_label = from->n_label;
	to->label_bytes = from->label_bytes;
	to->source = from->source;
}

int align_cutter_recut(const struct align_cutter *c, enum fc_text_cut cut,
    const struct fc_example *from, struct fc_example *to, struct fc_err *e)
{
	if (from->n_seg == 0 && from->text.n)
		return fc_fail(e,
		    "conversation '%.*s' does not say which parts of its text are whose; "
		    "make the stream again with fc-infer",
		    (int)from->id.n, from->id.p);
	/* all borrowed */
	const struct fc_rendered r = {.text = from->text,
	    .segment = from->seg,
	    .n = from->n_seg,
	    .cap = from->cap_seg,
	    .cut = cut};
	fc_example_clear(to);
	int rc = fc_rendered_encode(&r, c->tokenizer, c->turn_end, to, e);
	copy_whole(from, to);
	return rc;
}
