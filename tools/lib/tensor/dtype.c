/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/dtype.h"

#include <assert.h>

#include "tensor/half.h"
#include "tensor/quant.h"
#include "tensor/simd.h"

/* Sizes are bytes a block. */
static const struct {
	const char *name;
	size_t size, block;
} types[FC_DTYPE_N] = {
    [FC_F32] = {"F32", 4, 1},
    [FC_F16] = {"F16", 2, 1},
    [FC_BF16] = {"BF16", 2, 1},
    [FC_F64] = {"F64", 8, 1},
    [FC_BOOL] = {"BOOL", 1, 1},
    [FC_U8] = {"U8", 1, 1},
    [FC_I8] = {"I8", 1, 1},
    [FC_I16] = {"I16", 2, 1},
    [FC_U16] = {"U16", 2, 1},
    [FC_I32] = {"I32", 4, 1},
    [FC_U32] = {"U32", 4, 1},
    [FC_I64] = {"I64", 8, 1},
    [FC_U64] = {"U64", 8, 1},
    [FC_F8_E4M3] = {"F8_E4M3", 1, 1},
    [FC_F8_E5M2] = {"F8_E5M2", 1, 1},
    [FC_Q4_0] = {"Q4_0", 18, 32},
    [FC_Q4_1] = {"Q4_1", 20, 32},
    [FC_Q5_0] = {"Q5_0", 22, 32},
    [FC_Q5_1] = {"Q5_1", 24, 32},
    [FC_Q8_0] = {"Q8_0", 34, 32},
    [FC_Q2_K] = {"Q2_K", 84, 256},
    [FC_Q3_K] = {"Q3_K", 110, 256},
    [FC_Q4_K] = {"Q4_K", 144, 256},
    [FC_Q5_K] = {"Q5_K", 176, 256},
    [FC_Q6_K] = {"Q6_K", 210, 256},
    [FC_IQ4_NL] = {"IQ4_NL", 18, 32},
};

size_t fc_dtype_size(enum fc_dtype t)
{
	assert(types[t].block == 1 && "an element of a packed type has no bytes of its own");
	return types[t].size;
}

size_t fc_dtype_block(enum fc_dtype t)
{
	return types[t].block;
}

bool fc_dtype_is_packed(enum fc_dtype t)
{
	return types[t].block > 1;
}

size_t fc_dtype_bytes(enum fc_dtype t, size_t n)
{
	if (types[t].block == 1)
		return n * types[t].size;
	assert(n % types[t].block == 0);
	return n / types[t].block * types[t].size;
}

const char *fc_dtype_name(enum fc_dtype t)
{
	return types[t].name;
}

bool fc_dtype_parse(const char *name, enum fc_dtype *t)
{
	for (int i = 0; i < FC_DTYPE_N; i++) {
		if (types[i].block == 1 && !strcmp(name, types[i].name)) {
			*t = (enum fc_dtype)i;
			return true;
		}
	}
	return false;
}

bool fc_dtype_is_real(enum fc_dtype t)
{
	return t == FC_F32 || t == FC_F16 || t == FC_BF16 || t == FC_F64 || fc_dtype_is_packed(t);
}

static inline uint64_t f64_to_bits(double d)
{
	uint64_t u;
	memcpy(&u, &d, 8);
	return u;
}

static inline double bits_to_f64(uint64_t u)
{
	double d;
	memcpy(&d, &u, 8);
	return d;
}

/*
 * A double with as many bits as a float, of which the last is set where bits were lost (rounding to
 * odd).  Rounded once more, to a type of fewer bits, it gives what one rounding of the double would
 * (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", 2008).
 */
static inline double f64_to_odd(double d)
{
	const uint64_t lost = ((uint64_t)1 << (52 - 23)) - 1;
	uint64_t u = f64_to_bits(d);
	return bits_to_f64((u | ((u & lost) + lost)) & ~lost);
}

/* Denormal floats have fewer bits: numbers below the normal ones are rounded to multiples of
 * 2^-133, as bfloat16's denormals are, the spacing of doubles in [2^-81, 2^-80). */
static inline uint16_t f64_to_bf16(double d)
{
	const double spaced = 0x1.8p-81;
	uint64_t u = f64_to_bits(d), sign = u & (uint64_t)1 << 63;
	double magnitude = bits_to_f64(u ^ sign), small = magnitude + spaced - spaced;
	double rounded = magnitude < 0x1p-126 ? small : f64_to_odd(magnitude);
	return fc_f32_to_bf16((float)bits_to_f64(f64_to_bits(rounded) | sign));
}

