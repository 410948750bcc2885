/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/source/adapter_start.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tensor/simd.h"

#define COLUMNS 256 /* of W in a block: what values can be read in */

/* A column nearer to the span of those before it, by the sine of the angle, is taken for a part of
 * it: float32's rounding (2^-24) then turns its direction by more than 2^-12. */
#define DEPENDENT 0x1p-12

/* In eight sums, for vector code. */
static FC_SIMD_BODY void add_products_body(
    double *restrict sum, const double *restrict x, const double *restrict y, size_t n)
{
	double lane[8] = {0}, rest = 0;
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		for (size_t j = 0; j < 8; j++)
			lane[j] += x[i + j] * y[i + j];
	for (; i < n; i++)
		rest += x[i] * y[i];
	for (size_t j = 0; j < 8; j++)
		rest += lane[j];
	*sum += rest;
}
FC_SIMD_KERNEL(static void, add_products, (double *sum, const double *x, const double *y, size_t n),
    (sum, x, y, n))

static FC_SIMD_BODY void add_scaled_body(
    double *restrict to, const double *restrict x, double factor, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] += factor * x[i];
}
FC_SIMD_KERNEL(static void, add_scaled, (double *to, const double *x, double factor, size_t n),
    (to, x, factor, n))

static double length(const double *x, size_t n)
{
	double sum = 0;
	add_products(&sum, x, x, n);
	return sqrt(sum);
}

/* column[k * out + i] = W[i, k], k < r */
static void read_columns(const struct values *f, size_t r, double *column)
{
	size_t out = (size_t)f->t.dim[0], in = (size_t)f->t.dim[1];
	double x[COLUMNS];
	for (size_t k0 = 0, m; k0 < r; k0 += m) {
		m = in - k0 < COLUMNS ? in - k0 : COLUMNS;
		for (size_t i = 0; i < out; i++) {
			varm_values_read(f, i * in + k0, m, x);
			for (size_t k = k0; k < r && k < k0 + m; k++)
				column[k * out + i] = x[k - k0];
		}
	}
}

/* Gram and Schmidt's way, each column twice, after which it is orthogonal to the others to
 * rounding.  Returns the number of a column that depends on those before it, or r. */
static size_t make_orthonormal(double *column, size_t r, size_t out)
{
	for (size_t k = 0; k < r; k++) {
		double *x = column + k * out, before = length(x, out), after;
		for (int pass = 0; pass < 2; pass++) {
			for (size_t j = 0; j < k; j++) {
				double part = 0;
				add_products(&part, x, column + j * out, out);
				add_scaled(x, column + j * out, -part, out);
			}
		}
		after = length(x, out);
		if (after <= DEPENDENT * before) /* what is no number goes on to the result */
			return k;
		for (size_t i = 0; i < out; i++)
			x[i] /= after;
	}
	return r;
}

/* p[k, j] += sum_i q[i, k] W[i, j] for the columns from first on; q (out, r), p (r, in) */
static void project(const struct values *f, const double *q, size_t r, size_t first, double *p)
{
	size_t out = (size_t)f->t.dim[0], in = (size_t)f->t.dim[1];
	size_t n = in - first < COLUMNS ? in - first : COLUMNS;
	double x[COLUMNS];
	for (size_t i = 0; i < out; i++) {
		varm_values_read(f, i * in + first, n, x);
		for (size_t k = 0; k < r; k++)
			add_scaled(p + k * in + first, x, q[i * r + k], n);
	}
}

static struct fc_tensor matrix(const double *data, size_t rows, size_t columns)
{
	return (struct fc_tensor){.dtype = FC_F64,
	    .n_dim = 2,
	    .dim = {(int64_t)rows, (int64_t)columns},
	    .data = data,
	    .n_bytes = rows * columns * sizeof *data};
}

int varm_adapter_start(
    const struct values *f, size_t r, struct fc_tensor *q, struct fc_tensor *p, struct fc_err *e)
{
	size_t out = (size_t)f->t.dim[0], in = (size_t)f->t.dim[1];
	*q = *p = (struct fc_tensor){.data = NULL};
	if (r > out || r > in)
		return fc_fail(e, "rank %zu is above the tensor's", r);
	double *column = FC_ARRAY(double, r *out + 1), *to;
	read_columns(f, r, column);
	size_t k = make_orthonormal(column, r, out);
	if (k == r) {
		*q = matrix(to = FC_ARRAY(double, r *out + 1), out, r);
		for (size_t i = 0; i < r * out; i++)
			to[i] = column[i % r * out + i / r];
		*p = matrix(to = FC_ARRAY(double, r *in + 1), r, in);
#pragma omp parallel for schedule(dynamic)
		for (size_t first = 0; first < in; first += COLUMNS)
			project(f, q->data, r, first, to);
		varm_values_forget(f, 0, out * in);
	}
	free(column);
	return k == r
	    ? 0
	    : fc_fail(e, "column %zu of the model's tensor depends on those before it", k);
}
