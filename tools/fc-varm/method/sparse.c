/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/sparse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-varm/method/drawn.h"
#include "fc-varm/method/marked.h"
#include "fc-varm/method/random_by_index.h"
#include "fc-varm/method/stream_in.h"
#include "fc-varm/method/stream_kept.h"
#include "fc-varm/method/sums.h"
#include "fc-varm/method/threshold.h"

/* Sums of magnitudes before and after dropping, [n_target][2]. */
struct scales {
	const struct sparsifier *by;
	const struct measured *r;
};

static void sum_target(struct unit *u, const struct scales *s, int k)
{
	const uint8_t *bits = s->by->kept_bits ? s->by->kept_bits(u, s->r, k) : NULL;
	const struct values *target = &u->v->target[k];
	double factor[BLOCK_ELEMENTS], *x = u->x[k], *lane = u->lanes + (size_t)k * 2 * LANES;
	if (bits) {
		varm_stream_kept_sums(target, u->first, u->n, u->base, bits, lane, x);
		return;
	}
	varm_stream_changes(target, u->first, u->n, u->base, x, &u->n_bad);
	s->by->keep(u, s->r, k, x, factor);
	varm_sums_kept(lane, x, factor, u->n);
}

static int visit_scales(struct unit *u, void *ctx, struct fc_err *e)
{
	const struct scales *s = ctx;
	if (s->by->prepare && s->by->prepare(u, s->r, e) < 0)
		return -1;
	while (varm_unit_next_base(u))
		for (int k = 0; k < u->v->n_target; k++)
			sum_target(u, s, k);
	free(u->own);
	u->own = NULL;
	return 0;
}

int varm_sparse_measure_scales(
    const struct sparsifier *by, const struct views *v, struct measured *r, struct fc_err *e)
{
	size_t n = (size_t)v->n_target;
	double *sum = FC_ARRAY(double, 2 * n + 1);
	struct scales s = {by, r};
	int ret = 0;
	r->number = FC_ARRAY(double, n + 1);
	for (size_t k = 0; k < n; k++)
		r->number[k] = 1;
	if (v->set->rescale) {
		if (by->kept_bits)
			varm_drawn_hold(r, v);
		ret = varm_pass(v, visit_scales, &s, sum, (int)(2 * n), e);
		r->drawn.known = true;
		r->finite = ret == 0;
		for (size_t k = 0; k < n && ret == 0; k++) {
			if (sum[2 * k] >= 1e-7 && sum[2 * k + 1] >= 1e-7)
				r->number[k] = sum[2 * k] / sum[2 * k + 1];
			r->finite &= isfinite(sum[2 * k]) != 0;
		}
	}
	free(sum);
	return ret;
}

static int measure_magnitude(const struct views *v, struct measured *r, struct fc_err *e)
{
	struct threshold_query *w = FC_ARRAY(struct threshold_query, (size_t)v->n_target + 1);
	int n = 0;
	r->threshold = FC_ARRAY(struct threshold, (size_t)v->n_target + 1);
	for (int k = 0; k < v->n_target; k++) {
		double part = v->target_params[k].density;
		r->threshold[k] = (struct threshold){part > 0 ? 0 : UINT64_MAX, UINT64_MAX};
		if (part > 0 && part < 1)
			w[n++] = (struct threshold_query){
			    &varm_threshold_magnitude, k, .part = part, .least = 1};
	}
	int ret = n ? varm_threshold_find(w, n, v, THRESHOLD_GATHER, e) : 0;
	for (int i = 0; i < n; i++)
		r->threshold[w[i].target] = w[i].threshold;
	free(w);
	return ret == 0 ? varm_sparse_measure_scales(&varm_sparse_magnitude, v, r, e) : -1;
}

static void keep_magnitude(const struct unit *u, const struct measured *r, int target,
    const double *change, double *factor)
{
	varm_threshold_factors(
	    &r->threshold[target], change, u->first, u->n, r->number[target], factor);
}

static void weigh_magnitude(
    const struct unit *u, const struct measured *r, int target, double weight, double *change)
{
	varm_threshold_weigh(
	    &r->threshold[target], change, u->first, u->n, r->number[target] * weight);
}

static bool least_magnitude(
    const struct unit *u, const struct measured *r, int target, double *least)
{
	return varm_threshold_least(&r->threshold[target], u->first, u->n, least);
}

const struct sparsifier varm_sparse_magnitude = {.measure = measure_magnitude,
    .kept_least = least_magnitude,
    .keep = keep_magnitude,
    .weigh = weigh_magnitude};

