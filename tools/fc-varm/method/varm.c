/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variation-ratio merging (FuseChat, Wan et al. 2024).  The importance of target k for a matrix is
 * the mean square of its change, v_k = mean((x_k - base)^2), W_k = v_k / sum_j v_j, and the merged
 * matrix is base + sum_k W_k (x_k - base).  Larger units add up v_k (group.h); in the smallest,
 * every entry has weights of its own.
 */
#include <math.h>

#include "fc-varm/method/inner_products.h"
#include "fc-varm/method/stream_in.h"
#include "fc-varm/method/sums.h"
#include "tensor/simd.h"

static const char *const granularities[] = {
    [BY_MATRIX] = "matrix",
    [BY_MODULE] = "module",
    [BY_LAYER] = "layer",
    [BY_MODEL] = "model",
    [BY_PARAMETER] = "parameter",
    NULL,
};
static const struct parameter param_granularity =
    VARM_PARAMETER(WORD, "granularity", VARM_SHARED(granularity), 0, 0, BY_PARAMETER, NULL,
	"what shares a weight", .words = granularities);
static const struct parameter param_absolute = VARM_PARAMETER(TRUTH, "absolute",
    VARM_SHARED(absolute), 0, 0, 1, NULL, "measure changes by the mean of |d|, not of d^2");
static const struct parameter param_temperature =
    VARM_PARAMETER(REAL, "temperature", VARM_SHARED(temperature), 0, 0, INFINITY, "T",
	"softmax of the measures over T; 0: their ratio");

static int visit(struct unit *u, void *ctx, struct fc_err *e)
{
	bool absolute = u->v->set->absolute;
	(void)ctx;
	(void)e;
	while (absolute ? varm_unit_next(u) : varm_unit_next_base(u)) {
		for (int k = 0; k < u->v->n_target; k++) {
			double *lane = u->lanes + (size_t)k * LANES;
			if (absolute)
				varm_sums_magnitudes(lane, u->x[k], u->base, u->n);
			else
				varm_stream_squares(
				    &u->v->target[k], u->first, u->n, u->base, lane, u->x[k]);
		}
	}
	return 0;
}

static int measure(const struct views *v, struct measured *r, struct fc_err *e)
{
	if (varm_pass(v, visit, NULL, r->weight, v->n_target, e) < 0)
		return -1;
	for (int k = 0; k < v->n_target && v->n; k++)
		r->weight[k] /= (double)v->n;
	return 0;
}

/* Each entry's weights are v_k / sum_j v_j, v_k = d_k^2 or |d_k|. */
static FC_SIMD_BODY void weigh_entries_body(double *restrict out, const double *restrict base,
    double *const *x, bool absolute, int n_target, size_t n)
{
	double moved[BLOCK_ELEMENTS], sum[BLOCK_ELEMENTS];
	for (size_t i = 0; i < n; i++)
		moved[i] = sum[i] = 0;
	for (int k = 0; k < n_target; k++) {
		const double *restrict target = x[k];
		for (size_t i = 0; i < n; i++) {
			double d = target[i] - base[i], v = absolute ? fabs(d) : d * d;
			moved[i] += v * d;
			sum[i] += v;
		}
	}
	for (size_t i = 0; i < n; i++)
		out[i] = sum[i] == 0 ? base[i] : base[i] + moved[i] / sum[i];
}
FC_SIMD_KERNEL(static void, weigh_entries,
    (double *out, const double *base, double *const *x, bool absolute, int n_target, size_t n),
    (out, base, x, absolute, n_target, n))

/* Each entry's weights are softmax(v_k / temperature); an entry nobody moved stays the base's. */
static void softmax_entries(const struct unit *u, double *out)
{
	const struct settings *s = u->v->set;
	for (size_t i = 0; i < u->n; i++) {
		double most = 0, moved = 0, sum = 0;
		for (int k = 0; k < u->v->n_target; k++) {
			double d = u->x[k][i] - u->base[i];
			most = fmax(most, s->absolute ? fabs(d) : d * d);
		}
		for (int k = 0; k < u->v->n_target; k++) {
			double d = u->x[k][i] - u->base[i], v = s->absolute ? fabs(d) : d * d;
			double weight = exp((v - most) / s->temperature);
			moved += weight * d;
			sum += weight;
		}
		out[i] = most == 0 ? u->base[i] : u->base[i] + moved / sum;
	}
}

static void apply(struct unit *u, const struct measured *r, double *out)
{
	const struct settings *s = u->v->set;
	if (s->granularity != BY_PARAMETER) {
		varm_blend_changes(u, r, out);
		return;
	}
	varm_unit_read(u);
	if (s->temperature > 0)
		softmax_entries(u, out);
	else
		weigh_entries(out, u->base, u->x, s->absolute, u->v->n_target, u->n);
}

VARM_METHOD(varm) = {.name = "varm",
    .help = "VaRM: weights by the mean squares of the changes",
    .takes = VARM_TAKES({.parameter = &param_granularity}, {.parameter = &param_absolute},
	{.parameter = &param_temperature}),
    .least = 1,
    .base = BASE_NEEDED,
    .streams = true,
    .importance = true,
    .copies = COPIES_SOLE_WEIGHT,
    .measure = measure,
    .apply = apply};
