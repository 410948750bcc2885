/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_ATTENTION_H
#define FC_NN_ATTENTION_H

#include "nn/cpu/backend.h"

/* Scores exist for one tile of this many queries and keys a thread; GROUP queries at a time. */
enum { FC_ATTN_Q = 64, FC_ATTN_K = 128, FC_ATTN_GROUP = 16 };

static inline size_t fc_attn_n_block(size_t n, size_t block)
{
	return (n + block - 1) / block;
}

/* Multiplications of one matrix product of the pass, to judge whether threads are worth it. */
static inline size_t fc_attn_work(
    const struct fc_attn *a, const struct fc_attn_seq *seq, size_t n_seq)
{
	size_t n = 0;
	for (size_t s = 0; s < n_seq; s++)
		n += seq[s].n_q * seq[s].n_k * a->H * a->D;
	return n;
}

/* Query i of a sequence sees the keys [first, end). */
static inline size_t fc_attn_end(const struct fc_attn_seq *s, size_t i)
{
	return i + s->n_k - s->n_q + 1;
}

static inline size_t fc_attn_first(const struct fc_attn *a, const struct fc_attn_seq *s, size_t i)
{
	const size_t end = fc_attn_end(s, i);
	return a->window && end > a->window ? end - a->window : 0;
}

/* The part of the tile of n keys from k0 that queries i to j see together: columns [lo, hi). */
struct fc_attn_span {
	size_t lo, hi;
};
static inline struct fc_attn_span fc_attn_span(
    const struct fc_attn *a, const struct fc_attn_seq *s, size_t i, size_t j, size_t k0, size_t n)
{
	const size_t first = fc_attn_first(a, s, i), end = fc_attn_end(s, j);
	const size_t hi = end > k0 ? fc_min_size(end - k0, n) : 0;
	const size_t lo = first > k0 ? fc_min_size(first - k0, hi) : 0;
	return (struct fc_attn_span){lo, hi};
}

/* Floats of a [n_k, G*D] matrix of keys or values transposed by tiles: [G][n_tile][D][FC_ATTN_K].
 */
static inline size_t fc_attn_flip_size(const struct fc_attn *a, const struct fc_attn_seq *s)
{
	return fc_attn_n_block(s->n_k, FC_ATTN_K) * FC_ATTN_K * a->G * a->D;
}
/* Where tile k0 of key head g is in it. */
static inline size_t fc_attn_flip_at(
    const struct fc_attn *a, const struct fc_attn_seq *s, size_t g, size_t k0)
{
	return (g * fc_attn_n_block(s->n_k, FC_ATTN_K) * FC_ATTN_K + k0) * a->D;
}
void fc_attn_flip(const struct fc_kern *kern, const struct fc_attn *a, const struct fc_attn_seq *s,
    float *flipped, const float *x /* s->k or s->v */);

/* Rows of queries of one head, or the heads of one query that share their keys. */
struct fc_attn_tile {
	const struct fc_attn *a;
	const struct fc_attn_seq *s;
	const float *kt; /* what was packed of the sequence; NULL where n_row is few */
	size_t head, query, n_row;
	bool one_query; /* rows are the heads that share their keys, else queries of one head */
};
static inline size_t fc_attn_query(const struct fc_attn_tile *t, size_t row)
{
	return t->one_query ? t->query : t->query + row;
}
/* Softmax so far. */
struct fc_attn_running {
	float max[FC_ATTN_Q], sum[FC_ATTN_Q];
};
void fc_attn_begin_row(const struct fc_attn_tile *t, size_t row, struct fc_attn_running *r);
/* Scores of a row become exp(score - max) in the columns of span v and 0 in the others of span all.
 * Returns what the output so far is to be multiplied by. */
float fc_attn_row_softmax(const struct fc_kern *k, const struct fc_attn_tile *t, size_t row,
    size_t k0, struct fc_attn_span v, struct fc_attn_span all, float *p, struct fc_attn_running *r);

/* How tiles of more than few queries are computed forward. */
struct fc_attn_way {
	/* What is packed of a sequence before: floats, and the packing of it. */
	size_t (*size)(const struct fc_attn *a, const struct fc_attn_seq *s);
	void (*pack)(const struct fc_kern *kern, const struct fc_attn *a,
	    const struct fc_attn_seq *s, float *to);
	size_t (*scratch)(const struct fc_attn *a); /* a thread's floats */
	void (*tile)(const struct fc_kern *kern, const struct fc_attn_tile *t, float *scratch);
};
#if defined(__x86_64__)
extern const struct fc_attn_way fc_attn_way_amx; /* where D is a multiple of 16 */
#endif

#endif
