/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCE as FuseChat ships it.  Select: the entries in which the targets' changes d_k vary most.
 * Calculate: w_k is the mean of d_k^2 over them, divided by the sum.  Erase: at each entry only
 * changes with the sign of sum_k d_k count.  The merged value is base + sum w_k d_k / sum w_k over
 * those.  The selection decides the weights alone: also entries outside it are merged; in
 * mergekit's version these stay the base's.
 */
#include "base/mem.h"
#include "fc-varm/method/elected.h"
#include "fc-varm/method/quad.h"
#include "fc-varm/method/method.h"
#include "fc-varm/method/stream_in.h"
#include "fc-varm/method/sums.h"
#include "fc-varm/method/threshold.h"
#include "tensor/simd.h"

static const struct parameter param_select_topk =
    VARM_PARAMETER(REAL, "select_topk", VARM_SHARED(select_topk), 1, 0, 1, "P",
	"part of the entries, those that vary most, that decides the weights");

static void mark_selected(const struct unit *u, const struct threshold *threshold, double *taken)
{
	double variance[BLOCK_ELEMENTS];
	varm_threshold_variance.exact(u, NULL, (uint64_t *)variance);
	varm_threshold_factors(threshold, variance, u->first, u->n, 1, taken);
}

static void add_squares(const struct unit *u, const double *taken, double *lanes)
{
	for (int k = 0; k < u->v->n_target; k++)
		varm_sums_squares_taken(lanes + (size_t)k * LANES, u->x[k], u->base, taken, u->n);
}

static void get_squares(const struct unit *u, size_t i, double *number)
{
	for (int k = 0; k < u->v->n_target; k++)
		number[k] = (u->x[k][i] - u->base[i]) * (u->x[k][i] - u->base[i]);
}

static const struct threshold_sums squares = {add_squares, get_squares};

static int visit_selected(struct unit *u, void *ctx, struct fc_err *e)
{
	double taken[BLOCK_ELEMENTS];
	(void)e;
	while (varm_unit_next(u)) {
		mark_selected(u, ctx, taken);
		add_squares(u, taken, u->lanes);
	}
	return 0;
}

static int visit_all(struct unit *u, void *ctx, struct fc_err *e)
{
	(void)ctx;
	(void)e;
	while (varm_unit_next_base(u))
		for (int k = 0; k < u->v->n_target; k++)
			varm_stream_squares(&u->v->target[k], u->first, u->n, u->base,
			    u->lanes + (size_t)k * LANES, u->x[k]);
	return 0;
}

/* Sums of squares over the selected entries; how many these are.  r->threshold is NULL for all. */
static int measure_squares(
    const struct views *v, struct measured *r, size_t *n_selected, struct fc_err *e)
{
	*n_selected = v->n;
	if (v->set->select_topk >= 1)
		return varm_pass(v, visit_all, NULL, r->weight, v->n_target, e);
	struct threshold_query w = {&varm_threshold_variance, .sums = &squares, .sum = r->weight,
	    .part = v->set->select_topk, .of_nonzero = true};
	if (varm_threshold_find(&w, 1, v, THRESHOLD_GATHER, e) < 0)
		return -1;
	*n_selected = w.take;
	r->threshold = FC_ARRAY(struct threshold, 1);
	*r->threshold = w.threshold;
	return w.summed ? 0 : varm_pass(v, visit_selected, r->threshold, r->weight, v->n_target, e);
}

static int measure(const struct views *v, struct measured *r, struct fc_err *e)
{
	size_t n;
	if (measure_squares(v, r, &n, e) < 0)
		return -1;
	for (int k = 0; k < v->n_target && n; k++)
		r->weight[k] /= (double)n;
	return 0;
}

/* mergekit's reading: squares count among all entries, and when their mean over the whole tensor,
 * added up, is below 1e-6, the weights are equal. */
static int measure_mergekit(const struct views *v, struct measured *r, struct fc_err *e)
{
	size_t n;
	double sum = 0;
	if (measure_squares(v, r, &n, e) < 0)
		return -1;
	for (int k = 0; k < v->n_target && v->n; k++)
		sum += r->weight[k] /= (double)v->n;
	for (int k = 0; k < v->n_target && sum < 1e-6; k++)
		r->weight[k] = sum != 0;
	return 0;
}