/* Two thresholds a target: what is above the first is dropped, what is between them stays. */
static int measure_outliers(const struct views *v, struct measured *r, struct fc_err *e)
{
	struct threshold_query *w = FC_ARRAY(struct threshold_query, 2 * (size_t)v->n_target + 1);
	int n = 0;
	r->threshold = FC_ARRAY(struct threshold, 2 * (size_t)v->n_target + 1);
	for (int k = 0; k < v->n_target; k++) {
		const struct target_params *t = &v->target_params[k];
		size_t keep = t->density > 0 ? (size_t)(t->density * (double)v->n) : 0;
		size_t top = (size_t)(t->gamma * (double)v->n);
		top = top < v->n - keep ? top : v->n - keep; /* keeping goes first */
		r->threshold[2 * k] = (struct threshold){UINT64_MAX, 0};
		r->threshold[2 * k + 1] = (struct threshold){0, UINT64_MAX};
		if (t->density >= 1)
			continue;
		w[n++] = (struct threshold_query){&varm_threshold_magnitude, k, .least = top};
		w[n++] =
		    (struct threshold_query){&varm_threshold_magnitude, k, .least = top + keep};
	}
	int ret = n ? varm_threshold_find(w, n, v, THRESHOLD_GATHER, e) : 0;
	for (int i = 0; i < n; i++)
		r->threshold[2 * w[i].target + i % 2] = w[i].threshold;
	free(w);
	return ret == 0 ? varm_sparse_measure_scales(&varm_sparse_outliers, v, r, e) : -1;
}

static void keep_outliers(const struct unit *u, const struct measured *r, int target,
    const double *change, double *factor)
{
	const struct threshold *c = &r->threshold[2 * target];
	double top[BLOCK_ELEMENTS];
	varm_threshold_factors(&c[0], change, u->first, u->n, r->number[target], top);
	varm_threshold_factors(&c[1], change, u->first, u->n, r->number[target], factor);
	for (size_t i = 0; i < u->n; i++)
		factor[i] -= top[i];
}

static void weigh_outliers(
    const struct unit *u, const struct measured *r, int target, double weight, double *change)
{
	const struct threshold *c = &r->threshold[2 * target];
	varm_threshold_weigh_between(
	    &c[1], &c[0], change, u->first, u->n, r->number[target] * weight);
}

const struct sparsifier varm_sparse_outliers = {
    .measure = measure_outliers, .keep = keep_outliers, .weigh = weigh_outliers};

static void draw_random(struct unit *u, uint8_t *bits)
{
	const struct views *v = u->v;
	size_t n = u->end - u->begin;
	uint8_t mark[BLOCK_ELEMENTS + MARKED_ROOM];
	for (int k = 0; k < v->n_target; k++) {
		uint64_t key = varm_random_by_index_key(v->set->seed, v->out->name, k);
		for (size_t at = 0; at < n; at += BLOCK_ELEMENTS) {
			size_t m = n - at < BLOCK_ELEMENTS ? n - at : BLOCK_ELEMENTS;
			varm_random_by_index_below(
			    mark, key, u->begin + at, m, v->target_params[k].density);
			memset(mark + m, 0, MARKED_ROOM);
			varm_marked_pack(mark, m, bits + (size_t)k * varm_drawn_bytes(n) + at / 8);
		}
	}
}

static int prepare_random(struct unit *u, const struct measured *r, struct fc_err *e)
{
	(void)e;
	varm_drawn_prepare(u, r, draw_random);
	return 0;
}

static const uint8_t *random_bits(const struct unit *u, const struct measured *r, int target)
{
	(void)r;
	return varm_drawn_block(u, target);
}

static int measure_random(const struct views *v, struct measured *r, struct fc_err *e)
{
	return varm_sparse_measure_scales(&varm_sparse_random, v, r, e);
}

static int measure_random_paper(const struct views *v, struct measured *r, struct fc_err *e)
{
	(void)e;
	r->number = FC_ARRAY(double, (size_t)v->n_target + 1);
	for (int k = 0; k < v->n_target; k++) {
		double part = v->target_params[k].density;
		r->number[k] = v->set->rescale && part > 0 ? 1 / part : 1;
	}
	return 0;
}

const struct sparsifier varm_sparse_random = {
    .measure = measure_random, .prepare = prepare_random, .kept_bits = random_bits};
const struct sparsifier varm_sparse_random_paper = {
    .measure = measure_random_paper, .prepare = prepare_random, .kept_bits = random_bits};
