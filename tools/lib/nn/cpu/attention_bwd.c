/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/attention.h"

#include <string.h>

#include "base/par.h"

/*
 * Scores are computed again, tile by tile, from the log-sum-exp of the forward pass:
 *   P = exp(S - lse),  dP = dO V^T,  dS = scale P (dP - delta) slope of the cap,  delta = dO . O
 *   dQ = dS K,  dK = dS^T Q,  dV = P^T dO
 * dQ of a query adds up tiles by ascending keys, dK and dV of a key by ascending head and query,
 * whichever way tiles are handed to threads: the number of threads changes no bit.
 */
struct pass {
	const struct fc_kern *kern;
	const struct fc_attn *a;
	const struct fc_attn_seq *seq;
	const struct fc_attn_grad *grad;
	const size_t *delta_off, *flip_off; /* [n_seq] */
	float *delta;                       /* of sequence s from delta_off[s]: [n_q, H] */
	float *kt, *vt;                     /* keys and values transposed, from flip_off[s] */
};

struct tile {
	size_t s, head, q0, k0;
};

/* One thread's P, dS and capped scores, each [FC_ATTN_Q, FC_ATTN_K]. */
enum { TILE = FC_ATTN_Q * FC_ATTN_K, SCRATCH = 3 * TILE };

/* p: the row's scores in span all, ds: its dP.  They become P and dS, 0 where it does not look. */
static void row_bwd(const struct pass *c, const struct tile *t, size_t i, struct fc_attn_span v,
    float *p, float *ds)
{
	const struct fc_attn_seq *s = &c->seq[t->s];
	const size_t at = i * c->a->H + t->head, m = v.hi - v.lo;
	float *capped = p + (size_t)2 * TILE, scale = c->a->scale;
	if (c->a->softcap > 0) {
		c->kern->cap(capped, p + v.lo, scale, c->a->softcap, m);
		c->kern->exp_scaled(p + v.lo, capped, 1, s->lse[at], 1, m);
	} else if (c->a->slope) {
		c->kern->ramp(p + v.lo, scale, c->a->slope[t->head],
		    (float)(t->k0 + v.lo) - (float)(fc_attn_end(s, i) - 1), m);
		c->kern->exp_scaled(p + v.lo, p + v.lo, 1, s->lse[at], 1, m);
	} else {
		c->kern->exp_scaled(p + v.lo, p + v.lo, scale, s->lse[at], 1, m);
	}
	c->kern->score_bwd(ds + v.lo, p + v.lo, c->delta[c->delta_off[t->s] + at], scale, m);
	if (c->a->softcap > 0)
		c->kern->cap_bwd(ds + v.lo, capped, c->a->softcap, m);
	for (int k = 0; k < 2; k++) {
		float *x = k ? ds : p;
		memset(x, 0, v.lo * sizeof *x);
		memset(x + v.hi, 0, (FC_ATTN_K - v.hi) * sizeof *x);
	}
}

enum { WANT_Q = 1, WANT_KV = 2 };

/* Rows i to i + n_row of P and dS, and what they give to dQ. */
static void group_bwd(const struct pass *c, const struct tile *t, size_t i, size_t n_row, size_t n,
    int want, float *p)
{
	const struct fc_attn_seq *s = &c->seq[t->s];
	const struct fc_attn_grad *d = &c->grad[t->s];
	const size_t D = c->a->D, HD = c->a->H * D, GD = c->a->G * D,
		     g = t->head / (c->a->H / c->a->G);
	const size_t q = i * HD + t->head * D;
	const size_t flip = c->flip_off[t->s] + fc_attn_flip_at(c->a, s, g, t->k0);
	const struct fc_attn_span all = fc_attn_span(c->a, s, i, i + n_row - 1, t->k0, n);
	const size_t m = all.hi - all.lo;
	float *ds = p + TILE;
	c->kern->mm(p + all.lo, FC_ATTN_K, s->q + q, HD, 1, c->kt + flip + all.lo, FC_ATTN_K, n_row,
	    m, D, false);
	c->kern->mm(ds + all.lo, FC_ATTN_K, d->dout + q, HD, 1, c->vt + flip + all.lo, FC_ATTN_K,
	    n_row, m, D, false);
	for (size_t r = 0; r < n_row; r++)
		row_bwd(c, t, i + r, fc_attn_span(c->a, s, i + r, i + r, t->k0, n),
		    p + r * FC_ATTN_K, ds + r * FC_ATTN_K);
	if (want & WANT_Q)
		c->kern->mm(d->dq + q, HD, ds + all.lo, FC_ATTN_K, 1,
		    s->k + (t->k0 + all.lo) * GD + g * D, GD, n_row, D, m, true);
}

