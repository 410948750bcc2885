/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variation-ratio merging (FuseChat, Wan et al. 2024).  The importance of target k for a matrix is
 * the mean square of its change, v_k = mean((x_k - base)^2), W_k = v_k / sum_j v_j, and the merged
 * matrix is base + sum_k W_k (x_k - base).
 */
#include "method.h"
#include "squares.h"
#include "tensor/simd.h"

static int visit_squares(struct unit *u, void *ctx, struct fc_err *e)
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
	if (sweep(v, visit_squares, NULL, r->weight, v->n_target, e) < 0)
		return -1;
	for (int k = 0; k < v->n_target && v->n; k++)
		r->weight[k] /= (double)v->n;
	return 0;
}

static FC_SIMD_BODY void add_changes_body(double *restrict out, const double *restrict base,
    double *const *x, const double *weight, int n_target, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = 0;
	for (int k = 0; k < n_target; k++) {
		const double *restrict target = x[k];
		double w = weight[k];
		for (size_t i = 0; i < n; i++)
			out[i] += w * (target[i] - base[i]);
	}
	/* an entry nobody moved keeps its bits, also those of -0 */
	for (size_t i = 0; i < n; i++)
		out[i] = out[i] == 0 ? base[i] : base[i] + out[i];
}
FC_SIMD_KERNEL(static void, add_changes,
    (double *out, const double *base, double *const *x, const double *weight, int n_target,
	size_t n),
    (out, base, x, weight, n_target, n))

static void apply(const struct unit *u, const struct verdict *r, double *out)
{
	add_changes(out, u->base, u->x, r->weight, u->v->n_target, u->n);
}

const struct method method_varm = {.name = "varm",
    .measure = measure,
    .apply = apply,
    .importance = true,
    .convex = true,
    .uses_base = true};
