/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/attention.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/par.h"

/*
 * Softmax over keys that come in tiles (Milakov, Gimelshein 2018; Dao et al. 2022): the running
 * maximum and sum of every row are kept, and the output so far is scaled down when a tile raises
 * the maximum.
 */
struct tile {
	const struct fc_attn *a;
	const struct fc_attn_seq *s;
	size_t head, query, n_row;
	bool one_query; /* rows are the heads that share their keys, else queries of one head */
};

static size_t query_of(const struct tile *t, size_t row)
{
	return t->one_query ? t->query : t->query + row;
}

/* Where a row's D floats are in q and o; rows are stride() apart. */
static size_t offset(const struct tile *t)
{
	return (t->query * t->a->H + t->head) * t->a->D;
}

static size_t stride(const struct tile *t)
{
	return t->one_query ? t->a->D : t->a->H * t->a->D;
}

struct running {
	float max[FC_ATTN_Q], sum[FC_ATTN_Q];
};

/* Scores of a row become exp(score - max), 0 where it does not look.  Returns what the output so
 * far is to be multiplied by. */
static float row_softmax(const struct fc_kern *k, const struct tile *t, size_t row, float *p,
    size_t k0, size_t n, struct running *r)
{
	const struct fc_attn *a = t->a;
	const struct fc_attn_span v = fc_attn_span(a, t->s, query_of(t, row), k0, n);
	float scale = a->scale;
	if (v.lo == v.hi) {
		memset(p, 0, n * sizeof *p);
		return 1;
	}
	if (a->softcap > 0) {
		k->cap(p + v.lo, p + v.lo, scale, a->softcap, v.hi - v.lo);
		scale = 1;
	}
	const float before = r->max[row], here = scale * k->max(p + v.lo, v.hi - v.lo);
	const float max = here > before ? here : before, shrink = expf(before - max);
	const double sum = k->exp_scaled(p + v.lo, p + v.lo, scale, max, 1, v.hi - v.lo);
	r->sum[row] = r->sum[row] * shrink + (float)sum;
	r->max[row] = max;
	memset(p, 0, v.lo * sizeof *p);
	memset(p + v.hi, 0, (n - v.hi) * sizeof *p);
	return shrink;
}

static void scale_row(float *o, float x, size_t D)
{
	for (size_t d = 0; d < D; d++)
		o[d] *= x;
}

/* Scores of few rows are dot products at the speed of memory, of many a matrix product. */
enum { FEW = 8 };

static void scores(
    const struct fc_kern *kern, const struct tile *t, float *p, const float *k, size_t n)
{
	const size_t D = t->a->D, GD = t->a->G * D;
	const float *q = t->s->q + offset(t);
	if (t->n_row <= FEW)
		kern->dot_rows(p, FC_ATTN_K, q, stride(t), k, GD, FC_F32, t->n_row, n, D);
	else
		fc_sgemm(FC_NT, t->n_row, n, D, q, stride(t), k, GD, 0, p, FC_ATTN_K);
}

static void add_values(const struct fc_kern *kern, const struct tile *t, const float *p,
    const float *v, size_t n, bool accumulate)
{
	const size_t D = t->a->D, GD = t->a->G * D, ld = stride(t);
	float *o = t->s->o + offset(t);
	if (t->n_row > FEW) {
		fc_sgemm(FC_NN, t->n_row, D, n, p, FC_ATTN_K, v, GD, accumulate ? 1 : 0, o, ld);
		return;
	}
	for (size_t r = 0; r < t->n_row; r++)
		kern->weighted_sum(o + r * ld, p + r * FC_ATTN_K, v, GD, n, D, accumulate);
}

static void tile_fwd(const struct fc_kern *kern, const struct tile *t, float *p)
{
	const struct fc_attn *a = t->a;
	const struct fc_attn_seq *s = t->s;
	const size_t D = a->D, g = t->head / (a->H / a->G), at = offset(t);
	const size_t end = fc_attn_end(s, query_of(t, t->n_row - 1));
	struct running r;
	for (size_t i = 0; i < t->n_row; i++) {
		r.max[i] = -INFINITY;
		r.sum[i] = 0;
	}
	const size_t first = fc_attn_first(a, s, t->query);
	for (size_t k0 = first; k0 < end; k0 += FC_ATTN_K) {
		const size_t n = fc_min_size(FC_ATTN_K, end - k0), kv = (k0 * a->G + g) * D;
		scores(kern, t, p, s->k + kv, n);
		for (size_t i = 0; i < t->n_row; i++) {
			const float shrink = row_softmax(kern, t, i, p + i * FC_ATTN_K, k0, n, &r);
			if (k0 > first && shrink != 1)
				scale_row(s->o + at + i * stride(t), shrink, D);
		}
		add_values(kern, t, p, s->v + kv, n, k0 > first);
	}
	for (size_t i = 0; i < t->n_row; i++) {
		scale_row(s->o + at + i * stride(t), 1 / r.sum[i], D);
		if (s->lse)
			s->lse[at / D + i * (stride(t) / D)] = r.max[i] + logf(r.sum[i]);
	}
}

/* Tiles of a sequence: per query block and head, or, of a single query, per key head. */
static size_t n_tile(const struct fc_attn *a, const struct fc_attn_seq *s)
{
	const size_t shared = a->H / a->G;
	if (s->n_q == 1 && shared <= FC_ATTN_Q)
		return a->G;
	return (s->n_q + FC_ATTN_Q - 1) / FC_ATTN_Q * a->H;
}

/* The i-th tile; the last queries, which see most keys, come first. */
static struct tile tile_at(const struct fc_attn *a, const struct fc_attn_seq *s, size_t i)
{
	const size_t shared = a->H / a->G, n_block = (s->n_q + FC_ATTN_Q - 1) / FC_ATTN_Q;
	if (s->n_q == 1 && shared <= FC_ATTN_Q)
		return (struct tile){a, s, i * shared, 0, shared, true};
	const size_t query = (n_block - 1 - i / a->H) * FC_ATTN_Q;
	return (struct tile){a, s, i % a->H, query, fc_min_size(FC_ATTN_Q, s->n_q - query), false};
}

void fc_attn_fwd(
    struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq, size_t n_seq)
{
	const size_t size = FC_ATTN_Q * FC_ATTN_K;
	float *scratch =
	    fc_nn_scratch(nn, FC_SCRATCH_ATTN, size * (size_t)fc_par_threads(), sizeof *scratch);
	size_t *off = fc_nn_scratch(nn, FC_SCRATCH_TASKS, n_seq + 1, sizeof *off);
	off[0] = 0;
	for (size_t s = 0; s < n_seq; s++) {
		assert(seq[s].n_k >= seq[s].n_q && a->H % a->G == 0 && a->scale > 0);
		off[s + 1] = off[s] + n_tile(a, &seq[s]);
	}
	size_t next = 0;
#pragma omp parallel
	{
		size_t me, s = 0;
#pragma omp atomic capture
		me = next++;
#pragma omp for schedule(monotonic : dynamic)
		for (size_t i = 0; i < off[n_seq]; i++) {
			while (i >= off[s + 1]) /* a thread's tasks ascend */
				s++;
			const struct tile t = tile_at(a, &seq[s], i - off[s]);
			tile_fwd(nn->kern, &t, scratch + me * size);
		}
	}
}
