/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TENSOR_DTYPE_H
#define FC_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

/* Element types of stored tensors, by their safetensors names.  Only F32, F16, BF16 and F64 are
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
	FC_DTYPE_N
};

size_t fc_dtype_size(enum fc_dtype t); /* bytes an element */
const char *fc_dtype_name(enum fc_dtype t);
bool fc_dtype_parse(const char *name, enum fc_dtype *t); /* false: no such type */
bool fc_dtype_is_real(enum fc_dtype t);                  /* one that converts to float */

/* out[i] = in[i]; t must be a real type.  in needs no alignment.  Exact but for F64. */
void fc_to_f32(float *out, const void *in, enum fc_dtype t, size_t n);
/* Rounds to nearest even; overflow to infinity; NaN stays a quiet NaN. */
void fc_from_f32(void *out, enum fc_dtype t, const float *in, size_t n);
/* The same in double; always exact. */
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
