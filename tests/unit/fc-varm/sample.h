/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TESTS_SAMPLE_H
#define FC_TESTS_SAMPLE_H

/* One tensor of several models in memory, and what a method makes of it before rounding. */

#include "base/mem.h"
#include "base/rng.h"
#include "fc-varm/method/method.h"
#include "t.h"

#define MAX_TARGET 5

/* One tensor of all models: as stored, and its values. */
struct sample {
	struct views v;
	struct values values, target[MAX_TARGET];
	struct settings set;
	struct target_params target_params[MAX_TARGET];
	double *base, *x[MAX_TARGET];
};

static void make_values(struct values *f, double *value, size_t n, enum fc_dtype dtype)
{
	char *bytes = fc_malloc(n * 8 + 1);
	fc_from_f64(bytes, dtype, value, n);
	fc_to_f64(value, bytes, dtype, n);
	*f = (struct values){
	    .t = {.name = "w", .dtype = dtype, .n_dim = 1, .dim = {(int64_t)n}, .data = bytes}};
	f->t.n_bytes = n * fc_dtype_size(dtype);
}

static void sample_views(struct sample *s, size_t n, int n_target)
{
	s->v = (struct views){.out = &s->values.t,
	    .base = &s->values,
	    .target = s->target,
	    .n_target = n_target,
	    .n = n,
	    .row = n,
	    .unit = UNIT_ELEMENTS,
	    .set = &s->set,
	    .target_params = s->target_params};
}

/* Coarse changes, so that signs cancel, variances tie and many entries stay. */
__attribute__((unused)) static void sample_make(
    struct sample *s, struct fc_rng *r, size_t n, int n_target, bool coarse)
{
	static const enum fc_dtype types[] = {FC_BF16, FC_F32, FC_F16, FC_F64};
	sample_views(s, n, n_target);
	s->base = FC_ARRAY(double, n + 1);
	for (size_t i = 0; i < n; i++)
		s->base[i] = coarse ? (double)fc_rng_below(r, 9) - 4 : fc_rng_normal(r);
	make_values(&s->values, s->base, n, types[fc_rng_below(r, 4)]);
	for (int k = 0; k < n_target; k++) {
		s->x[k] = FC_ARRAY(double, n + 1);
		for (size_t i = 0; i < n; i++) {
			double d =
			    coarse ? ((double)fc_rng_below(r, 5) - 2) / 4 : fc_rng_normal(r) * 0.01;
			s->x[k][i] = s->base[i] + (fc_rng_below(r, 3) ? d * (k + 1) : 0);
		}
		make_values(&s->target[k], s->x[k], n, types[fc_rng_below(r, 4)]);
	}
}

__attribute__((unused)) static void sample_release(struct sample *s)
{
	free((void *)(uintptr_t)s->values.t.data);
	free(s->base);
	for (int k = 0; k < s->v.n_target; k++) {
		free((void *)(uintptr_t)s->target[k].t.data);
		free(s->x[k]);
	}
}

/* What the method makes of it: weights normalised, values unrounded. */
struct merged {
	const struct method *m;
	double weight[MAX_TARGET], *out;
	struct measured measured;
};

static int visit(struct unit *u, void *ctx, struct fc_err *e)
{
	struct merged *g = ctx;
	int ret = g->m->prepare ? g->m->prepare(u, &g->measured, e) : 0;
	while (ret == 0 && varm_unit_next(u))
		g->m->apply(u, &g->measured, g->out + u->first);
	free(u->own);
	u->own = NULL;
	return ret;
}

__attribute__((unused)) static int merge(struct merged *g, const struct sample *s)
{
	struct fc_err e = {""};
	double sum = 0;
	int K = s->v.n_target;
	g->out = FC_ARRAY(double, s->v.n + 1);
	g->measured = (struct measured){.weight = g->weight};
	int ret = varm_method_measure(g->m, &s->v, &g->measured, &e);
	for (int k = 0; k < K; k++)
		sum += g->weight[k];
	for (int k = 0; k < K && g->m->importance; k++)
		g->weight[k] = sum != 0 ? g->weight[k] / sum : 1.0 / K;
	if (ret == 0)
		ret = varm_pass(&s->v, visit, g, NULL, 0, &e);
	varm_measured_trim(&g->measured);
	return ret;
}

#endif
