/* SPDX-License-Identifier: Apache-2.0 */
#include "merge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/progress.h"
#include "tensor/simd.h"

/* One tensor on its way into the result. */
struct job {
	const struct merge_options *o;
	const struct fc_tensor *from; /* copied: this view's bytes or values; NULL: merged */
	const double *weight;
	enum fc_dtype dtype; /* of the result */
	struct fc_store_writer *writer;
	size_t i; /* the tensor's place in the plan */
	bool overflow;
};

/* Below this in magnitude, a value rounds to a finite one: half a step beyond the largest. */
static double overflow_limit(enum fc_dtype t)
{
	switch (t) {
	case FC_F16:
		return 65520;
	case FC_BF16:
		return 0x1.ffp127;
	case FC_F32:
		return 0x1.ffffffp127;
	default:
		return INFINITY;
	}
}

/* *n_bad: how many of x are not below the limit in magnitude, or NaN */
static FC_SIMD_BODY void count_bad_body(const double *x, size_t n, double limit, uint64_t *n_bad)
{
	uint64_t bad = 0;
	for (size_t i = 0; i < n; i++)
		bad += !(fabs(x[i]) < limit);
	*n_bad += bad;
}
FC_SIMD_KERNEL(static void, count_bad, (const double *x, size_t n, double limit, uint64_t *n_bad),
    (x, n, limit, n_bad))

static int put(struct job *j, size_t first, const void *p, size_t n_elements, struct fc_err *e)
{
	size_t size = fc_dtype_size(j->dtype);
	return fc_store_writer_put(j->writer, j->i, first * size, p, n_elements * size, e);
}

static int visit_bytes(struct unit *u, void *ctx, struct fc_err *e)
{
	struct job *j = ctx;
	const char *p = j->from->data;
	size_t first = u->at, n = u->end - u->at;
	u->at = u->end;
	return put(j, first, p + first * fc_dtype_size(j->dtype), n, e);
}

/* The block's values: merged, or converted from the one source. */
static void compute(const struct job *j, const struct unit *u, double *out)
{
	if (!j->from)
		j->o->method->apply(u, j->weight, out);
	else
		fc_to_f64(out,
		    (const char *)j->from->data + u->first * fc_dtype_size(j->from->dtype),
		    j->from->dtype, u->n);
}

static int visit_values(struct unit *u, void *ctx, struct fc_err *e)
{
	struct job *j = ctx;
	size_t first = u->at, n = u->end - u->at, size = fc_dtype_size(j->dtype);
	double limit = overflow_limit(j->dtype), out[BLOCK_ELEMENTS];
	char *bytes = fc_malloc(n * size);
	uint64_t n_bad = 0;
	while (j->o->method->uses_base ? unit_next(u) : unit_next_targets(u)) {
		compute(j, u, out);
		count_bad(out, u->n, limit, &n_bad);
		fc_from_f64(bytes + (u->first - first) * size, j->dtype, out, u->n);
	}
	int ret = 0;
	if (n_bad) {
#pragma omp atomic write
		j->overflow = true;
		ret = -1;
	} else {
		ret = put(j, first, bytes, n, e);
	}
	free(bytes);
	return ret;
}

/* Names the first value of a source that is not finite; 0 when there is none. */
static int check_finite(
    const struct source *s, const struct fc_tensor *t, size_t n, struct fc_err *e)
{
	double x[BLOCK_ELEMENTS];
	for (size_t at = 0; at < n; at += BLOCK_ELEMENTS) {
		size_t m = n - at < BLOCK_ELEMENTS ? n - at : BLOCK_ELEMENTS;
		fc_to_f64(x, (const char *)t->data + at * fc_dtype_size(t->dtype), t->dtype, m);
		for (size_t i = 0; i < m; i++)
			if (!isfinite(x[i]))
				return fc_fail(e, "%s: tensor %s: value %zu is %g", s->path,
				    t->name, at + i, x[i]);
	}
	return 0;
}

/* Why there is no result: a source's value that is not finite, or else what otherwise says. */
static int explain(
    const struct inputs *in, const struct views *v, const char *otherwise, struct fc_err *e)
{
	if (check_finite(&in->base, &v->base, v->n, e) < 0)
		return -1;
	for (int k = 0; k < v->n_target; k++)
		if (check_finite(&in->target[k], &v->target[k], v->n, e) < 0)
			return -1;
	return fc_fail(e, "tensor %s: %s", v->base.name, otherwise);
}