/* Adds what a tile gives to dQ and to dK and dV. */
static void tile_bwd(const struct pass *c, const struct tile *t, int want, float *p)
{
	const struct fc_attn_seq *s = &c->seq[t->s];
	const struct fc_attn_grad *d = &c->grad[t->s];
	const size_t D = c->a->D, HD = c->a->H * D, GD = c->a->G * D,
		     g = t->head / (c->a->H / c->a->G);
	const size_t m = fc_min_size(FC_ATTN_Q, s->n_q - t->q0);
	const size_t n = fc_min_size(FC_ATTN_K, fc_attn_end(s, t->q0 + m - 1) - t->k0);
	for (size_t r = 0; r < m; r += FC_ATTN_GROUP)
		group_bwd(
		    c, t, t->q0 + r, fc_min_size(FC_ATTN_GROUP, m - r), n, want, p + r * FC_ATTN_K);
	for (size_t j = 0; want & WANT_KV && j < n; j += FC_ATTN_GROUP) {
		/* queries before the first of these keys do not see them */
		const size_t key = t->k0 + j, r = key > t->q0 ? key - t->q0 : 0;
		const size_t q = (t->q0 + r) * HD + t->head * D, kv = key * GD + g * D;
		const size_t n_key = fc_min_size(FC_ATTN_GROUP, n - j);
		const float *w = p + r * FC_ATTN_K + j;
		c->kern->mm(
		    d->dk + kv, GD, w + TILE, 1, FC_ATTN_K, s->q + q, HD, n_key, D, m - r, true);
		c->kern->mm(
		    d->dv + kv, GD, w, 1, FC_ATTN_K, d->dout + q, HD, n_key, D, m - r, true);
	}
}

/* Do the queries from q0 on see any of the keys from k0 on? */
static bool tile_meets(const struct pass *c, const struct tile *t)
{
	const struct fc_attn_seq *s = &c->seq[t->s];
	const size_t last = fc_min_size(t->q0 + FC_ATTN_Q, s->n_q) - 1;
	return fc_attn_end(s, last) > t->k0 && fc_attn_first(c->a, s, t->q0) < t->k0 + FC_ATTN_K;
}

/* All tiles of a key head: the cheapest way, each tile once. */
static void whole_group(const struct pass *c, size_t s, size_t g, float *p)
{
	const size_t shared = c->a->H / c->a->G;
	struct tile t = {.s = s};
	for (t.head = g * shared; t.head < (g + 1) * shared; t.head++)
		for (t.q0 = 0; t.q0 < c->seq[s].n_q; t.q0 += FC_ATTN_Q)
			for (t.k0 = 0; t.k0 < c->seq[s].n_k; t.k0 += FC_ATTN_K)
				if (tile_meets(c, &t))
					tile_bwd(c, &t, WANT_Q | WANT_KV, p);
}

static void keys_only(const struct pass *c, size_t s, size_t g, size_t k0, float *p)
{
	const size_t shared = c->a->H / c->a->G;
	struct tile t = {.s = s, .k0 = k0};
	for (t.head = g * shared; t.head < (g + 1) * shared; t.head++)
		for (t.q0 = 0; t.q0 < c->seq[s].n_q; t.q0 += FC_ATTN_Q)
			if (tile_meets(c, &t))
				tile_bwd(c, &t, WANT_KV, p);
}

static void queries_only(const struct pass *c, size_t s, size_t head, size_t q0, float *p)
{
	struct tile t = {.s = s, .head = head, .q0 = q0};
	for (t.k0 = 0; t.k0 < c->seq[s].n_k; t.k0 += FC_ATTN_K)
		if (tile_meets(c, &t))
			tile_bwd(c, &t, WANT_Q, p);
}

