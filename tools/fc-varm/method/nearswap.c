/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nearswap: an entry of the base takes over the target's value the more, the nearer they are: with
 * the weight t / |d|, at most 1.  Distances below 1e-6 count as that.
 */
#include <math.h>

#include "fc-varm/method/method.h"
#include "tensor/simd.h"

static const struct parameter param_t = VARM_PARAMETER(REAL, "t", VARM_SHARED(t), 0, -INFINITY,
    INFINITY, "T", "distance up to which the target's value is taken", .must = PARAMETER_MUST);

static int measure(const struct views *v, struct measured *r, struct fc_err *e)
{
	(void)v;
	(void)e;
	r->weight[0] = NAN; /* each entry has its own */
	return 0;
}

static FC_SIMD_BODY void swap_near_body(
    double *restrict out, const double *restrict base, const double *restrict x, double t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double distance = fabs(x[i] - base[i]);
		double w = t / (distance > 1e-6 ? distance : 1e-6);
		w = w < 0 ? 0 : w > 1 ? 1 : w;
		out[i] = distance == 0 ? base[i] : w * x[i] + (1 - w) * base[i];
	}
}
FC_SIMD_KERNEL(static void, swap_near,
    (double *out, const double *base, const double *x, double t, size_t n), (out, base, x, t, n))

static void apply(struct unit *u, const struct measured *r, double *out)
{
	(void)r;
	swap_near(out, u->base, u->x[0], u->v->set->t, u->n);
}

VARM_METHOD(nearswap) = {.name = "nearswap",
    .help = "one target's value where it is near the base's",
    .takes = VARM_TAKES({.parameter = &param_t}),
    .least = 1,
    .most = 1,
    .base = BASE_NEEDED,
    .drops = true,
    .measure = measure,
    .apply = apply};
