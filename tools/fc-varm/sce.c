/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCE as FuseChat ships it.  Select: the entries in which the targets' changes d_k vary most.
 * Calculate: w_k is the mean of d_k^2 over them, divided by the sum.  Erase: at each entry only
 * changes with the sign of sum_k d_k count.  The merged value is base + sum w_k d_k / sum w_k over
 * those.  The selection decides the weights alone: also entries outside it are merged.
 */
#include "cut.h"
#include "method.h"
#include "squares.h"
#include "tensor/simd.h"

/* Entries sorted in memory at most, 16 bytes each. */
#define GATHER ((size_t)1 << 16)

static int visit_selected(struct unit *u, void *ctx, struct fc_err *e)
{
	const struct cut *cut = ctx;
	uint64_t key[BLOCK_ELEMENTS];
	double taken[BLOCK_ELEMENTS];
	(void)e;
	while (unit_next(u)) {
		cut_keys(u, key);
		for (size_t i = 0; i < u->n; i++)
			taken[i] = cut_passes(cut, key[i], u->first + i);
		for (int k = 0; k < u->v->n_target; k++)
			squares_add_taken(
			    u->lanes + (size_t)k * LANES, u->x[k], u->base, taken, u->n);
	}
	return 0;
}

static int visit_all(struct unit *u, void *ctx, struct fc_err *e)
{
	(void)ctx;
	(void)e;
	while (unit_next(u))
		for (int k = 0; k < u->v->n_target; k++)
			squares_add(u->lanes + (size_t)k * LANES, u->x[k], u->base, u->n);
	return 0;
}

static int measure(const struct views *v, struct verdict *r, struct fc_err *e)
{
	struct cut cut;
	size_t n = v->n;
	bool all = v->set->select_topk >= 1;
	if (!all && cut_find(&cut, v, v->set->select_topk, GATHER, &n, e) < 0)
		return -1;
	if (sweep(v, all ? visit_all : visit_selected, &cut, r->weight, v->n_target, e) < 0)
		return -1;
	for (int k = 0; k < v->n_target && n; k++)
		r->weight[k] /= (double)n;
	return 0;
}

static FC_SIMD_BODY void elect_body(double *restrict out, const double *restrict base,
    double *const *x, const double *weight, int n_target, size_t n)
{
	double sum[BLOCK_ELEMENTS], moved[BLOCK_ELEMENTS], weights[BLOCK_ELEMENTS];
	for (size_t i = 0; i < n; i++)
		sum[i] = moved[i] = weights[i] = 0;
	for (int k = 0; k < n_target; k++) {
		const double *restrict target = x[k];
		for (size_t i = 0; i < n; i++)
			sum[i] += target[i] - base[i];
	}
	for (int k = 0; k < n_target; k++) {
		const double *restrict target = x[k];
		double w = weight[k];
		for (size_t i = 0; i < n; i++) {
			double d = target[i] - base[i];
			double along = sum[i] >= 0 ? d : -d;
			double counts = along > 0 ? w : 0;
			moved[i] += counts * d;
			weights[i] += counts;
		}
	}
	for (size_t i = 0; i < n; i++) {
		double change = moved[i] / (weights[i] == 0 ? 1 : weights[i]);
		out[i] = change == 0 ? base[i] : base[i] + change;
	}
}
FC_SIMD_KERNEL(static void, elect,
    (double *out, const double *base, double *const *x, const double *weight, int n_target,
	size_t n),
    (out, base, x, weight, n_target, n))

static void apply(const struct unit *u, const struct verdict *r, double *out)
{
	elect(out, u->base, u->x, r->weight, u->v->n_target, u->n);
}

const struct method method_sce = {
    .name = "sce", .measure = measure, .apply = apply, .importance = true, .uses_base = true};
