/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STORE_SAFETENSORS_H
#define FC_STORE_SAFETENSORS_H

#include <stddef.h>

#include "base/file.h"
#include "tensor/tensor.h"

/*
 * One mapped .safetensors file: u64 little-endian N, N bytes of JSON, the tensors' bytes to the end
 * of the file.  Refuses what the reference implementation refuses, and keys given twice.
 */
#define FC_SAFETENSORS_HEADER_MAX ((size_t)100000000) /* bytes, the reference's ceiling */

struct fc_safetensors {
	struct fc_mapped map;
	struct fc_tensor *tensor; /* sorted by name; name is owned */
	size_t n;
};

int fc_safetensors_open(struct fc_safetensors *f, const char *path, struct fc_err *e);
void fc_safetensors_close(struct fc_safetensors *f);

/* Order of tensors in a file the reference writes: its types from the last to the first. */
int fc_safetensors_rank(enum fc_dtype t);

#endif
