/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/score.h"

#include "text/utf8.h"

/* \s of Python's re. */
static bool is_space(uint32_t c)
{
	return (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= ' ') || c == 0x85 || c == 0xa0 ||
	    c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
	    c == 0x202f || c == 0x205f || c == 0x3000;
}

uint64_t eval_score_words(const char *text, size_t n)
{
	uint64_t words = 1;
	bool before = false;
	for (size_t i = 0; i < n;) {
		uint32_t c = 0;
		const size_t len = fc_utf8_get(text + i, n - i, &c);
		const bool space = len && is_space(c);
		words += space && !before;
		before = space;
		i += len ? len : 1;
	}
	return words;
}

/* The trained text in words, but for the ends of turns. */
static uint64_t trained_words(const struct fc_example *x)
{
	uint64_t words = 0;
	for (size_t t = 0, end; t < x->n_tok; t = end) {
		uint32_t last = fc_example_start(x, t);
		for (end = t; end < x->n_tok && fc_example_trained(x, end); end++)
			if (FC_TOK_PART(x->flags[end]) == FC_PART_CONTENT)
				last = x->end[end];
		if (end > t)
			words += eval_score_words(
			    x->text.p + fc_example_start(x, t), last - fc_example_start(x, t));
		else
			end++;
	}
	return words;
}

struct eval_score eval_score_of(const struct fc_example *x, enum eval_score_from from)
{
	struct eval_score s = {.n_row = x->n_row, .n_word = trained_words(x)};
	for (size_t t = 1; t < x->n_tok; t++)
		s.n_label += fc_example_trained(x, t);
	if (from == EVAL_SCORE_NLL) {
		s.nll = x->nll;
		s.n_token = x->n_label;
		s.n_byte = x->label_bytes;
		return s;
	}
	s.n_token = x->n_row;
	for (size_t r = 0; r < x->n_row; r++) {
		uint32_t t = x->row_tok[r];
		s.nll -= x->true_logprob[r];
		s.n_byte += x->end[t] - fc_example_start(x, t);
	}
	return s;
}

void eval_score_add(struct eval_score *sum, const struct eval_score *s)
{
	sum->nll += s->nll;
	sum->n_token += s->n_token;
	sum->n_byte += s->n_byte;
	sum->n_word += s->n_word;
	sum->n_row += s->n_row;
	sum->n_label += s->n_label;
}