/* out[i] = EXPRESSION of x = in[i], n times; bytes at any address. */
#define CONVERT(NAME, FROM, TO, EXPRESSION)                                                        \
	static FC_SIMD_BODY void NAME##_body(                                                      \
	    char *restrict out, const char *restrict in, size_t n)                                 \
	{                                                                                          \
		for (size_t i = 0; i < n; i++) {                                                   \
			FROM x;                                                                    \
			memcpy(&x, in + i * sizeof x, sizeof x);                                   \
			TO y = (TO)(EXPRESSION);                                                   \
			memcpy(out + i * sizeof y, &y, sizeof y);                                  \
		}                                                                                  \
	}                                                                                          \
	FC_SIMD_KERNEL(static void, NAME, (char *out, const char *in, size_t n), (out, in, n))
CONVERT(f16_to_f32, uint16_t, float, fc_half_to_f32(x))
CONVERT(f16_to_f64, uint16_t, double, fc_half_to_f32(x))
CONVERT(bf16_to_f32, uint16_t, float, fc_bf16_to_f32(x))
CONVERT(bf16_to_f64, uint16_t, double, fc_bf16_to_f32(x))
CONVERT(f32_to_f64, float, double, x)
CONVERT(f64_to_f32, double, float, x)
CONVERT(f32_to_f16, float, uint16_t, fc_f32_to_half(x))
CONVERT(f64s_to_f16, double, uint16_t, fc_f32_to_half((float)f64_to_odd(x)))
CONVERT(f32_to_bf16, float, uint16_t, fc_f32_to_bf16(x))
CONVERT(f64s_to_bf16, double, uint16_t, f64_to_bf16(x))

static void copy4(char *out, const char *in, size_t n)
{
	memcpy(out, in, 4 * n);
}

static void copy8(char *out, const char *in, size_t n)
{
	memcpy(out, in, 8 * n);
}

static void run_blocks(void (*const plain[FC_DTYPE_N])(char *, const char *, size_t),
    fc_quant_fn *const packed[FC_DTYPE_N], void *out, const void *in, enum fc_dtype t, size_t n)
{
	fc_quant_fn *const *table = fc_dtype_is_packed(t) ? packed : plain;
	assert(n % types[t].block == 0);
	assert(table[t] && "a type that has no values to compute with");
	if (n)
		table[t](out, in, n);
}

void fc_to_f32(float *out, const void *in, enum fc_dtype t, size_t n)
{
	static void (*const table[FC_DTYPE_N])(char *, const char *, size_t) = {[FC_F32] = copy4,
	    [FC_F16] = f16_to_f32,
	    [FC_BF16] = bf16_to_f32,
	    [FC_F64] = f64_to_f32};
	run_blocks(table, fc_quant()->to_f32, out, in, t, n);
}

void fc_from_f32(void *out, enum fc_dtype t, const float *in, size_t n)
{
	static void (*const table[FC_DTYPE_N])(char *, const char *, size_t) = {[FC_F32] = copy4,
	    [FC_F16] = f32_to_f16,
	    [FC_BF16] = f32_to_bf16,
	    [FC_F64] = f32_to_f64};
	run_blocks(table, fc_quant()->from_f32, out, in, t, n);
}

void fc_to_f64(double *out, const void *in, enum fc_dtype t, size_t n)
{
	static void (*const table[FC_DTYPE_N])(char *, const char *, size_t) = {
	    [FC_F32] = f32_to_f64,
	    [FC_F16] = f16_to_f64,
	    [FC_BF16] = bf16_to_f64,
	    [FC_F64] = copy8};
	run_blocks(table, fc_quant()->to_f64, out, in, t, n);
}

void fc_from_f64(void *out, enum fc_dtype t, const double *in, size_t n)
{
	static void (*const table[FC_DTYPE_N])(char *, const char *, size_t) = {
	    [FC_F32] = f64_to_f32,
	    [FC_F16] = f64s_to_f16,
	    [FC_BF16] = f64s_to_bf16,
	    [FC_F64] = copy8};
	run_blocks(table, table, out, in, t, n);
}
