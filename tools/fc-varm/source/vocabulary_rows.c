/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/source/vocabulary_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define READ_BLOCK 512 /* elements of a row added to a mean at a time */

static size_t row_width(const struct fc_tensor *t)
{
	size_t n = 1;
	for (int d = 1; d < t->n_dim; d++)
		n *= (size_t)t->dim[d];
	return n;
}

struct vocabulary_rows *varm_vocabulary_rows_new(struct values *values, size_t n_values, size_t n)
{
	struct vocabulary_rows *r = FC_NEW(struct vocabulary_rows);
	r->values = values;
	r->n_values = n_values;
	r->n = n;
	r->begin = FC_ARRAY(uint32_t, n + 1);
	r->width = row_width(&values[0].t);
	return r;
}

void varm_vocabulary_rows_free(struct vocabulary_rows *r)
{
	free(r->values);
	free(r->from);
	free(r->begin);
	free(r->padding);
	free(r);
}

void varm_vocabulary_rows_add(
    struct vocabulary_rows *r, size_t i, const struct vocabulary_row *from, size_t n)
{
	size_t at = r->begin[i];
	FC_GROW(r->from, r->cap, at + n);
	memcpy(r->from + at, from, n * sizeof *from);
	r->begin[i + 1] = (uint32_t)(at + n);
}

/* Elements [column, column + n) of row i. */
static void read_row(
    const struct vocabulary_rows *r, size_t i, size_t column, size_t n, double *out)
{
	if (i >= r->n) {
		memcpy(out, r->padding + column, n * sizeof *out);
		return;
	}
	const struct vocabulary_row *from = r->from + r->begin[i];
	size_t n_from = r->begin[i + 1] - r->begin[i];
	if (n_from == 1) {
		varm_values_read(&r->values[from->values], from->row * r->width + column, n, out);
		return;
	}
	memset(out, 0, n * sizeof *out);
	for (size_t k = 0; k < n_from; k++) {
		double x[READ_BLOCK];
		for (size_t at = 0, m; at < n; at += m) {
			m = n - at < READ_BLOCK ? n - at : READ_BLOCK;
			varm_values_read(
			    &r->values[from[k].values], from[k].row * r->width + column + at, m, x);
			for (size_t j = 0; j < m; j++)
				out[at + j] += x[j] / (double)n_from;
		}
	}
}

static void read_rows(const struct values *f, size_t first, size_t n, double *out)
{
	const struct vocabulary_rows *r = f->ctx;
	for (size_t i = 0, m; i < n; i += m) {
		size_t row = (first + i) / r->width, column = (first + i) % r->width;
		m = r->width - column < n - i ? r->width - column : n - i;
		read_row(r, row, column, m, out + i);
	}
}

/* Most rows are where they were. */
static void forget_rows(const struct values *f, size_t first, size_t n)
{
	const struct vocabulary_rows *r = f->ctx;
	size_t have = (size_t)r->values[0].t.dim[0] * r->width;
	if (first < have)
		varm_values_forget(&r->values[0], first, n < have - first ? n : have - first);
}

static void make_padding(struct vocabulary_rows *r)
{
	double *x = FC_ARRAY(double, r->width + 1);
	r->padding = FC_ARRAY(double, r->width + 1);
	for (size_t i = 0; i < r->n; i++) {
		read_row(r, i, 0, r->width, x);
		for (size_t j = 0; j < r->width; j++)
			r->padding[j] += x[j] / (double)r->n;
	}
	free(x);
}

struct values varm_vocabulary_rows_values(struct vocabulary_rows *r, size_t n_row)
{
	struct values f = {.t = r->values[0].t,
	    .read = read_rows,
	    .forget = forget_rows,
	    .ctx = r,
	    .model = r->values[0].model};
	f.t.dim[0] = (int64_t)n_row;
	if (n_row > r->n)
		make_padding(r);
	return f;
}