/* A sequence is handed out by key heads, or, so that there is work for every thread, by blocks of
 * keys and blocks of queries; then every tile is computed twice. */
static size_t n_task(const struct fc_attn *a, const struct fc_attn_seq *s, bool split)
{
	return split
	    ? a->H * fc_attn_n_block(s->n_q, FC_ATTN_Q) + a->G * fc_attn_n_block(s->n_k, FC_ATTN_K)
	    : a->G;
}

static void run_task(const struct pass *c, size_t s, size_t i, bool split, float *p)
{
	const size_t G = c->a->G, n_k = fc_attn_n_block(c->seq[s].n_k, FC_ATTN_K);
	if (!split)
		whole_group(c, s, i, p);
	else if (i < G * n_k)
		keys_only(c, s, i % G, i / G * FC_ATTN_K, p);
	else
		queries_only(c, s, (i - G * n_k) % c->a->H, (i - G * n_k) / c->a->H * FC_ATTN_Q, p);
}

static void prepare_sequence(const struct pass *c, size_t s)
{
	const struct fc_attn_seq *q = &c->seq[s];
	const struct fc_attn_grad *d = &c->grad[s];
	const size_t H = c->a->H, D = c->a->D, GD = c->a->G * D;
#pragma omp parallel for if (q->n_q * H * D > FC_PAR_ELEMENTS)
	for (size_t i = 0; i < q->n_q; i++)
		for (size_t h = i * H; h < (i + 1) * H; h++)
			c->kern->dot_rows(&c->delta[c->delta_off[s] + h], 1, d->dout + h * D, D,
			    q->o + h * D, D, FC_F32, 1, 1, D);
	fc_attn_flip(c->kern, c->a, q, c->kt + c->flip_off[s], q->k);
	fc_attn_flip(c->kern, c->a, q, c->vt + c->flip_off[s], q->v);
	memset(d->dq, 0, q->n_q * H * D * sizeof(float));
	memset(d->dk, 0, q->n_k * GD * sizeof(float));
	memset(d->dv, 0, q->n_k * GD * sizeof(float));
}

void fc_cpu_attn_bwd(struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq,
    const struct fc_attn_grad *grad, size_t n_seq)
{
	struct fc_cpu *cpu = fc_cpu_of(nn);
	const size_t n_threads = (size_t)fc_par_threads();
	const bool split = n_threads > 1 && n_seq * a->G < 4 * n_threads;
	size_t *off = fc_cpu_scratch(cpu, FC_SCRATCH_TASKS, 3 * n_seq + 3, sizeof *off), next = 0;
	size_t *delta_off = off + n_seq + 1, *flip_off = delta_off + n_seq + 1;
	off[0] = delta_off[0] = flip_off[0] = 0;
	for (size_t s = 0; s < n_seq; s++) {
		off[s + 1] = off[s] + n_task(a, &seq[s], split);
		delta_off[s + 1] = delta_off[s] + seq[s].n_q * a->H;
		flip_off[s + 1] = flip_off[s] + fc_attn_flip_size(a, &seq[s]);
	}
	const size_t n_flip = flip_off[n_seq],
		     n = SCRATCH * n_threads + 2 * n_flip + delta_off[n_seq];
	float *scratch = fc_cpu_scratch(cpu, FC_SCRATCH_ATTN, n, sizeof *scratch);
	float *kt = scratch + SCRATCH * n_threads;
	const struct pass c = {
	    cpu->kern, a, seq, grad, delta_off, flip_off, kt + 2 * n_flip, kt, kt + n_flip};
	for (size_t s = 0; s < n_seq; s++)
		prepare_sequence(&c, s);
#pragma omp parallel if (fc_attn_work(a, seq, n_seq) > FC_PAR_PRODUCTS)
	{
		size_t me, s = 0;
#pragma omp atomic capture
		me = next++;
#pragma omp for schedule(monotonic : dynamic)
		for (size_t i = 0; i < off[n_seq]; i++) {
			while (i >= off[s + 1]) /* a thread's tasks ascend */
				s++;
			run_task(&c, s, i - off[s], split, scratch + SCRATCH * me);
		}
	}
}
