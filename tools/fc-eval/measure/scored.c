/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/scored.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

struct list {
	struct eval_piece *v;
	size_t n, cap;
	double waiting; /* nats of tokens without bytes before the first piece */
};

/* A token without bytes belongs to the piece before it. */
static void add_piece(struct list *to, uint32_t start, uint32_t end, double nats, bool joins)
{
	if (start == end || (joins && to->n && to->v[to->n - 1].end == start)) {
		*(to->n ? &to->v[to->n - 1].nats : &to->waiting) += nats;
		if (start != end)
			to->v[to->n - 1].end = end;
		return;
	}
	FC_GROW(to->v, to->cap, to->n + 1);
	to->v[to->n++] = (struct eval_piece){start, end, nats + to->waiting};
	to->waiting = 0;
}

static uint64_t sum_bytes(const struct list *l)
{
	uint64_t n = 0;
	for (size_t i = 0; i < l->n; i++)
		n += l->v[i].end - l->v[i].start;
	return n;
}

/* The tokens with a row, and the sum of their nats. */
static double from_rows(struct list *to, const struct fc_example *x)
{
	double nats = 0;
	for (size_t r = 0; r < x->n_row; r++) {
		const uint32_t t = x->row_tok[r];
		const double cost = -(double)x->true_logprob[r];
		add_piece(to, fc_example_start(x, t), x->end[t], cost, false);
		nats += cost;
	}
	return nats;
}

/* Where the trained tokens are; what they cost is not told. */
static void from_labels(struct list *to, const struct fc_example *x)
{
	for (size_t t = 1; t < x->n_tok; t++)
		if (fc_example_trained(x, t))
			add_piece(to, fc_example_start(x, t), x->end[t], 0, true);
}

/* Are the rows what the conversation's cross-entropy was summed from?  A stream's float16 is off
 * by at most one part in 2^11 a row, or 2^-25 of numbers near 0. */
static bool rows_are_labels(const struct fc_example *x, uint64_t bytes, double nats)
{
	return x->n_row == x->n_label && bytes == x->label_bytes &&
	    fabs(nats - x->nll) <= 0x1p-11 * fmax(nats, x->nll) + 0x1p-25 * x->n_row;
}

struct eval_scored eval_scored_of(const struct fc_example *x, enum eval_score_from from)
{
	struct list l = {0};
	struct eval_scored s = {.parts = true, .nats = from_rows(&l, x)};
	s.bytes = sum_bytes(&l);
	if (from == EVAL_SCORE_NLL && !rows_are_labels(x, s.bytes, s.nats)) {
		s.parts = false;
		l.n = 0;
		from_labels(&l, x);
		if (sum_bytes(&l) != x->label_bytes)
			l.n = 0;
	}
	if (from == EVAL_SCORE_NLL) {
		s.nats = x->nll;
		s.bytes = x->label_bytes;
	}
	s.piece = l.v;
	s.n = l.n;
	return s;
}

void eval_scored_release(struct eval_scored *s)
{
	free(s->piece);
	*s = (struct eval_scored){0};
}

/* A walk from left to right over a model's pieces and the gaps between them. */
struct walk {
	const struct eval_scored *s;
	size_t i;    /* the next piece */
	uint32_t at; /* the byte that it has reached */
	double nats; /* of the pieces since the last common border */
	bool gap;    /* was there a gap since that border? */
};

/* Walks over whole pieces and gaps to byte `to` or beyond; end: of the text. */
static void walk_to(struct walk *w, uint32_t to, uint32_t end)
{
	while (w->at < to) {
		const bool more = w->i < w->s->n;
		const struct eval_piece *p = &w->s->piece[w->i];
		if (!more || p->start > w->at) {
			w->gap = true;
			w->at = more ? p->start : end;
		} else {
			w->nats += p->nats;
			w->at = p->end;
			w->i++;
		}
	}
}

/* Walks all models to the next border of pieces behind `at` that all have. */
static uint32_t next_border(struct walk *w, size_t n, uint32_t at, uint32_t end)
{
	uint32_t to = at + 1;
	for (size_t k = 0, agree = 0; agree < n; k = (k + 1) % n) {
		walk_to(&w[k], to, end);
		agree = w[k].at == to ? agree + 1 : 1;
		to = w[k].at;
	}
	return to;
}

uint64_t eval_scored_common(const struct eval_scored *const *s, size_t n, double *nats)
{
	struct walk *w = FC_ARRAY(struct walk, n);
	uint32_t end = 0;
	uint64_t common = 0;
	for (size_t k = 0; k < n; k++) {
		w[k].s = s[k];
		nats[k] = 0;
		if (s[k]->n && s[k]->piece[s[k]->n - 1].end > end)
			end = s[k]->piece[s[k]->n - 1].end;
	}
	for (uint32_t at = 0, to; at < end; at = to) {
		bool gap = false;
		to = next_border(w, n, at, end);
		for (size_t k = 0; k < n; k++)
			gap = gap || w[k].gap;
		common += gap ? 0 : to - at;
		for (size_t k = 0; k < n; k++) {
			nats[k] += gap ? 0 : w[k].nats;
			w[k].nats = 0;
			w[k].gap = false;
		}
	}
	for (size_t k = 0; k < n; k++) {
		if (common == s[k]->bytes)
			nats[k] = s[k]->nats; /* without the float16 of the rows */
		else if (!s[k]->parts)
			common = 0;
	}
	free(w);
	return common;
}
