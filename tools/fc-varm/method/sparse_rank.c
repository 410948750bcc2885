/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-varm/method/drawn.h"
#include "fc-varm/method/marked.h"
#include "fc-varm/method/random_by_index.h"
#include "fc-varm/method/rank_draw.h"
#include "fc-varm/method/rank_sort.h"
#include "fc-varm/method/rows.h"
#include "fc-varm/method/sparse.h"
#include "tensor/simd.h"

/* Elements of a row at most.  A thread holds 48 MiB for one of bfloat16 values and 80 for one of
 * others, 32 more where values are computed, 32 where many are equal or close, and 128 where most
 * are close, not equal; 160, and 16 a target, where ranks are asked for. */
#define ROW_MAX ((size_t)1 << 22)

/* An entry stays with the probability low + step * its rank in the row. */
struct law {
	double low, step;
};

static struct law law_of(const struct views *v, int target)
{
	const struct target_params *t = &v->target_params[target];
	size_t last = v->row - 1;
	/* all or nothing, or a row of one value, which has no ranks to tell apart */
	bool even = t->density >= 1 || t->density <= 0 || !last;
	double epsilon = even ? 0 : t->epsilon;
	return (struct law){t->density - epsilon, even ? 0 : 2 * epsilon / (double)last};
}

/* Whether what stays is divided by its own probability, so that ranks must be known. */
static bool divides(const struct views *v, const struct measured *r)
{
	return !r->number && v->set->rescale;
}

/* Memory of a thread for one row: for ranks, or for drawing, where values are not used as stored.
 */
struct row_work {
	double *magnitude; /* [row] */
	float *x, *base;   /* [row] */
	struct rank_room *room;
	struct ranked *ranked; /* [2][row] */
};

static void need_floats(struct row_work *w, size_t row)
{
	if (!w->x) {
		w->x = FC_ARRAY(float, row + 1);
		w->base = FC_ARRAY(float, row + 1);
	}
}

static void free_work(struct row_work *w)
{
	free(w->magnitude);
	free(w->x);
	free(w->base);
	varm_rank_room_free(w->room);
	free(w->ranked);
}

static FC_SIMD_BODY void measure_changes_body(
    double *restrict out, const double *restrict x, const double *restrict base, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = fabs(x[i] - base[i]);
}
FC_SIMD_KERNEL(static void, measure_changes,
    (double *out, const double *x, const double *base, size_t n), (out, x, base, n))

/* Magnitudes of the changes of target k in row y of the unit. */
static void read_row(const struct unit *u, size_t y, int k, struct row_work *w)
{
	size_t row = u->v->row, begin = u->begin + y * row;
	if (!w->magnitude)
		w->magnitude = FC_ARRAY(double, row + 1);
	for (size_t at = 0; at < row; at += BLOCK_ELEMENTS) {
		size_t n = row - at < BLOCK_ELEMENTS ? row - at : BLOCK_ELEMENTS;
		varm_values_read(u->v->base, begin + at, n, u->base);
		varm_values_read(&u->v->target[k], begin + at, n, u->x[k]);
		measure_changes(w->magnitude + at, u->x[k], u->base, n);
	}
}

static void rank_row(struct row_work *w, size_t row, uint32_t *rank)
{
	for (size_t i = 0; i < row; i++) {
		memcpy(&w->ranked[i].key, &w->magnitude[i], 8);
		w->ranked[i].i = (uint32_t)i;
	}
	const struct ranked *sorted = varm_rank_sort(w->ranked, w->ranked + row, row);
	for (size_t i = 0; i < row; i++)
		rank[sorted[i].i] = (uint32_t)i;
}

/* rank[n_target][unit's elements], in the row from 0, the smallest change first. */
static void *rank_unit(const struct unit *u)
{
	size_t n = u->end - u->begin, row = u->v->row;
	uint32_t *rank = fc_malloc((size_t)u->v->n_target * n * sizeof *rank);
	struct row_work w = {.ranked = FC_ARRAY(struct ranked, 2 * row)};
	for (int k = 0; k < u->v->n_target; k++) {
		for (size_t y = 0; y < rows_of_unit(u); y++) {
			read_row(u, y, k, &w);
			rank_row(&w, row, rank + (size_t)k * n + y * row);
		}
	}
	free_work(&w);
	return rank;
}

/* Row y of target k, and of the base, which is soon to be read. */
static void ask_row(const struct unit *u, size_t y, int k)
{
	const struct views *v = u->v;
	if (y < rows_of_unit(u)) {
		varm_values_ask(&v->target[k], u->begin + y * v->row, v->row);
		if (k == 0)
			varm_values_ask(v->base, u->begin + y * v->row, v->row);
	}
}

