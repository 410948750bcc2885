/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/dtype.h"

#include <assert.h>

static const struct {
	const char *name;
	size_t size;
} types[FC_DTYPE_N] = {
    [FC_F32] = {"F32", 4},
    [FC_F16] = {"F16", 2},
    [FC_BF16] = {"BF16", 2},
    [FC_F64] = {"F64", 8},
    [FC_BOOL] = {"BOOL", 1},
    [FC_U8] = {"U8", 1},
    [FC_I8] = {"I8", 1},
    [FC_I16] = {"I16", 2},
    [FC_U16] = {"U16", 2},
    [FC_I32] = {"I32", 4},
    [FC_U32] = {"U32", 4},
    [FC_I64] = {"I64", 8},
    [FC_U64] = {"U64", 8},
    [FC_F8_E4M3] = {"F8_E4M3", 1},
    [FC_F8_E5M2] = {"F8_E5M2", 1},
};

size_t fc_dtype_size(enum fc_dtype t)
{
	return types[t].size;
}

const char *fc_dtype_name(enum fc_dtype t)
{
	return types[t].name;
}

bool fc_dtype_parse(const char *name, enum fc_dtype *t)
{
	for (int i = 0; i < FC_DTYPE_N; i++) {
		if (!strcmp(name, types[i].name)) {
			*t = (enum fc_dtype)i;
			return true;
		}
	}
	return false;
}

bool fc_dtype_is_real(enum fc_dtype t)
{
	return t == FC_F32 || t == FC_F16 || t == FC_BF16 || t == FC_F64;
}

static inline float bits_to_f32(uint32_t u)
{
	float f;
	memcpy(&f, &u, 4);
	return f;
}

static inline uint32_t f32_to_bits(float f)
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
static inline float half_to_f32(uint16_t x)
{
	uint32_t sign = (uint32_t)(x & 0x8000) << 16, rest = x & 0x7fff;
	uint32_t normal = (rest << 13) + ((uint32_t)(127 - 15) << 23);
	uint32_t denormal = f32_to_bits(bits_to_f32(0x3f000000 | rest) - 0.5f);
	uint32_t special = rest << 13 | 0x7f800000 | (uint32_t)(rest > 0x7c00) << 22;
	return bits_to_f32(sign | (rest < 0x400 ? denormal : rest < 0x7c00 ? normal : special));
}

static inline uint16_t f32_to_half(float f)
{
	uint32_t u = f32_to_bits(f), sign = u >> 16 & 0x8000, rest = u & 0x7fffffff;
	uint32_t normal = (rest + 0xfff + (rest >> 13 & 1) - ((uint32_t)(127 - 15) << 23)) >> 13;
	uint32_t denormal = f32_to_bits(bits_to_f32(rest) + 0.5f) - 0x3f000000;
	uint32_t special = 0x7c00 | (rest > 0x7f800000 ? 0x200 | (rest >> 13 & 0x3ff) : 0);
	uint32_t half = rest < 0x38800000 ? denormal : rest < 0x477ff000 ? normal : special;
	return (uint16_t)(sign | half);
}

float fc_f16_to_f32(uint16_t x)
{
	return half_to_f32(x);
}

uint16_t fc_f32_to_f16(float f)
{
	return f32_to_half(f);
}

static void from_f64(float *out, const char *in, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double v;
		memcpy(&v, in + 8 * i, 8);
		out[i] = (float)v;
	}
}

static void to_f64(char *out, const float *in, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double v = in[i];
		memcpy(out + 8 * i, &v, 8);
	}
}

static void from_bf16(float *out, const char *in, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t x;
		memcpy(&x, in + 2 * i, 2);
		out[i] = fc_bf16_to_f32(x);
	}
}

static void to_bf16(char *out, const float *in, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t x = fc_f32_to_bf16(in[i]);
		memcpy(out + 2 * i, &x, 2);
	}
}

static void from_f16(float *out, const char *in, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t x;
		memcpy(&x, in + 2 * i, 2);
		out[i] = half_to_f32(x);
	}
}

static void to_f16(char *out, const float *in, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t x = f32_to_half(in[i]);
		memcpy(out + 2 * i, &x, 2);
	}
}

void fc_to_f32(float *out, const void *in, enum fc_dtype t, size_t n)
{
	if (!n)
		return;
	switch (t) {
	case FC_F32:
		memcpy(out, in, 4 * n);
		break;
	case FC_F16:
		from_f16(out, in, n);
		break;
	case FC_BF16:
		from_bf16(out, in, n);
		break;
	case FC_F64:
		from_f64(out, in, n);
		break;
	default:
		assert(!"a type that has no float");
	}
}

void fc_from_f32(void *out, enum fc_dtype t, const float *in, size_t n)
{
	if (!n)
		return;
	switch (t) {
	case FC_F32:
		memcpy(out, in, 4 * n);
		break;
	case FC_F16:
		to_f16(out, in, n);
		break;
	case FC_BF16:
		to_bf16(out, in, n);
		break;
	case FC_F64:
		to_f64(out, in, n);
		break;
	default:
		assert(!"a type that has no float");
	}
}
