/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/forced.h"

#include <stdlib.h>

/* Tokens [first, end) of an example. */
struct run {
	size_t first, end;
};

/* The last trained tokens that follow each other. */
static struct run last_answer(const struct fc_example *x)
{
	struct run r = {0, x->n_tok};
	while (r.end && !fc_example_trained(x, r.end - 1))
		r.end--;
	for (r.first = r.end; r.first && fc_example_trained(x, r.first - 1);)
		r.first--;
	return r;
}

/* The answer's text: what the run covers but for the end of the turn. */
static void text_of(const struct fc_example *x, const struct run *r, uint32_t *start, uint32_t *end)
{
	*start = *end = fc_example_start(x, r->first);
	for (size_t t = r->first; t < r->end; t++)
		if (FC_TOK_PART(x->flags[t]) == FC_PART_CONTENT)
			*end = x->end[t];
}

/* Narrows the run to the tokens of the answer's last words and the one behind them. */
static int narrow_to_words(
    struct run *r, const struct fc_example *x, const char *where, struct fc_err *e)
{
	char *reference = eval_answer_member_text(x->meta.p, x->meta.n);
	uint32_t start, end;
	size_t at, n;
	int ret = 0;
	text_of(x, r, &start, &end);
	if (!reference)
		ret = fc_fail(e, "%s: conversation '%s' has no member \"answer\"", where, x->id.p);
	else if (!eval_answer_last_words(x->text.p + start, end - start, reference, &at, &n))
		ret = fc_fail(e, "%s: conversation '%s': its answer does not end with \"%.80s\"",
		    where, x->id.p, reference);
	else {
		while (r->first < r->end && x->end[r->first] <= start + at)
			r->first++;
		size_t last = r->first;
		while (last < r->end && fc_example_start(x, last) < start + at + n)
			last++;
		r->end = last < r->end ? last + 1 : r->end;
	}
	free(reference);
	return ret;
}

/* Is token t the likeliest in its row?  *r moves to the first row of token t or a later one. */
static enum eval_forced forced_token(
    const struct fc_example *x, uint32_t n_vocab, size_t t, size_t *r)
{
	while (*r < x->n_row && x->row_tok[*r] < t)
		++*r;
	if (*r == x->n_row || x->row_tok[*r] != t)
		return EVAL_FORCED_UNKNOWN;
	for (uint32_t i = x->row_off[*r]; i < x->row_off[*r + 1]; i++)
		if (x->entry_id[i] < n_vocab)
			return x->entry_id[i] == x->tok[t] ? EVAL_FORCED_RIGHT : EVAL_FORCED_WRONG;
	return EVAL_FORCED_UNKNOWN;
}

int eval_forced_of(enum eval_forced *out, const struct fc_example *x, uint32_t n_vocab,
    enum eval_answer_match match, const char *where, struct fc_err *e)
{
	struct run run = last_answer(x);
	size_t r = 0;
	if (run.first == run.end)
		return fc_fail(e, "%s: conversation '%s' has no answer", where, x->id.p);
	if (match == EVAL_ANSWER_LAST_WORD && narrow_to_words(&run, x, where, e) < 0)
		return -1;
	*out = EVAL_FORCED_RIGHT;
	for (size_t t = run.first; t < run.end && *out != EVAL_FORCED_WRONG; t++) {
		const enum eval_forced v = forced_token(x, n_vocab, t, &r);
		if (v != EVAL_FORCED_RIGHT)
			*out = v;
	}
	return 0;
}
