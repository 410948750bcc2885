/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/tensor.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"

bool fc_tensor_count(const struct fc_tensor *t, size_t *n)
{
	*n = 1;
	for (int i = 0; i < t->n_dim; i++)
		if (t->dim[i] < 0 || !fc_size_mul(*n, (size_t)t->dim[i], n))
			return false;
	return true;
}

bool fc_tensor_bytes(const struct fc_tensor *t, size_t *n_bytes)
{
	const size_t block = fc_dtype_block(t->dtype);
	size_t n;
	if (!fc_tensor_count(t, &n) || !fc_size_mul(n, fc_dtype_bytes(t->dtype, block), n_bytes))
		return false;
	*n_bytes /= block;
	return block == 1 || (t->n_dim > 0 && (size_t)t->dim[t->n_dim - 1] % block == 0);
}

bool fc_tensor_same_shape(const struct fc_tensor *a, const struct fc_tensor *b)
{
	if (a->n_dim != b->n_dim)
		return false;
	for (int i = 0; i < a->n_dim; i++)
		if (a->dim[i] != b->dim[i])
			return false;
	return true;
}

const char *fc_tensor_shape_text(const struct fc_tensor *t, char buf[static 192])
{
	/* 8 dimensions of at most 20 characters, 7 separators and the brackets fit */
	size_t at = (size_t)snprintf(buf, 192, "[");
	for (int i = 0; i < t->n_dim && i < FC_MAX_DIM; i++)
		at += (size_t)snprintf(buf + at, 192 - at, "%s%" PRId64, i ? ", " : "", t->dim[i]);
	snprintf(buf + at, 192 - at, "]");
	return buf;
}
