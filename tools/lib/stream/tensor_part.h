/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STREAM_TENSOR_PART_H
#define FC_STREAM_TENSOR_PART_H

#include "tensor/tensor.h"

/* What one record of a stream of tensors holds: bytes [offset, offset + n) of the whole tensor. */
struct fc_tensor_part {
	struct fc_tensor whole; /* data is NULL */
	size_t offset, n;
	const void *data;
};

#endif
