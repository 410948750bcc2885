/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/text.h"

#include <string.h>

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* BOS where the makers' encoder puts it; where nothing else would precede the first token, any of
 * BOS and EOS. */
static uint32_t prefix_of(const struct fc_tokenizer *t, bool needed)
{
	const uint32_t bos = fc_tokenizer_bos(t);
	if (!needed && !fc_tokenizer_adds_bos(t))
		return FC_NO_TOKEN;
	return bos != FC_NO_TOKEN ? bos : fc_tokenizer_eos(t);
}

int infer_text_encode(const struct fc_tokenizer *t, const struct fc_conversation *c,
    struct fc_example *x, struct fc_err *e)
{
	const bool has_context = c->n_message > 1;
	const struct fc_message *text = &c->message[c->n_message - 1];
	struct fc_tokens whole = {0}, before = {0};
	int ret = -1;
	size_t n_context = has_context ? c->message[0].n : 0;
	if (has_context)
		fc_buf_add(&x->text, c->message[0].content, n_context);
	fc_buf_add(&x->text, text->content, text->n);
	while (n_context && is_space(x->text.p[n_context - 1]))
		n_context--;
	const char *p = x->text.p ? x->text.p : "";
	if (x->text.n > UINT32_MAX / 2) {
		fc_fail(e, "a text of more than 2 GiB");
		goto out;
	}
	if (fc_tokenizer_encode(t, p, x->text.n, NULL, 0, &whole, e) < 0 ||
	    fc_tokenizer_encode(t, p, n_context, NULL, 0, &before, e) < 0)
		goto out;
	const uint32_t first = prefix_of(t, before.n == 0);
	if (first != FC_NO_TOKEN)
		fc_example_add_token(x, first, 0, FC_TOK_FLAGS(false, FC_ROLE_NONE, FC_PART_BOS));
	for (size_t i = 0; i < whole.n; i++) {
		const bool trained = i >= before.n;
		fc_example_add_token(x, whole.v[i].id, whole.v[i].end,
		    FC_TOK_FLAGS(
			trained, trained ? FC_ROLE_ASSISTANT : FC_ROLE_USER, FC_PART_CONTENT));
	}
	if (c->ends && fc_tokenizer_eos(t) != FC_NO_TOKEN)
		fc_example_add_token(x, fc_tokenizer_eos(t), (uint32_t)x->text.n,
		    FC_TOK_FLAGS(true, FC_ROLE_ASSISTANT, FC_PART_TURN_END));
	if (n_context)
		fc_example_add_segment(
		    x, (uint32_t)n_context, FC_TOK_FLAGS(false, FC_ROLE_USER, FC_PART_CONTENT));
	if (x->text.n > n_context)
		fc_example_add_segment(
		    x, (uint32_t)x->text.n, FC_TOK_FLAGS(true, FC_ROLE_ASSISTANT, FC_PART_CONTENT));
	ret = 0;
out:
	fc_tokens_release(&whole);
	fc_tokens_release(&before);
	return ret;
}

void infer_text_keep_end(struct fc_example *x, size_t n)
{
	const size_t drop = x->n_tok - n;
	memmove(x->tok, x->tok + drop, n * sizeof *x->tok);
	memmove(x->end, x->end + drop, n * sizeof *x->end);
	memmove(x->flags, x->flags + drop, n * sizeof *x->flags);
	x->n_tok = n;
	x->flags[0] &= (uint8_t)~FC_TOK_TRAINED; /* nothing predicts it */
}
