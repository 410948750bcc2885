/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_VOCABULARY_ROWS_H
#define FC_VARM_VOCABULARY_ROWS_H

#include "fc-varm/source/values.h"

/* A row of another tensor. */
struct vocabulary_row {
	uint32_t values; /* which tensor, by its place in the array */
	uint32_t row;
};

/* A tensor whose rows are rows of others, means of rows, or zero. */
struct vocabulary_rows {
	struct values *values; /* [n_values] where rows come from; the first is the tensor before */
	size_t n_values;
	struct vocabulary_row *from; /* [begin[n]] */
	uint32_t *begin;             /* [n + 1]: row i is the mean of from[begin[i]...] */
	size_t n, cap;               /* rows described; further ones are: */
	double *padding;             /* [width], or NULL where there are none */
	size_t width;
};

/* Takes over the array values[n_values]; n rows are to be described. */
struct vocabulary_rows *varm_vocabulary_rows_new(struct values *values, size_t n_values, size_t n);
void varm_vocabulary_rows_free(struct vocabulary_rows *r);
/* Row i, after those before it, is the mean of n rows. */
void varm_vocabulary_rows_add(
    struct vocabulary_rows *r, size_t i, const struct vocabulary_row *from, size_t n);
/* The values, with n_row rows.  Those beyond the ones described are the mean of these. */
struct values varm_vocabulary_rows_values(struct vocabulary_rows *r, size_t n_row);

#endif
