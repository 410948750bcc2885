/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/merge/write_item.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "tensor/finite.h"

/* One tensor on its way into the result. */
struct writing {
	const struct method *method; /* NULL: converted from the one source */
	const struct measured *measured;
	const struct values *from; /* the one source, or NULL */
	enum fc_dtype dtype;       /* of the result */
	const struct fc_rounding *rounding;
	const char *name; /* of the tensor */
	struct fc_store_writer *writer;
	size_t i; /* the tensor's place in the plan */
	uint64_t checksum;
	bool overflow;
};

static int put_elements(
    struct writing *j, size_t first, const void *p, size_t n_elements, struct fc_err *e)
{
	size_t size = fc_dtype_size(j->dtype);
	uint64_t hash = fc_hash(p, n_elements * size, first);
#pragma omp atomic
	j->checksum += hash;
	return fc_store_writer_put(j->writer, j->i, first * size, p, n_elements * size, e);
}

/* Whether nothing else looks at these values: the base of a method that goes by the targets
 * alone, targets without a weight, and the copies of a tensor that is no numbers to merge. */
static bool is_unread(const struct writing *j, const struct views *v, const struct values *f)
{
	return j->from ? f != j->from : f == v->base && j->method->base == BASE_NONE;
}

/* Adds to *n_bad when some of them are not finite. */
static void check_values_finite(const struct values *f, size_t first, size_t n, uint64_t *n_bad)
{
	const void *bytes = varm_values_bytes(f, first);
	double x[BLOCK_ELEMENTS];
	if (bytes)
		*n_bad += fc_finite_count(bytes, f->t.dtype, n) != n;
	for (size_t at = 0, m; !bytes && at < n; at += m) {
		m = n - at < BLOCK_ELEMENTS ? n - at : BLOCK_ELEMENTS;
		varm_values_read(f, first + at, m, x);
		*n_bad += fc_finite_count(x, FC_F64, m) != m;
	}
}

static void check_unread(
    const struct writing *j, const struct views *v, size_t first, size_t n, uint64_t *n_bad)
{
	if (v->base && is_unread(j, v, v->base))
		check_values_finite(v->base, first, n, n_bad);
	for (int k = 0; k < v->n_target; k++)
		if (is_unread(j, v, &v->target[k]))
			check_values_finite(&v->target[k], first, n, n_bad);
}

static int fail_bad(struct writing *j)
{
#pragma omp atomic write
	j->overflow = true;
	return -1;
}

static int visit_bytes(struct unit *u, void *ctx, struct fc_err *e)
{
	struct writing *j = ctx;
	size_t first = u->at, n = u->end - u->at;
	uint64_t n_bad = 0;
	check_unread(j, u->v, first, n, &n_bad);
	check_values_finite(j->from, first, n, &n_bad); /* last: its bytes are then in the cache */
	return n_bad ? fail_bad(j)
		     : put_elements(j, first, varm_values_bytes(j->from, first), n, e);
}

/* How many of the block's models have values that are not finite, of those that were read and where
 * the result need not show it. */
static uint64_t count_bad_inputs(const struct method *m, const struct unit *u)
{
	uint64_t n_bad = u->v->base && !m->streams_base && !varm_unit_is_finite(u, -1);
	for (int k = 0; k < u->v->n_target && !m->streams; k++)
		n_bad += !varm_unit_is_finite(u, k);
	return n_bad;
}

/* Reads what apply() wants to find read. */
static bool next_inputs(const struct method *m, struct unit *u)
{
	if (m->streams)
		return m->base && !m->streams_base ? varm_unit_next_base(u)
						   : varm_unit_next_nothing(u);
	return m->base ? varm_unit_next(u) : varm_unit_next_targets(u);
}

/* Reads the next block and computes its values. */
static bool next_values(const struct writing *j, struct unit *u, double *out, uint64_t *n_bad)
{
	if (j->from) {
		if (!varm_unit_next_nothing(u))
			return false;
		varm_values_read(j->from, u->first, u->n, out);
	} else {
		if (!next_inputs(j->method, u))
			return false;
		if (j->method->drops) /* before apply(), which may work in their place */
			*n_bad += count_bad_inputs(j->method, u);
		u->n_bad = 0;
		j->method->apply(u, j->measured, out);
		*n_bad += u->n_bad;
	}
	return true;
}

/* Stochastic rounding starts from float32, which is nearer to the sum by 13 bits or more. */
static void round_block(const struct writing *j, void *to, const struct unit *u, const double *x)
{
	float narrow[BLOCK_ELEMENTS];
	if (!j->rounding->stochastic) {
		fc_from_f64(to, j->dtype, x, u->n);
		return;
	}
	fc_from_f64(narrow, FC_F32, x, u->n);
	fc_round_f32(to, j->dtype, narrow, u->n, j->rounding, j->name, u->first);
}

