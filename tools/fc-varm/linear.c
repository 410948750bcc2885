/* SPDX-License-Identifier: Apache-2.0 */
/* The weighted mean of the targets, sum_k w_k x_k / sum_k w_k; the base plays no part. */
#include "method.h"

static int measure(
    const struct views *v, const struct settings *s, double *importance, struct fc_err *e)
{
	(void)e;
	for (int k = 0; k < v->n_target; k++)
		importance[k] = s->weights ? s->weights[k] : 1;
	return 0;
}

static void apply(const struct unit *u, const double *weight, double *out)
{
	for (size_t i = 0; i < u->n; i++)
		out[i] = -0.0; /* + x is x, also for x = -0 */
	for (int k = 0; k < u->v->n_target; k++) {
		const double *x = u->x[k];
		double w = weight[k];
		for (size_t i = 0; i < u->n; i++)
			out[i] += w * x[i];
	}
}

const struct method method_linear = {"linear", measure, apply, .convex = true};
