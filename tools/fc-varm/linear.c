/* SPDX-License-Identifier: Apache-2.0 */
/* The weighted mean of the targets, sum_k w_k x_k / sum_k w_k; the base plays no part. */
#include "method.h"
#include "tensor/simd.h"

static int measure(const struct views *v, struct verdict *r, struct fc_err *e)
{
	double sum = 0;
	(void)e;
	for (int k = 0; k < v->n_target; k++)
		sum += v->term[k].weight;
	for (int k = 0; k < v->n_target; k++)
		r->weight[k] = v->set->normalize ? v->term[k].weight / sum : v->term[k].weight;
	r->moved = true;
	return 0;
}

static FC_SIMD_BODY void add_targets_body(
    double *restrict out, double *const *x, const double *weight, int n_target, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = -0.0; /* + x is x, also for x = -0 */
	for (int k = 0; k < n_target; k++) {
		const double *restrict target = x[k];
		double w = weight[k];
		for (size_t i = 0; i < n; i++)
			out[i] += w * target[i];
	}
}
FC_SIMD_KERNEL(static void, add_targets,
    (double *out, double *const *x, const double *weight, int n_target, size_t n),
    (out, x, weight, n_target, n))

static void apply(const struct unit *u, const struct verdict *r, double *out)
{
	add_targets(out, u->x, r->weight, u->v->n_target, u->n);
}

const struct method method_linear = {
    .name = "linear", .measure = measure, .apply = apply, .convex = true};
