/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TENSOR_HALF_H
#define FC_TENSOR_HALF_H

#include <stdint.h>
#include <string.h>

/* float32 and IEEE half precision, inline for loops; fc_f16_to_f32() and fc_f32_to_f16() of dtype.h
 * are the same as functions. */

static inline float fc_bits_to_f32(uint32_t u)
{
	float f;
	memcpy(&f, &u, 4);
	return f;
}

static inline uint32_t fc_f32_to_bits(float f)
{
	uint32_t u;
	memcpy(&u, &f, 4);
	return u;
}

/*
 * Both directions are free of branches, so that loops over them become vector code.  Denormal
 * halves are multiples of 2^-24, the spacing of floats in [0.5, 1): adding and subtracting 0.5
 * lets the processor scale and round them.
 */
static inline float fc_half_to_f32(uint16_t x)
{
	uint32_t sign = (uint32_t)(x & 0x8000) << 16, rest = x & 0x7fff;
	uint32_t bias = (uint32_t)(127 - 15) << 23; /* twice, for infinities and NaNs */
	uint32_t denormal = fc_f32_to_bits(fc_bits_to_f32(0x3f000000 | rest) - 0.5f);
	uint32_t normal = (rest << 13) + bias + (bias & (0u - (rest >= 0x7c00)));
	uint32_t quiet = (uint32_t)(rest > 0x7c00) << 22, is_small = 0u - (rest < 0x400);
	return fc_bits_to_f32(sign | quiet | (denormal & is_small) | (normal & ~is_small));
}

static inline uint16_t fc_f32_to_half(float f)
{
	uint32_t u = fc_f32_to_bits(f), sign = u >> 16 & 0x8000, rest = u & 0x7fffffff;
	uint32_t normal = (rest + 0xfff + (rest >> 13 & 1) - ((uint32_t)(127 - 15) << 23)) >> 13;
	uint32_t denormal = fc_f32_to_bits(fc_bits_to_f32(rest) + 0.5f) - 0x3f000000;
	uint32_t special = 0x7c00 | (rest > 0x7f800000 ? 0x200 | (rest >> 13 & 0x3ff) : 0);
	uint32_t half = rest < 0x38800000 ? denormal : rest < 0x477ff000 ? normal : special;
	return (uint16_t)(sign | half);
}

#endif
