/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TENSOR_TENSOR_H
#define FC_TENSOR_TENSOR_H

#include "tensor/dtype.h"

#define FC_MAX_DIM 8

/* Where a matrix's rows are.  All but the first come from GGUF files, whose makers reorder some
 * matrices; who reads data by itself looks at this, fc_tensor_to_f32() and its kin do. */
enum fc_order {
	FC_ORDER_ROWS,  /* row-major */
	FC_ORDER_PAIRS, /* each head's rows (0, D/2), (1, D/2 + 1), ...: rotary pairs together */
	FC_ORDER_QKV, /* all heads' queries, all keys, all values; the matrix has q, k, v a head */
	FC_ORDER_COLUMNS, /* column-major: the transposed matrix */
};

/* A named tensor.  name and data are borrowed from whoever made the view. */
struct fc_tensor {
	const char *name;
	enum fc_dtype dtype;
	int n_dim; /* 0: a scalar */
	int64_t dim[FC_MAX_DIM];
	const void *data; /* NULL in a plan; no alignment is promised */
	size_t n_bytes;
	enum fc_order order;
	size_t head_rows; /* D of PAIRS and QKV */
};

/* Product of the dimensions; false on overflow or a negative dimension. */
bool fc_tensor_count(const struct fc_tensor *t, size_t *n);
/* Bytes of its shape and type; false on overflow, or where rows are no multiple of the block. */
bool fc_tensor_bytes(const struct fc_tensor *t, size_t *n_bytes);
bool fc_tensor_same_shape(const struct fc_tensor *a, const struct fc_tensor *b);
/* "[32000, 4096]" into buf, which is returned. */
const char *fc_tensor_shape_text(const struct fc_tensor *t, char buf[static 192]);

/* Elements [first, first + n) as numbers, whatever type and order.  Of a packed type first and n
 * are multiples of the block, unless the order is by columns. */
void fc_tensor_to_f32(const struct fc_tensor *t, size_t first, size_t n, float *out);
void fc_tensor_to_f64(const struct fc_tensor *t, size_t first, size_t n, double *out);
/* Bytes of row r; not of an order by columns. */
const void *fc_tensor_row(const struct fc_tensor *t, size_t r);

#endif
