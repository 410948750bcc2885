/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spherical interpolation between two targets, or between their changes where there is a base,
 * with t from their weights: of the whole tensor as one vector, of each row, or of each column
 * (the entries that differ in the first index).
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fc-varm/method/inner_products.h"
#include "fc-varm/method/rows.h"
#include "fc-varm/method/spheric.h"
#include "fc-varm/method/sums.h"

static const struct parameter param_flatten = VARM_PARAMETER(TRUTH, "nuslerp_flatten",
    VARM_SHARED(flatten), true, 0, 1, NULL, "the whole tensor is one vector, else each row is");
static const struct parameter param_row_wise = VARM_PARAMETER(TRUTH, "nuslerp_row_wise",
    VARM_SHARED(row_wise), 0, 0, 1, NULL, "without flattening: each column is a vector");

static double part_of_second(const struct views *v)
{
	double sum = v->target_params[0].weight + v->target_params[1].weight;
	return fabs(sum) < 1e-6 ? 0.5 : v->target_params[1].weight / sum;
}

/* From squares of lengths and the inner product.  Lengths below 1e-7 count as that. */
static struct arc mix_directions(double aa, double ab, double bb, double t)
{
	double a = fmax(sqrt(aa), 1e-7), b = fmax(sqrt(bb), 1e-7);
	double cosine = fmax(-1, fmin(1, ab / a / b));
	return varm_spheric_arc(cosine, 1 - cosine * cosine <= 1e-14, t);
}

static int measure_flat(const struct views *v, struct measured *r, struct fc_err *e)
{
	double *g;
	int n, ret = varm_inner_products(v, v->base != NULL, &g, &n, e);
	struct arc c = mix_directions(g[0], g[1], g[n + 1], part_of_second(v));
	r->weight[0] = c.first;
	r->weight[1] = c.second;
	free(g);
	return ret;
}

/* Columns are counted through all rows at once, a stretch of them a thread: the sums do not depend
 * on the number of threads. */
static int measure_columns(const struct views *v, struct measured *r)
{
	size_t n_row = (size_t)v->out->dim[0], n_col = v->n / n_row;
	r->number = FC_ARRAY(double, 2 * n_col);
#pragma omp parallel for schedule(dynamic)
	for (size_t from = 0; from < n_col; from += BLOCK_ELEMENTS) {
		size_t n = n_col - from < BLOCK_ELEMENTS ? n_col - from : BLOCK_ELEMENTS;
		double a[BLOCK_ELEMENTS], b[BLOCK_ELEMENTS], base[BLOCK_ELEMENTS] = {0};
		double aa[BLOCK_ELEMENTS] = {0}, ab[BLOCK_ELEMENTS] = {0};
		double bb[BLOCK_ELEMENTS] = {0};
		for (size_t y = 0; y < n_row; y++) {
			varm_values_read(&v->target[0], y * n_col + from, n, a);
			varm_values_read(&v->target[1], y * n_col + from, n, b);
			if (v->base)
				varm_values_read(v->base, y * n_col + from, n, base);
			for (size_t i = 0; i < n; i++) {
				double p = a[i] - base[i], q = b[i] - base[i];
				aa[i] += p * p;
				ab[i] += p * q;
				bb[i] += q * q;
			}
		}
		for (size_t i = 0; i < n; i++) {
			struct arc c = mix_directions(aa[i], ab[i], bb[i], part_of_second(v));
			r->number[2 * (from + i)] = c.first;
			r->number[2 * (from + i) + 1] = c.second;
		}
	}
	return 0;
}

static int measure(const struct views *v, struct measured *r, struct fc_err *e)
{
	r->weight[0] = 1 - part_of_second(v);
	r->weight[1] = part_of_second(v);
	if (v->set->flatten || v->out->n_dim < 1 || !v->n)
		return measure_flat(v, r, e);
	return v->set->row_wise ? measure_columns(v, r) : 0;
}

static int prepare(struct unit *u, const struct measured *r, struct fc_err *e)
{
	(void)r;
	(void)e;
	if (u->v->set->flatten || u->v->set->row_wise || u->v->out->n_dim < 1)
		return 0;
	size_t n_row = rows_of_unit(u);
	double *coef = FC_ARRAY(double, 2 * n_row), g[4];
	for (size_t y = 0; y < n_row; y++) {
		varm_rows_inner_products(u, y, g);
		struct arc c = mix_directions(g[0], g[1], g[3], part_of_second(u->v));
		coef[2 * y] = c.first;
		coef[2 * y + 1] = c.second;
	}
	u->own = coef;
	return 0;
}

static void apply_columns(struct unit *u, const double *coef, double *out)
{
	varm_unit_read(u);
	size_t n_col = u->v->n / (size_t)u->v->out->dim[0], col = u->first % n_col;
	for (size_t i = 0; i < u->n; i++) {
		const double *c = coef + 2 * col;
		double base = u->v->base ? u->base[i] : 0;
		double sum = c[0] * (u->x[0][i] - base) + c[1] * (u->x[1][i] - base);
		out[i] = !u->v->base ? sum : sum == 0 ? base : base + sum;
		col = col + 1 == n_col ? 0 : col + 1;
	}
}

static void apply(struct unit *u, const struct measured *r, double *out)
{
	if (u->own)
		varm_rows_blend(u, u->own, out);
	else if (r->number)
		apply_columns(u, r->number, out);
	else if (u->v->base)
		varm_blend_changes(u, r, out);
	else
		varm_blend_values(u, r, out);
}

/* measure() asks for inner products itself, only where the tensor is one vector. */
VARM_METHOD(nuslerp) = {.name = "nuslerp",
    .help = "on the arc between two targets, or their changes",
    .takes = VARM_TAKES(
	{.parameter = &varm_weight}, {.parameter = &param_flatten}, {.parameter = &param_row_wise}),
    .least = 2,
    .most = 2,
    .base = BASE_TAKEN,
    .streams = true,
    .whole_rows = true,
    .measure = measure,
    .prepare = prepare,
    .apply = apply};
