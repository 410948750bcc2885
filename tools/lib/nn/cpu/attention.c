/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/attention.h"

#include <math.h>
#include <string.h>

#include "base/ahead.h"
#include "base/par.h"
#include "nn/cpu/product.h"

/* Scores of few rows are dot products at the speed of memory. */
enum { FEW = 8 };

/* Where a row's D floats are in q and o; rows are stride() apart. */
static size_t offset(const struct fc_attn_tile *t)
{
	return (t->query * t->a->H + t->head) * t->a->D;
}

static size_t stride(const struct fc_attn_tile *t)
{
	return t->one_query ? t->a->D : t->a->H * t->a->D;
}

void fc_attn_flip(const struct fc_kern *kern, const struct fc_attn *a, const struct fc_attn_seq *s,
    float *flipped, const float *x)
{
	const size_t GD = a->G * a->D;
#pragma omp parallel for collapse(2) if (s->n_k * GD > FC_PAR_ELEMENTS)
	for (size_t k0 = 0; k0 < s->n_k; k0 += FC_ATTN_K)
		for (size_t g = 0; g < a->G; g++)
			kern->transpose(flipped + fc_attn_flip_at(a, s, g, k0), FC_ATTN_K,
			    x + k0 * GD + g * a->D, GD, fc_min_size(FC_ATTN_K, s->n_k - k0), a->D);
}

/* Where the D floats of the tile's head are in key or value k of x; those of the next are G * D
 * further on. */
static const float *of_head(const struct fc_attn_tile *t, const float *x, size_t k)
{
	return x + (k * t->a->G + t->head / (t->a->H / t->a->G)) * t->a->D;
}

static void scale_row(float *o, float x, size_t D)
{
	for (size_t d = 0; d < D; d++)
		o[d] *= x;
}

/* Few rows take keys and values as they come from memory, D floats each of other heads' too: they
 * are asked for while others are worked on, so many keys at a time, since only few lines can be
 * under way. */
enum { ASKED = 16 };

static void ask(const struct fc_attn_tile *t, const float *x, size_t from, size_t end)
{
	for (size_t k = from; k < fc_min_size(from + ASKED, end); k++)
		fc_ahead((uintptr_t)of_head(t, x, k), t->a->D * sizeof *x);
}

/* The scores of few rows; the first rows ask for the keys and, for later, the values. */
static void few_scores(const struct fc_kern *kern, const struct fc_attn_tile *t, size_t r0,
    size_t n_row, size_t k0, struct fc_attn_span v, float *p)
{
	const float *q = t->s->q + offset(t) + r0 * stride(t);
	const size_t end = k0 + v.hi;
	for (size_t k = k0 + v.lo; k < end; k += ASKED) {
		if (r0 == 0) {
			ask(t, t->s->k, k + ASKED, fc_attn_end(t->s, t->query));
			ask(t, t->s->v, k, end);
		}
		kern->dot_rows(p + (k - k0), FC_ATTN_K, q, stride(t), of_head(t, t->s->k, k),
		    t->a->G * t->a->D, FC_F32, n_row, fc_min_size(ASKED, end - k), t->a->D);
	}
}

/* p [n_row, FC_ATTN_K]: scores of rows from r0 on with the keys [v.lo, v.hi) of tile k0 */
static void scores(const struct fc_kern *kern, const struct fc_attn_tile *t, size_t r0,
    size_t n_row, size_t k0, struct fc_attn_span v, float *p)
{
	const size_t D = t->a->D, g = t->head / (t->a->H / t->a->G);
	if (!t->kt) {
		few_scores(kern, t, r0, n_row, k0, v, p);
		return;
	}
	kern->mm(p + v.lo, FC_ATTN_K, t->s->q + offset(t) + r0 * stride(t), stride(t), 1,
	    t->kt + fc_attn_flip_at(t->a, t->s, g, k0) + v.lo, FC_ATTN_K, n_row, v.hi - v.lo, D,
	    false);
}