/* importance -> weight, in place */
static void normalize(double *w, int n, double sum)
{
	for (int k = 0; k < n; k++)
		w[k] = sum == 0 ? 1.0 / n : w[k] / sum;
}

/* The target that alone is the result, or -1. */
static int sole_target(const struct method *m, const double *w, int n)
{
	int sole = -1;
	for (int k = 0; k < n; k++) {
		if (w[k] == 0)
			continue;
		if (w[k] != 1 || sole >= 0)
			return -1;
		sole = k;
	}
	return m->convex || n == 1 ? sole : -1;
}

static int merge_tensor(const struct inputs *in, struct job *j, const struct views *v, double *w,
    bool *moved, struct fc_err *e)
{
	const struct merge_options *o = j->o;
	int sole = -1;
	if (inputs_is_carried(in, j->i)) {
		for (int k = 0; k < v->n_target; k++)
			w[k] = NAN;
		*moved = false;
		j->from = &v->base;
	} else {
		double sum = 0;
		if (o->method->measure(v, &o->settings, w, e) < 0)
			return -1;
		for (int k = 0; k < v->n_target; k++)
			sum += w[k];
		if (!isfinite(sum))
			return explain(in, v, "the squares of its changes overflow", e);
		*moved = sum != 0;
		if (o->settings.normalize)
			normalize(w, v->n_target, sum);
		sole = sole_target(o->method, w, v->n_target);
		j->from = sole >= 0 ? &v->target[sole] : NULL;
	}
	j->weight = w;
	bool raw = j->from && j->from->dtype == j->dtype;
	int ret = sweep(v, raw ? visit_bytes : visit_values, j, NULL, 0, e);
	if (j->overflow)
		return explain(in, v, "a merged value is too large for its type; see --dtype", e);
	return ret;
}

static struct fc_tensor *make_plan(const struct inputs *in, const struct merge_options *o)
{
	struct fc_tensor *plan = FC_ARRAY(struct fc_tensor, in->n + 1);
	for (size_t i = 0; i < in->n; i++) {
		plan[i] = *fc_store_at(in->base.store, i);
		if (!o->keep_dtype && !inputs_is_carried(in, i))
			plan[i].dtype = o->dtype;
	}
	return plan;
}

static uint64_t total_bytes(const struct inputs *in)
{
	uint64_t n = 0;
	for (size_t i = 0; i < in->n; i++)
		n += fc_store_at(in->base.store, i)->n_bytes;
	return n;
}

static int merge_all(const struct inputs *in, const struct merge_options *o,
    const struct fc_tensor *plan, struct fc_store_writer *writer, struct weights *w,
    struct fc_err *e)
{
	struct views v = {.target = FC_ARRAY(struct fc_tensor, (size_t)in->n_target)};
	uint64_t done = 0;
	int ret = 0;
	fc_progress_start("bytes", total_bytes(in));
	for (size_t i = 0; i < in->n && ret == 0; i++) {
		struct job j = {.o = o, .dtype = plan[i].dtype, .writer = writer, .i = i};
		inputs_views(in, i, &v);
		ret = merge_tensor(in, &j, &v, w->v + i * (size_t)in->n_target, &w->moved[i], e);
		done += v.base.n_bytes;
		fc_progress_set(done, NULL);
	}
	fc_progress_end();
	free(v.target);
	return ret;
}

int merge_run(const struct inputs *in, const struct merge_options *o, const char *dir,
    struct weights *w, struct fc_err *e)
{
	struct fc_store_writer *writer;
	struct fc_err ignored;
	struct fc_tensor *plan = make_plan(in, o);
	*w = (struct weights){.n_target = in->n_target,
	    .n = in->n,
	    .v = FC_ARRAY(double, in->n *(size_t)in->n_target + 1),
	    .moved = FC_ARRAY(bool, in->n + 1)};
	int ret = fc_store_writer_open(&writer, dir, plan, in->n, o->shard_bytes, e);
	if (ret == 0) {
		ret = merge_all(in, o, plan, writer, w, e);
		if (fc_store_writer_close(writer, ret == 0 ? e : &ignored) < 0)
			ret = -1;
	}
	free(plan);
	return ret;
}

void weights_release(struct weights *w)
{
	free(w->v);
	free(w->moved);
}
