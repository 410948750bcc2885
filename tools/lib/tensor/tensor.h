/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TENSOR_TENSOR_H
#define FC_TENSOR_TENSOR_H

#include "tensor/dtype.h"

#define FC_MAX_DIM 8

/* A named, row-major tensor.  name and data are borrowed from whoever made the view. */
struct fc_tensor {
	const char *name;
	enum fc_dtype dtype;
	int n_dim; /* 0: a scalar */
	int64_t dim[FC_MAX_DIM];
	const void *data; /* NULL in a plan; no alignment is promised */
	size_t n_bytes;
};

/* Product of the dimensions; false on overflow or a negative dimension. */
bool fc_tensor_count(const struct fc_tensor *t, size_t *n);
/* Bytes of its shape and type; false on overflow, or where rows are no multiple of the block. */
bool fc_tensor_bytes(const struct fc_tensor *t, size_t *n_bytes);
bool fc_tensor_same_shape(const struct fc_tensor *a, const struct fc_tensor *b);
/* "[32000, 4096]" into buf, which is returned. */
const char *fc_tensor_shape_text(const struct fc_tensor *t, char buf[static 192]);

#endif