static void add_values(const struct fc_kern *kern, const struct fc_attn_tile *t, size_t r0,
    size_t n_row, size_t k0, struct fc_attn_span v, const float *p)
{
	const size_t D = t->a->D, GD = t->a->G * D, ld = stride(t);
	const float *value = of_head(t, t->s->v, k0 + v.lo);
	float *o = t->s->o + offset(t) + r0 * ld;
	if (t->kt)
		kern->mm(o, ld, p + v.lo, FC_ATTN_K, 1, value, GD, n_row, D, v.hi - v.lo, true);
	else
		kern->weighted_sums(o, ld, p + v.lo, FC_ATTN_K, value, GD, n_row, v.hi - v.lo, D);
}

/* Rows from r0 on against one tile of keys. */
static void group_fwd(const struct fc_kern *kern, const struct fc_attn_tile *t, size_t r0,
    size_t n_row, size_t k0, size_t n, float *p, struct fc_attn_running *r)
{
	const struct fc_attn_span all =
	    fc_attn_span(t->a, t->s, fc_attn_query(t, r0), fc_attn_query(t, r0 + n_row - 1), k0, n);
	if (all.lo == all.hi)
		return;
	scores(kern, t, r0, n_row, k0, all, p);
	for (size_t i = r0; i < r0 + n_row; i++) {
		const size_t query = fc_attn_query(t, i);
		const struct fc_attn_span v = fc_attn_span(t->a, t->s, query, query, k0, n);
		const float shrink =
		    fc_attn_row_softmax(kern, t, i, k0, v, all, p + (i - r0) * FC_ATTN_K, r);
		if (shrink != 1)
			scale_row(t->s->o + offset(t) + i * stride(t), shrink, t->a->D);
	}
	add_values(kern, t, r0, n_row, k0, all, p);
}

static void tile_fwd(const struct fc_kern *kern, const struct fc_attn_tile *t, float *p)
{
	const struct fc_attn_seq *s = t->s;
	const size_t D = t->a->D, end = fc_attn_end(s, fc_attn_query(t, t->n_row - 1));
	const size_t first = fc_attn_first(t->a, s, t->query) / FC_ATTN_K * FC_ATTN_K;
	struct fc_attn_running r;
	for (size_t i = 0; i < t->n_row; i++) {
		fc_attn_begin_row(t, i, &r);
		memset(s->o + offset(t) + i * stride(t), 0, D * sizeof(float));
	}
	for (size_t k0 = first; k0 < end; k0 += FC_ATTN_K)
		for (size_t i = 0; i < t->n_row; i += FC_ATTN_GROUP)
			group_fwd(kern, t, i, fc_min_size(FC_ATTN_GROUP, t->n_row - i), k0,
			    fc_min_size(FC_ATTN_K, end - k0), p, &r);
	for (size_t i = 0; i < t->n_row; i++) {
		scale_row(s->o + offset(t) + i * stride(t), 1 / r.sum[i], D);
		if (s->lse)
			s->lse[offset(t) / D + i * (stride(t) / D)] = r.max[i] + logf(r.sum[i]);
	}
}

/* Rows are the heads that share keys where there is one query. */
static bool is_one_query(const struct fc_attn *a, const struct fc_attn_seq *s)
{
	return s->n_q == 1 && a->H / a->G <= FC_ATTN_Q;
}

static bool is_few(const struct fc_attn *a, const struct fc_attn_seq *s)
{
	return is_one_query(a, s) || s->n_q <= FEW;
}

/* In how many parts the heads that share keys are taken where there is one query: in more than one
 * where few tiles would leave some thread without, since the others would wait for it.  No row
 * depends on what else is in its tile. */
static size_t n_part(const struct fc_attn *a, const struct fc_attn_seq *seq, size_t n_seq)
{
	const size_t shared = a->H / a->G, n_thread = (size_t)fc_par_threads();
	size_t n = 0, part = 1;
	for (size_t s = 0; s < n_seq; s++)
		n += is_one_query(a, &seq[s]) ? a->G : 0;
	while (part < shared && part * n % n_thread && part * n < 4 * n_thread)
		part++;
	return part;
}