static FC_SIMD_BODY void elect_body(double *restrict out, const double *restrict base,
    double *const *x, const double *weight, int n_target, size_t n)
{
	for (size_t i = 0; i < n; i += QUADS * QUAD) {
		quad_double from[QUADS], d, w, sum[QUADS] = {{0}}, moved[QUADS] = {{0}},
					       weights[QUADS] = {{0}}, change;
		quad_mask minus[QUADS];
		EACH_QUAD(q)
		QUAD_LOAD(from[q], base + i + q * QUAD);
		for (int k = 0; k < n_target; k++) {
			EACH_QUAD(q)
			{
				QUAD_LOAD(d, x[k] + i + q * QUAD);
				sum[q] += d - from[q];
			}
		}
		EACH_QUAD(q)
		minus[q] = QUAD_MINUS(sum[q]);
		for (int k = 0; k < n_target; k++) {
			EACH_QUAD(q)
			{
				QUAD_LOAD(d, x[k] + i + q * QUAD);
				d -= from[q];
				w = QUAD_WHERE(QUAD_ALONG(d, minus[q]), QUAD_OF(weight[k]));
				moved[q] += w * d;
				weights[q] += w;
			}
		}
		EACH_QUAD(q)
		{
			change = moved[q] / QUAD_SELECT(weights[q] == 0, QUAD_OF(1), weights[q]);
			change = QUAD_SELECT(change == 0, from[q], from[q] + change);
			QUAD_STORE(out, n, i + q * QUAD, change);
		}
	}
}
FC_SIMD_KERNEL(static void, elect,
    (double *out, const double *base, double *const *x, const double *weight, int n_target,
	size_t n),
    (out, base, x, weight, n_target, n))

/* An election over stored values; false where it takes more. */
static bool elect_values(struct unit *u, const struct measured *r, double *out)
{
	const struct election by = {r->weight, true, 1, u->v->n_target, u->n};
	struct elected_values value[ELECTED_VALUES_MOST];
	if (!varm_elected_can_add_values(by.n_target) || !varm_values_are_bf16(u->v->base))
		return false;
	for (int k = 0; k < by.n_target; k++) {
		if (!varm_values_are_bf16(&u->v->target[k]))
			return false;
		value[k].x = varm_values_bytes(&u->v->target[k], u->first);
	}
	varm_elected_add_values(
	    out, &by, varm_values_bytes(u->v->base, u->first), ELECTED_ALL, value);
	return true;
}

/* Reads the block's values where the election or what follows takes them. */
static void apply_streamed(struct unit *u, const struct measured *r, bool follows, double *out)
{
	bool done = elect_values(u, r, out);
	if (!done || follows)
		varm_unit_read(u);
	for (int k = -1; k < u->v->n_target; k++) /* -1: the base */
		u->n_bad += !varm_unit_is_finite(u, k);
	if (!done)
		elect(out, u->base, u->x, r->weight, u->v->n_target, u->n);
}

static void apply(struct unit *u, const struct measured *r, double *out)
{
	apply_streamed(u, r, false, out);
}

static FC_SIMD_BODY void restore_body(
    double *restrict out, const double *restrict base, const double *restrict taken, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = taken[i] != 0 ? out[i] : base[i];
}
FC_SIMD_KERNEL(static void, restore,
    (double *out, const double *base, const double *taken, size_t n), (out, base, taken, n))

/* Entries that are not selected stay the base's. */
static void apply_mergekit(struct unit *u, const struct measured *r, double *out)
{
	double taken[BLOCK_ELEMENTS];
	apply_streamed(u, r, r->threshold, out);
	if (!r->threshold)
		return;
	mark_selected(u, r->threshold, taken);
	restore(out, u->base, taken, u->n);
}

VARM_METHOD(fusechat_sce) = {.name = "fusechat-sce",
    .help = "select, calculate, erase, as FuseChat has it",
    .takes = VARM_TAKES({.parameter = &param_select_topk, .has_usual = true, .usual = 0.1}),
    .least = 1,
    .base = BASE_NEEDED,
    .importance = true,
    .drops = true,
    .copies = COPIES_ONE_TARGET,
    .streams = true,
    .streams_base = true,
    .measure = measure,
    .apply = apply};
VARM_METHOD(mergekit_sce) = {.name = "mergekit-sce",
    .mergekit = "sce",
    .help = "the same as mergekit has it: what is not selected stays",
    .takes = VARM_TAKES({.parameter = &param_select_topk}),
    .least = 1,
    .base = BASE_NEEDED,
    .importance = true,
    .drops = true,
    .streams = true,
    .streams_base = true,
    .measure = measure_mergekit,
    .apply = apply_mergekit};
