/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/apply/offsets.h"

/* The tokens that start at one byte: [first, first + n), of which all but the last, or all at the
 * text's end, are empty. */
struct group {
	size_t first, n;
	uint32_t start;
};

static bool next_group(const struct fc_example *x, struct group *g)
{
	g->first += g->n;
	if (g->first >= x->n_tok)
		return false;
	g->start = fc_example_start(x, g->first);
	size_t t = g->first;
	while (t < x->n_tok && x->end[t] == g->start)
		t++;
	g->n = t - g->first + (t < x->n_tok);
	return true;
}

/* Position of the token with bytes in its group: g->n where there is none. */
static size_t n_empty(const struct fc_example *x, const struct group *g)
{
	return x->end[g->first + g->n - 1] == g->start ? g->n : g->n - 1;
}

static bool may_match(
    const struct fc_example *pivot, size_t p, const struct fc_example *source, size_t s)
{
	enum fc_part a = FC_TOK_PART(pivot->flags[p]), b = FC_TOK_PART(source->flags[s]);
	if (a == FC_PART_BOS || b == FC_PART_BOS)
		return false;
	if (a == FC_PART_TURN_END || b == FC_PART_TURN_END)
		return a == b && pivot->end[p] == source->end[s];
	return true;
}

static void match_group(const struct fc_example *pivot, const struct group *p,
    const struct fc_example *source, const struct group *s, uint32_t *match)
{
	size_t p_empty = n_empty(pivot, p), s_empty = n_empty(source, s);
	for (size_t i = 0; i < p->n; i++) {
		size_t j;
		if (i == p_empty && s_empty < s->n)
			j = s_empty;
		else if (i < p_empty && p_empty == s_empty)
			j = i;
		else
			continue;
		if (may_match(pivot, p->first + i, source, s->first + j))
			match[p->first + i] = (uint32_t)(s->first + j);
	}
}

void align_offsets_match(
    const struct fc_example *pivot, const struct fc_example *source, uint32_t *match)
{
	for (size_t t = 0; t < pivot->n_tok; t++)
		match[t] = ALIGN_NO_MATCH;
	struct group p = {0}, s = {0};
	bool more = next_group(pivot, &p) && next_group(source, &s);
	while (more) {
		if (p.start < s.start) {
			more = next_group(pivot, &p);
		} else if (s.start < p.start) {
			more = next_group(source, &s);
		} else {
			match_group(pivot, &p, source, &s, match);
			more = next_group(pivot, &p) && next_group(source, &s);
		}
	}
}