/* Tiles of a sequence: per query block and head, or, of a single query, per part of the heads that
 * share keys. */
static size_t n_tile(const struct fc_attn *a, const struct fc_attn_seq *s, size_t parts)
{
	return is_one_query(a, s) ? a->G * parts : fc_attn_n_block(s->n_q, FC_ATTN_Q) * a->H;
}

/* The i-th tile; the last queries, which see most keys, come first. */
static struct fc_attn_tile tile_at(
    const struct fc_attn *a, const struct fc_attn_seq *s, size_t parts, const float *kt, size_t i)
{
	const size_t shared = a->H / a->G;
	if (is_one_query(a, s)) {
		const size_t from = i % parts * shared / parts,
			     to = (i % parts + 1) * shared / parts;
		return (struct fc_attn_tile){
		    a, s, NULL, i / parts * shared + from, 0, to - from, true};
	}
	const size_t query = (fc_attn_n_block(s->n_q, FC_ATTN_Q) - 1 - i / a->H) * FC_ATTN_Q;
	return (struct fc_attn_tile){a, s, is_few(a, s) ? NULL : kt, i % a->H, query,
	    fc_min_size(FC_ATTN_Q, s->n_q - query), false};
}

static void float_pack(
    const struct fc_kern *kern, const struct fc_attn *a, const struct fc_attn_seq *s, float *to)
{
	fc_attn_flip(kern, a, s, to, s->k);
}

static size_t float_scratch(const struct fc_attn *a)
{
	(void)a;
	return (size_t)FC_ATTN_GROUP * FC_ATTN_K;
}

static const struct fc_attn_way in_floats = {
    fc_attn_flip_size, float_pack, float_scratch, tile_fwd};

static const struct fc_attn_way *way_for(const struct fc_cpu *cpu, const struct fc_attn *a)
{
#if defined(__x86_64__)
	if (cpu->products == &fc_products_amx && a->D % 16 == 0)
		return &fc_attn_way_amx;
#endif
	(void)cpu;
	(void)a;
	return &in_floats;
}

void fc_cpu_attn_fwd(
    struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq, size_t n_seq)
{
	struct fc_cpu *cpu = fc_cpu_of(nn);
	const struct fc_attn_way *way = way_for(cpu, a);
	const size_t least = float_scratch(a), wanted = way->scratch(a),
		     size = wanted > least ? wanted : least, own = size * (size_t)fc_par_threads();
	size_t *off = fc_cpu_scratch(cpu, FC_SCRATCH_TASKS, 2 * n_seq + 2, sizeof *off), next = 0;
	size_t *flip_off = off + n_seq + 1;
	const size_t parts = n_part(a, seq, n_seq);
	off[0] = flip_off[0] = 0;
	for (size_t s = 0; s < n_seq; s++) {
		off[s + 1] = off[s] + n_tile(a, &seq[s], parts);
		flip_off[s + 1] = flip_off[s] + (is_few(a, &seq[s]) ? 0 : way->size(a, &seq[s]));
	}
	float *scratch =
	    fc_cpu_scratch(cpu, FC_SCRATCH_ATTN, own + flip_off[n_seq], sizeof *scratch);
	float *kt = scratch + own;
	for (size_t s = 0; s < n_seq; s++)
		if (!is_few(a, &seq[s]))
			way->pack(cpu->kern, a, &seq[s], kt + flip_off[s]);
#pragma omp parallel if (fc_attn_work(a, seq, n_seq) > FC_PAR_ATTENTION)
	{
		size_t me, s = 0;
#pragma omp atomic capture
		me = next++;
#pragma omp for schedule(monotonic : dynamic)
		for (size_t i = 0; i < off[n_seq]; i++) {
			while (i >= off[s + 1]) /* a thread's tasks ascend */
				s++;
			const struct fc_attn_tile t =
			    tile_at(a, &seq[s], parts, kt + flip_off[s], i - off[s]);
			(t.kt ? way->tile : tile_fwd)(cpu->kern, &t, scratch + me * size);
		}
	}
}
