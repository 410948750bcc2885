/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RAM and RAM+ (arXiv 2601.13572) as mergekit 0.1.5 has them.  A target counts at an entry where
 * its change is above eps in magnitude; the result is base + the mean of the changes that count.
 * RAM+, tensor by tensor, multiplies changes that only one target has by 1 + reward rho of that
 * target: rho is how many of its changes others share, over those they do not, at most most_shared.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-varm/method/method.h"
#include "fc-varm/method/sums.h"
#include "tensor/simd.h"

static const struct parameter param_epsilon = VARM_PARAMETER(REAL, "epsilon", VARM_SHARED(eps),
    1e-5, 0, INFINITY, "E", "changes up to it in magnitude are none");
static const struct parameter param_reward = VARM_PARAMETER(REAL, "r", VARM_SHARED(reward), 0.1,
    -INFINITY, INFINITY, "R", "what changes of one target alone gain by each part shared");
static const struct parameter param_most_shared = VARM_PARAMETER(REAL, "alpha",
    VARM_SHARED(most_shared), 0.2, 0, INFINITY, "A", "the part shared counts up to this");

/* count[i] = how many targets count at the entry */
static FC_SIMD_BODY void count_body(
    double *restrict count, const double *restrict change, double eps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		count[i] += fabs(change[i]) > eps ? 1 : 0;
}
FC_SIMD_KERNEL(static void, count, (double *count, const double *change, double eps, size_t n),
    (count, change, eps, n))

/* at[i] = 1 where the target counts, alone or with others */
static FC_SIMD_BODY void mark_body(double *restrict at, const double *restrict change,
    const double *restrict count, double eps, bool alone, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double here = fabs(change[i]) > eps ? 1 : 0;
		at[i] = (count[i] > 1.5) != alone ? here : 0;
	}
}
FC_SIMD_KERNEL(static void, mark,
    (double *at, const double *change, const double *count, double eps, bool alone, size_t n),
    (at, change, count, eps, alone, n))

static FC_SIMD_BODY void add_body(double *restrict out, const double *restrict change,
    const double *restrict count, double eps, double alone, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double factor = count[i] > 1.5 ? 1 / count[i] : alone;
		out[i] += fabs(change[i]) > eps ? factor * change[i] : 0;
	}
}
FC_SIMD_KERNEL(static void, add,
    (double *out, const double *change, const double *count, double eps, double alone, size_t n),
    (out, change, count, eps, alone, n))

/* The block's changes, in place of the values, and how many count at each entry. */
static void prepare_block(struct unit *u, double *counts)
{
	memset(counts, 0, u->n * sizeof *counts);
	for (int k = 0; k < u->v->n_target; k++) {
		varm_sums_subtract(u->x[k], u->base, u->n);
		count(counts, u->x[k], u->v->set->eps, u->n);
	}
}

/* Sums: for each target its shared and its own changes. */
static int visit(struct unit *u, void *ctx, struct fc_err *e)
{
	static const double zero[BLOCK_ELEMENTS];
	double counts[BLOCK_ELEMENTS], at[BLOCK_ELEMENTS], eps = u->v->set->eps;
	(void)ctx;
	(void)e;
	while (varm_unit_next(u)) {
		prepare_block(u, counts);
		for (int k = 0; k < u->v->n_target; k++) {
			double *lane = u->lanes + (size_t)k * 2 * LANES;
			mark(at, u->x[k], counts, eps, false, u->n);
			varm_sums_magnitudes(lane, at, zero, u->n);
			mark(at, u->x[k], counts, eps, true, u->n);
			varm_sums_magnitudes(lane + LANES, at, zero, u->n);
		}
	}
	return 0;
}

/* r->number[k]: the factor of changes that only target k has */
static int measure_plus(const struct views *v, struct measured *r, struct fc_err *e)
{
	int K = v->n_target;
	double *sum = FC_ARRAY(double, 2 * (size_t)K + 1);
	int ret = varm_pass(v, visit, NULL, sum, 2 * K, e);
	r->number = FC_ARRAY(double, (size_t)K + 1);
	for (int k = 0; k < K; k++) {
		double rho = sum[2 * k] / fmax(sum[2 * k + 1], v->set->eps);
		r->number[k] = 1 + v->set->reward * fmin(rho, v->set->most_shared);
		r->weight[k] = NAN; /* every entry has its own */
	}
	free(sum);
	return ret;
}

static int measure(const struct views *v, struct measured *r, struct fc_err *e)
{
	(void)e;
	for (int k = 0; k < v->n_target; k++)
		r->weight[k] = NAN;
	return 0;
}

static void apply(struct unit *u, const struct measured *r, double *out)
{
	double counts[BLOCK_ELEMENTS];
	prepare_block(u, counts);
	memset(out, 0, u->n * sizeof *out);
	for (int k = 0; k < u->v->n_target; k++)
		add(out, u->x[k], counts, u->v->set->eps, r->number ? r->number[k] : 1, u->n);
	for (size_t i = 0; i < u->n; i++)
		out[i] = out[i] == 0 ? u->base[i] : u->base[i] + out[i];
}

VARM_METHOD(ram) = {.name = "ram",
    .help = "what one target alone changed is kept whole",
    .takes = VARM_TAKES({.parameter = &param_epsilon}),
    .least = 1,
    .base = BASE_NEEDED,
    .drops = true,
    .measure = measure,
    .apply = apply};
VARM_METHOD(ramplus_tl) = {.name = "ramplus_tl",
    .help = "RAM with the changes of one target alone enlarged",
    .takes = VARM_TAKES({.parameter = &param_epsilon}, {.parameter = &param_reward},
	{.parameter = &param_most_shared}),
    .least = 1,
    .base = BASE_NEEDED,
    .drops = true,
    .measure = measure_plus,
    .apply = apply};
