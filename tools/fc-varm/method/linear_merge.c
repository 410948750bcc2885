/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The weighted mean of the targets, sum_k w_k x_k / sum_k w_k, and one model as it is, times a
 * factor; the base plays no part.
 */
#include <math.h>

#include "fc-varm/method/inner_products.h"

static const struct parameter param_scale = VARM_PARAMETER(
    REAL, "scale", VARM_OF_TARGET(weight), 1, -INFINITY, INFINITY, "S", "factor of the values");

static int measure(const struct views *v, struct measured *r, struct fc_err *e)
{
	double sum = 0;
	(void)e;
	for (int k = 0; k < v->n_target; k++)
		sum += v->target_params[k].weight;
	for (int k = 0; k < v->n_target; k++)
		r->weight[k] = v->set->normalize ? v->target_params[k].weight / sum
						 : v->target_params[k].weight;
	return 0;
}

VARM_METHOD(linear) = {.name = "linear",
    .help = "the weighted mean of the models",
    .takes = VARM_TAKES({.parameter = &varm_weight},
	{.parameter = &varm_normalize, .has_usual = true, .usual = true}),
    .least = 1,
    .streams = true,
    .divides = true,
    .copies = COPIES_SOLE_WEIGHT,
    .measure = measure,
    .apply = varm_blend_values};
VARM_METHOD(passthrough) = {.name = "passthrough",
    .help = "one model as it is, times a factor",
    .takes = VARM_TAKES({.parameter = &param_scale}),
    .least = 1,
    .most = 1,
    .streams = true,
    .copies = COPIES_SOLE_WEIGHT,
    .measure = measure,
    .apply = varm_blend_values};
