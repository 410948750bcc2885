/* SPDX-License-Identifier: Apache-2.0 */
/* The weighted mean of the targets, sum_k w_k x_k / sum_k w_k; the base plays no part. */
#include "fc-varm/method/gram.h"

static int measure(const struct views *v, struct verdict *r, struct fc_err *e)
{
	double sum = 0;
	for (int k = 0; k < v->n_target; k++)
		sum += v->term[k].weight;
	if (v->set->normalize && sum == 0)
		return fc_fail(e, "tensor %s: the weights add up to 0", v->out->name);
	for (int k = 0; k < v->n_target; k++)
		r->weight[k] = v->set->normalize ? v->term[k].weight / sum : v->term[k].weight;
	return 0;
}

const struct method varm_method_linear = {.name = "linear",
    .measure = measure,
    .apply = varm_blend_values,
    .streams = true,
    .convex = true,
    .least = 1,
    .normalize = true};
