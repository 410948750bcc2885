/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/apply/rowsum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct term {
	double p;
	float logprob;
	uint32_t id;
};

struct slot { /* of an id: where its term of the current row is */
	uint32_t row, term;
};

struct align_rowsum {
	size_t n_vocab;
	struct slot *slot; /* [n_vocab] */
	uint32_t row;      /* stamp of the current row; 0: none yet */
	struct term *term; /* [n] */
	size_t n, cap;
	uint32_t *id;   /* [cap_out] */
	float *logprob; /* [cap_out] */
	size_t cap_out;
};

struct align_rowsum *align_rowsum_new(size_t n_vocab)
{
	struct align_rowsum *r = FC_NEW(struct align_rowsum);
	r->n_vocab = n_vocab;
	r->slot = FC_ARRAY(struct slot, n_vocab);
	return r;
}

void align_rowsum_free(struct align_rowsum *r)
{
	if (!r)
		return;
	free(r->slot);
	free(r->term);
	free(r->id);
	free(r->logprob);
	free(r);
}

void align_rowsum_begin(struct align_rowsum *r)
{
	r->n = 0;
	if (++r->row != 0)
		return;
	memset(r->slot, 0, r->n_vocab * sizeof *r->slot);
	r->row = 1;
}

void align_rowsum_add(struct align_rowsum *r, uint32_t id, double p)
{
	struct slot *s = &r->slot[id];
	if (s->row == r->row) {
		r->term[s->term].p += p;
		return;
	}
	FC_GROW(r->term, r->cap, r->n + 1);
	*s = (struct slot){r->row, (uint32_t)r->n};
	r->term[r->n++] = (struct term){p, 0, id};
}

void align_rowsum_set(struct align_rowsum *r, uint32_t id, double p)
{
	double others = 0;
	align_rowsum_add(r, id, 0); /* a term of it is there from now on */
	for (size_t i = 0; i < r->n; i++)
		others += r->term[i].id == id ? 0 : r->term[i].p;
	double scale = others > 1 - p ? (1 - p) / others : 1;
	for (size_t i = 0; i < r->n; i++)
		r->term[i].p = r->term[i].id == id ? p : r->term[i].p * scale;
}

double align_rowsum_get(const struct align_rowsum *r, uint32_t id)
{
	const struct slot *s = &r->slot[id];
	return s->row == r->row ? r->term[s->term].p : 0;
}

static bool comes_before(const struct term *a, const struct term *b)
{
	return a->logprob > b->logprob || (a->logprob == b->logprob && a->id < b->id);
}

static int by_prob_then_id(const void *a, const void *b)
{
	return comes_before(a, b) ? -1 : comes_before(b, a);
}

/* Terms come in nearly sorted, as rows do. */
static void sort_terms(struct term *v, size_t n)
{
	if (n > 64) {
		qsort(v, n, sizeof *v, by_prob_then_id);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		struct term one = v[i];
		size_t j = i;
		for (; j > 0 && comes_before(&one, &v[j - 1]); j--)
			v[j] = v[j - 1];
		v[j] = one;
	}
}

size_t align_rowsum_finish(
    struct align_rowsum *r, double whole, size_t top_k, const uint32_t **id, const float **logprob)
{
	size_t n = 0;
	for (size_t i = 0; i < r->n; i++) {
		struct term *t = &r->term[i];
		if (!(t->p > 0))
			continue;
		/* rounding may lift a sum of probabilities above 1 */
		t->logprob = fminf(logf((float)(t->p / whole)), 0);
		r->term[n++] = *t; /* slots are stale from here on: the row is finished */
	}
	r->n = n;
	sort_terms(r->term, n);
	n = n < top_k ? n : top_k;
	if (n > r->cap_out) {
		r->cap_out = n;
		r->id = fc_realloc(r->id, n, sizeof *r->id);
		r->logprob = fc_realloc(r->logprob, n, sizeof *r->logprob);
	}
	for (size_t i = 0; i < n; i++) {
		r->id[i] = r->term[i].id;
		r->logprob[i] = r->term[i].logprob;
	}
	*id = r->id;
	*logprob = r->logprob;
	return n;
}