/* Row y of the unit, of target k, as far as its magnitudes go: exact in float, or not. */
static struct rank_row read_rank_row(const struct unit *u, size_t y, int k, struct row_work *w)
{
	const struct views *v = u->v;
	const struct values *x = &v->target[k];
	size_t n = v->row, at = u->begin + y * n;
	struct rank_row row = {.n = n, .first = at};
	if (varm_values_are_bf16(x) && varm_values_are_bf16(v->base)) {
		row.x = varm_values_bytes(x, at);
		row.base = varm_values_bytes(v->base, at);
		row.bf16 = true;
		if (y + 1 < rows_of_unit(u))
			row.next = (struct rank_next){row.x + 2 * n, k ? NULL : row.base + 2 * n};
		return row;
	}
	ask_row(u, y + 1, k);
	need_floats(w, n);
	row.x = (const char *)w->x;
	row.base = (const char *)w->base;
	if (varm_values_are_floats(x) && varm_values_are_floats(v->base)) {
		fc_to_f32(w->x, varm_values_bytes(x, at), x->t.dtype, n);
		fc_to_f32(w->base, varm_values_bytes(v->base, at), v->base->t.dtype, n);
		return row;
	}
	read_row(u, y, k, w);
	fc_from_f64(w->x, FC_F32, w->magnitude, n);
	for (size_t i = 0; i < n; i++) /* what is too small for float is not 0 */
		w->x[i] = w->x[i] == 0 && w->magnitude[i] > 0 ? FLT_TRUE_MIN : w->x[i];
	memset(w->base, 0, n * sizeof *w->base);
	row.magnitude = w->magnitude;
	return row;
}

static void draw_unit(struct unit *u, uint8_t *bits)
{
	const struct views *v = u->v;
	size_t n = u->end - u->begin;
	uint8_t *kept = fc_malloc((v->row + 63) / 64 * 8);
	struct row_work w = {.room = varm_rank_room_new(v->row)};
	for (int k = 0; k < v->n_target; k++) {
		uint64_t key = varm_random_by_index_key(v->set->seed, v->out->name, k);
		struct law law = law_of(v, k);
		for (size_t y = 0; y < rows_of_unit(u); y++) {
			struct rank_row row = read_rank_row(u, y, k, &w);
			row.key = key;
			row.low = law.low;
			row.step = law.step;
			varm_rank_draw(w.room, &row, kept);
			varm_marked_append(
			    bits + (size_t)k * varm_drawn_bytes(n), y * v->row, kept, v->row);
		}
	}
	free_work(&w);
	free(kept);
	u->near = true;
}

/* u->own: the unit's ranks or bits. */
static int prepare(struct unit *u, const struct measured *r, struct fc_err *e)
{
	const struct views *v = u->v;
	if (v->row > ROW_MAX)
		return fc_fail(e, "tensor %s: rows of %zu values are over the limit of %zu",
		    v->out->name, v->row, ROW_MAX);
	if (divides(v, r))
		u->own = rank_unit(u);
	else
		varm_drawn_prepare(u, r, draw_unit);
	return 0;
}

/* Where the number drawn is below p = low + step rank: 1 / p, else 0. */
static FC_SIMD_BODY void divide_body(
    double *restrict number, const uint32_t *restrict rank, double low, double step, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double p = low + step * (double)rank[i];
		number[i] = number[i] < p ? 1 / p : 0;
	}
}
FC_SIMD_KERNEL(static void, divide,
    (double *number, const uint32_t *rank, double low, double step, size_t n),
    (number, rank, low, step, n))

static const uint8_t *kept_bits(const struct unit *u, const struct measured *r, int target)
{
	return divides(u->v, r) ? NULL : varm_drawn_block(u, target);
}

/* Where ranks are known. */
static void keep(const struct unit *u, const struct measured *r, int target, const double *change,
    double *factor)
{
	const struct views *v = u->v;
	size_t n = u->end - u->begin, at = u->first - u->begin;
	struct law law = law_of(v, target);
	(void)r;
	(void)change;
	varm_random_by_index_fill(
	    factor, varm_random_by_index_key(v->set->seed, v->out->name, target), u->first, u->n);
	divide(factor, (const uint32_t *)u->own + (size_t)target * n + at, law.low, law.step, u->n);
}

static int measure(const struct views *v, struct measured *r, struct fc_err *e)
{
	return varm_sparse_measure_scales(&varm_sparse_rank, v, r, e);
}

const struct sparsifier varm_sparse_rank = {
    .measure = measure, .prepare = prepare, .keep = keep, .kept_bits = kept_bits};
const struct sparsifier varm_sparse_rank_paper = {
    .prepare = prepare, .keep = keep, .kept_bits = kept_bits};
