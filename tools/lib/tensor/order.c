/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "tensor/tensor.h"

/* Elements of a row: the product of all dimensions but the first. */
static size_t row_size(const struct fc_tensor *t)
{
	size_t n = 1;
	for (int i = 1; i < t->n_dim; i++)
		n *= (size_t)t->dim[i];
	return n;
}

/* Where row r is stored. */
static size_t place_of(const struct fc_tensor *t, size_t r)
{
	const size_t D = t->head_rows, rows = t->n_dim ? (size_t)t->dim[0] : 1;
	switch (t->order) {
	case FC_ORDER_PAIRS:
		return r / D * D + r % D % (D / 2) * 2 + r % D / (D / 2);
	case FC_ORDER_QKV:
		return r / D % 3 * (rows / 3) + r / (3 * D) * D + r % D;
	default:
		return r;
	}
}

const void *fc_tensor_row(const struct fc_tensor *t, size_t r)
{
	assert(t->order != FC_ORDER_COLUMNS);
	return (const char *)t->data + place_of(t, r) * fc_dtype_bytes(t->dtype, row_size(t));
}

/* One element of a matrix that is stored by columns. */
static double element_at(const struct fc_tensor *t, size_t i)
{
	const size_t rows = (size_t)t->dim[0], cols = row_size(t);
	const size_t at = i % cols * rows + i / cols, block = fc_dtype_block(t->dtype);
	double v[256];
	fc_to_f64(v, (const char *)t->data + fc_dtype_bytes(t->dtype, at / block * block), t->dtype,
	    block);
	return v[at % block];
}

/* Calls convert for every stretch of elements that lie together. */
static void each_row(const struct fc_tensor *t, size_t first, size_t n, char *out, size_t size,
    void (*convert)(char *out, const void *in, enum fc_dtype t, size_t n))
{
	if (t->order == FC_ORDER_ROWS) {
		convert(out, (const char *)t->data + fc_dtype_bytes(t->dtype, first), t->dtype, n);
		return;
	}
	const size_t cols = row_size(t);
	for (size_t m; n; first += m, n -= m, out += m * size) {
		const char *row = fc_tensor_row(t, first / cols);
		m = cols - first % cols;
		m = m < n ? m : n;
		convert(out, row + fc_dtype_bytes(t->dtype, first % cols), t->dtype, m);
	}
}

static void convert_f32(char *out, const void *in, enum fc_dtype t, size_t n)
{
	fc_to_f32((float *)(void *)out, in, t, n);
}

static void convert_f64(char *out, const void *in, enum fc_dtype t, size_t n)
{
	fc_to_f64((double *)(void *)out, in, t, n);
}

void fc_tensor_to_f32(const struct fc_tensor *t, size_t first, size_t n, float *out)
{
	if (t->order != FC_ORDER_COLUMNS)
		each_row(t, first, n, (char *)out, sizeof *out, convert_f32);
	else
		for (size_t i = 0; i < n; i++)
			out[i] = (float)element_at(t, first + i);
}

void fc_tensor_to_f64(const struct fc_tensor *t, size_t first, size_t n, double *out)
{
	if (t->order != FC_ORDER_COLUMNS)
		each_row(t, first, n, (char *)out, sizeof *out, convert_f64);
	else
		for (size_t i = 0; i < n; i++)
			out[i] = element_at(t, first + i);
}
