/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TENSOR_DTYPE_H
#define FC_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

/*
 * tensor/: number types and views. dtype converts between types (half has the bits of float16),
 * quant packs and unpacks GGUF's blocks (quant_*: one body for several instruction sets), simd
 * chooses among instruction sets, order sorts bits as values, tensor is a named view of memory.
 * rounding is how numbers become narrower ones, finite finds those that are none.
 */

/* Element types of stored tensors, by their safetensors names; after them the types of GGUF files
 * that pack elements in blocks (tensor/quant.h).  F32, F16, BF16, F64 and the packed ones are
 * computed with; the others are carried.  Values are little-endian. */
enum fc_dtype {
	FC_F32,
	FC_F16,
	FC_BF16,
	FC_F64,
	FC_BOOL,
	FC_U8,
	FC_I8,
	FC_I16,
	FC_U16,
	FC_I32,
	FC_U32,
	FC_I64,
	FC_U64,
	FC_F8_E4M3,
	FC_F8_E5M2,
	FC_Q4_0,
	FC_Q4_1,
	FC_Q5_0,
	FC_Q5_1,
	FC_Q8_0,
	FC_Q2_K,
	FC_Q3_K,
	FC_Q4_K,
	FC_Q5_K,
	FC_Q6_K,
	FC_IQ4_NL,
	FC_DTYPE_N
};

size_t fc_dtype_size(enum fc_dtype t); /* bytes an element; not of a packed type */
const char *fc_dtype_name(enum fc_dtype t);
/* By its safetensors name; false: no such type. */
bool fc_dtype_parse(const char *name, enum fc_dtype *t);
bool fc_dtype_is_real(enum fc_dtype t);   /* one that converts to float */
bool fc_dtype_is_packed(enum fc_dtype t); /* one that comes in blocks */
size_t fc_dtype_block(enum fc_dtype t);   /* elements a block; 1: not packed */
/* Bytes of n elements, also the offset of element n; n is a multiple of the block.  Does not
 * overflow for the n of a tensor that exists. */
size_t fc_dtype_bytes(enum fc_dtype t, size_t n);

/* out[i] = in[i]; t must be a real type, n a multiple of its block.  in needs no alignment.  Exact
 * but for F64; packed values are rounded as tensor/quant.h says. */
void fc_to_f32(float *out, const void *in, enum fc_dtype t, size_t n);
/* Rounds to nearest even; overflow to infinity; NaN stays a quiet NaN.  Of the
 * packed types there are Q8_0 and Q4_0, rounded as tensor/quant.h says. */
void fc_from_f32(void *out, enum fc_dtype t, const float *in, size_t n);
/* Widens to double; always exact. */
void fc_to_f64(double *out, const void *in, enum fc_dtype t, size_t n);
/* Rounds once, to nearest even, whatever the type; overflow to infinity; NaN stays a NaN. */
void fc_from_f64(void *out, enum fc_dtype t, const double *in, size_t n);

static inline float fc_bf16_to_f32(uint16_t x)
{
	uint32_t u = (uint32_t)x << 16;
	float f;
	memcpy(&f, &u, 4);
	return f;
}

static inline uint16_t fc_f32_to_bf16(float f)
{
	uint32_t u;
	memcpy(&u, &f, 4);
	if ((u & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(u >> 16 | 0x40);
	return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

float fc_f16_to_f32(uint16_t x);
uint16_t fc_f32_to_f16(float f);

#endif
