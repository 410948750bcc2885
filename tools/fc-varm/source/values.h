/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_VALUES_H
#define FC_VARM_VALUES_H

#include "tensor/tensor.h"

/*
 * The values of one tensor of one model, wherever they come from: mapped safetensors, quantized
 * blocks, a stream spooled to disk, or a base tensor with an adapter's product added on the fly.
 */
struct values {
	/* Name as the model has it, dtype as stored, shape as merged.  data: the mapped values;
	 * only read() knows what they are where it is set. */
	struct fc_tensor t;
	/*
	 * out[i] = value first + i, i < n.  Called from several threads, more than once for the
	 * same values, which must come out the same.  A range begins and ends at multiples of 256
	 * elements of the tensor, of a row (its last dimension), or at the tensor's or a row's end:
	 * quantized blocks are never cut.  Whatever can fail has been checked before.
	 */
	void (*read)(const struct values *f, size_t first, size_t n, double *out);
	/* Lets go of memory behind values that will not be needed soon; NULL where none is held. */
	void (*forget)(const struct values *f, size_t first, size_t n);
	const void *ctx; /* read()'s own; borrowed from who made these */
	int model;       /* whose it is, an index into the plan's models */
};

/* The values of a store's tensor, mapped and real, packed in blocks or not. */
struct values varm_values_mapped(const struct fc_tensor *t, int model);

/* The type a result has whose values come from one of this type: float16 in place of a packed one.
 */
enum fc_dtype varm_values_dtype(enum fc_dtype t);

void varm_values_read(const struct values *f, size_t first, size_t n, double *out);
/* Asks memory for what will be read soon (base/ahead.h). */
void varm_values_ask(const struct values *f, size_t first, size_t n);
void varm_values_forget(const struct values *f, size_t first, size_t n);

/* Whether there are stored bytes, of a type whose values float holds. */
bool varm_values_are_floats(const struct values *f);
/* Whether these are bfloat16. */
bool varm_values_are_bf16(const struct values *f);
/* The stored bytes of value i; NULL when they are computed. */
const void *varm_values_bytes(const struct values *f, size_t i);

#endif