static int visit_values(struct unit *u, void *ctx, struct fc_err *e)
{
	struct writing *j = ctx;
	size_t first = u->at, n = u->end - u->at, size = fc_dtype_size(j->dtype);
	double out[BLOCK_ELEMENTS];
	char *bytes = fc_malloc(n * size);
	uint64_t n_bad = 0;
	int ret = 0;
	check_unread(j, u->v, first, n, &n_bad);
	if (!j->from && j->method->prepare)
		ret = j->method->prepare(u, j->measured, e);
	while (ret == 0 && next_values(j, u, out, &n_bad)) {
		char *to = bytes + (u->first - first) * size;
		round_block(j, to, u, out);
		n_bad += fc_finite_count(to, j->dtype, u->n) != u->n;
	}
	if (n_bad)
		ret = fail_bad(j);
	else if (ret == 0)
		ret = put_elements(j, first, bytes, n, e);
	free(u->own);
	u->own = NULL;
	free(bytes);
	return ret;
}

/* Names the first value of a source that is not finite; 0 when there is none. */
static int check_finite(
    const char *path, const struct values *f, const char *name, size_t n, struct fc_err *e)
{
	double x[BLOCK_ELEMENTS];
	if (!fc_dtype_is_real(f->t.dtype)) {
		size_t i = fc_finite_count(f->t.data, f->t.dtype, n);
		return i == n ? 0
			      : fc_fail(e, "%s: tensor %s: value %zu is not finite", path, name, i);
	}
	for (size_t at = 0; at < n; at += BLOCK_ELEMENTS) {
		size_t m = n - at < BLOCK_ELEMENTS ? n - at : BLOCK_ELEMENTS;
		varm_values_read(f, at, m, x);
		for (size_t i = 0; i < m; i++)
			if (!isfinite(x[i]))
				return fc_fail(
				    e, "%s: tensor %s: value %zu is %g", path, name, at + i, x[i]);
	}
	return 0;
}

int varm_write_item_explain(
    const struct plan *p, const struct plan_item *it, const char *otherwise, struct fc_err *e)
{
	struct views v = varm_plan_views(it);
	if (v.base && check_finite(p->base.path, v.base, it->out.name, v.n, e) < 0)
		return -1;
	for (int k = 0; k < v.n_target; k++) {
		const struct values *f = &v.target[k];
		if (check_finite(p->model[f->model].path, f, it->out.name, v.n, e) < 0)
			return -1;
	}
	return fc_fail(e, "tensor %s: %s", it->out.name, otherwise);
}

/* The target that alone is the result, or NULL. */
static const struct values *sole_target(const struct plan_item *it, const struct measured *r)
{
	int sole = -1;
	for (int k = 0; k < it->n_target; k++) {
		if (r->weight[k] == 0)
			continue;
		if (r->weight[k] != 1 || sole >= 0)
			return NULL;
		sole = k;
	}
	enum copies c = it->method->copies;
	bool copied = c == COPIES_SOLE_WEIGHT || (c == COPIES_ONE_TARGET && it->n_target == 1);
	return copied && sole >= 0 ? &it->target[sole] : NULL;
}

static int visit_written(struct unit *u, void *ctx, struct fc_err *e)
{
	struct writing *j = ctx;
	size_t first = u->at, n = u->end - u->at, size = fc_dtype_size(j->dtype);
	char *bytes = fc_malloc(n * size);
	int ret = fc_store_writer_get(j->writer, j->i, first * size, bytes, n * size, e);
	uint64_t hash = fc_hash(bytes, n * size, first);
#pragma omp atomic
	j->checksum += hash;
	free(bytes);
	return ret;
}

int varm_write_item_checksum(
    const struct plan *p, size_t i, struct fc_store_writer *w, uint64_t *checksum, struct fc_err *e)
{
	struct views v = varm_plan_views(&p->item[i]);
	struct writing j = {.dtype = p->item[i].out.dtype, .writer = w, .i = i};
	int ret = varm_pass(&v, visit_written, &j, NULL, 0, e);
	*checksum = j.checksum;
	return ret;
}

int varm_write_item(const struct plan *p, size_t i, const struct measured *r,
    struct fc_store_writer *w, uint64_t *checksum, struct fc_err *e)
{
	const struct plan_item *it = &p->item[i];
	struct views v = varm_plan_views(it);
	struct writing j = {.method = it->method,
	    .measured = r,
	    .from = it->method ? sole_target(it, r) : &it->base,
	    .dtype = it->out.dtype,
	    .rounding = &p->rounding,
	    .name = it->out.name,
	    .writer = w,
	    .i = i};
	bool raw = j.from && !j.from->read && j.from->t.dtype == j.dtype;
	int ret = varm_pass(&v, raw ? visit_bytes : visit_values, &j, NULL, 0, e);
	*checksum = j.checksum;
	if (j.overflow)
		return varm_write_item_explain(
		    p, it, "a merged value is too large for its type; see --dtype", e);
	return ret;
}
