/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-varm/method/random_by_index.h"
#include "fc-varm/method/rows.h"
#include "fc-varm/method/sparse.h"
#include "tensor/simd.h"

/* Elements of a row that are sorted at most: 128 MiB a thread. */
#define ROW_MAX ((size_t)1 << 22)

#define DIGIT_BITS 11
#define DIGITS (1u << DIGIT_BITS)

struct ranked {
	uint64_t key; /* bits of the magnitude */
	uint32_t i;
};

/* One pass of a radix sort; false where all have the same digit and nothing moved. */
static bool sort_digit(const struct ranked *from, struct ranked *to, size_t n, int shift)
{
	uint32_t at[DIGITS] = {0}, sum = 0;
	for (size_t i = 0; i < n; i++)
		at[from[i].key >> shift & (DIGITS - 1)]++;
	if (at[from[0].key >> shift & (DIGITS - 1)] == n)
		return false;
	for (size_t d = 0; d < DIGITS; d++) {
		uint32_t count = at[d];
		at[d] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		to[at[from[i].key >> shift & (DIGITS - 1)]++] = from[i];
	return true;
}

/* Sorts by key, the smallest first, equal ones in their order; returns a or spare. */
static struct ranked *sort_ranked(struct ranked *a, struct ranked *spare, size_t n)
{
	for (int shift = 0; shift < 64; shift += DIGIT_BITS) {
		if (sort_digit(a, spare, n, shift)) {
			struct ranked *t = a;
			a = spare;
			spare = t;
		}
	}
	return a;
}

static void read_row(struct unit *u, size_t y, int k, struct ranked *out)
{
	size_t at = 0;
	while (varm_rows_next(u, y, &at)) {
		size_t first = at - u->n;
		for (size_t i = 0; i < u->n; i++) {
			double magnitude = fabs(u->x[k][i] - u->base[i]);
			memcpy(&out[first + i].key, &magnitude, 8);
			out[first + i].i = (uint32_t)(first + i);
		}
	}
}

/* u->own: [n_target][unit's elements], ranks in the row from 0, the smallest change first. */
static int prepare(struct unit *u, const struct measured *r, struct fc_err *e)
{
	size_t n = u->end - u->begin, row = u->v->row, n_row = rows_of_unit(u);
	(void)r;
	if (row > ROW_MAX)
		return fc_fail(e, "tensor %s: rows of %zu values are over the limit of %zu",
		    u->v->out->name, row, ROW_MAX);
	uint32_t *rank = fc_malloc((size_t)u->v->n_target * n * sizeof *rank);
	struct ranked *a = FC_ARRAY(struct ranked, 2 * row);
	for (int k = 0; k < u->v->n_target; k++) {
		for (size_t y = 0; y < n_row; y++) {
			read_row(u, y, k, a);
			struct ranked *sorted = sort_ranked(a, a + row, row);
			for (size_t i = 0; i < row; i++)
				rank[(size_t)k * n + y * row + sorted[i].i] = (uint32_t)i;
		}
	}
	free(a);
	u->own = rank;
	return 0;
}

/* Where the number drawn is below p = low + step rank: scale, or 1 / p if that is 0; else 0. */
static FC_SIMD_BODY void draw_body(double *restrict number, const uint32_t *restrict rank,
    double low, double step, double scale, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double p = low + step * (double)rank[i];
		number[i] = number[i] < p ? (scale != 0 ? scale : 1 / p) : 0;
	}
}
FC_SIMD_KERNEL(static void, draw,
    (double *number, const uint32_t *rank, double low, double step, double scale, size_t n),
    (number, rank, low, step, scale, n))

static void keep(const struct unit *u, const struct measured *r, int target, const double *change,
    double *factor)
{
	const struct settings *s = u->v->set;
	const struct target_params *t = &u->v->target_params[target];
	const uint32_t *rank = u->own;
	size_t last = u->v->row - 1;
	/* all or nothing, or a row of one value, which has no ranks to tell apart */
	bool even = t->density >= 1 || t->density <= 0 || !last;
	double epsilon = even ? 0 : t->epsilon;
	double scale = r->number ? r->number[target] : s->rescale ? 0 : 1;
	(void)change;
	rank += (size_t)target * (u->end - u->begin) + (u->first - u->begin);
	varm_random_by_index_fill(
	    factor, varm_random_by_index_key(s->seed, u->v->out->name, target), u->first, u->n);
	draw(
	    factor, rank, t->density - epsilon, even ? 0 : 2 * epsilon / (double)last, scale, u->n);
}

static int measure(const struct views *v, struct measured *r, struct fc_err *e)
{
	return varm_sparse_measure_scales(&varm_sparse_rank, v, r, e);
}

const struct sparsifier varm_sparse_rank = {measure, prepare, keep};
const struct sparsifier varm_sparse_rank_paper = {NULL, prepare, keep};
