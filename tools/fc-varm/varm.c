/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variation-ratio merging (FuseChat, Wan et al. 2024).  The importance of target k for a matrix is
 * the mean square of its change, v_k = mean((x_k - base)^2), W_k = v_k / sum_j v_j, and the merged
 * matrix is base + sum_k W_k (x_k - base).
 */
#include "method.h"

static void add_squares(double *lane, const double *x, const double *base, size_t n)
{
	size_t i = 0;
	for (; i + LANES <= n; i += LANES)
		for (size_t j = 0; j < LANES; j++) {
			double d = x[i + j] - base[i + j];
			lane[j] += d * d;
		}
	for (size_t j = 0; i + j < n; j++) {
		double d = x[i + j] - base[i + j];
		lane[j] += d * d;
	}
}

static int visit_squares(struct unit *u, void *ctx, struct fc_err *e)
{
	(void)ctx;
	(void)e;
	while (unit_next(u))
		for (int k = 0; k < u->v->n_target; k++)
			add_squares(u->lanes + (size_t)k * LANES, u->x[k], u->base, u->n);
	return 0;
}

static int measure(
    const struct views *v, const struct settings *s, double *importance, struct fc_err *e)
{
	(void)s;
	if (sweep(v, visit_squares, NULL, importance, v->n_target, e) < 0)
		return -1;
	for (int k = 0; k < v->n_target && v->n; k++)
		importance[k] /= (double)v->n;
	return 0;
}

static void apply(const struct unit *u, const double *weight, double *out)
{
	for (size_t i = 0; i < u->n; i++)
		out[i] = 0;
	for (int k = 0; k < u->v->n_target; k++) {
		const double *x = u->x[k], *base = u->base;
		double w = weight[k];
		for (size_t i = 0; i < u->n; i++)
			out[i] += w * (x[i] - base[i]);
	}
	/* an entry nobody moved keeps its bits, also those of -0 */
	for (size_t i = 0; i < u->n; i++)
		out[i] = out[i] == 0 ? u->base[i] : u->base[i] + out[i];
}

const struct method method_varm = {"varm", measure, apply, .convex = true};
