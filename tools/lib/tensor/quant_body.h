/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversions of the packed types, for one instruction set; included by each quant_*.c after QUANT,
 * the name of its table, so without a guard.
 */
#include "tensor/quant.h"
#include "tensor/quant_unpack.h"

/* As many floats as a register holds, and half as many doubles: wider ones are taken apart to
 * single numbers.  In steps that compilers have instructions for. */
#ifndef QUANT_LANES
#define QUANT_LANES 4
#endif
#define VECTOR(NAME, SCALAR, LANES)                                                                \
	typedef SCALAR NAME __attribute__((vector_size(sizeof(SCALAR) * (LANES))))
VECTOR(f32_i8, int8_t, QUANT_LANES);
VECTOR(f32_i16, int16_t, QUANT_LANES);
VECTOR(f32_i32, int32_t, QUANT_LANES);
VECTOR(f32_v, float, QUANT_LANES);
VECTOR(f64_i8, int8_t, QUANT_LANES / 2);
VECTOR(f64_i16, int16_t, QUANT_LANES / 2);
VECTOR(f64_i32, int32_t, QUANT_LANES / 2);
VECTOR(f64_v, double, QUANT_LANES / 2);
#define WIDEN_SOME(out, q, scale, min, TO)                                                         \
	do {                                                                                       \
		TO##_i8 narrow;                                                                    \
		memcpy(&narrow, (q), sizeof narrow);                                               \
		const TO##_i32 whole =                                                             \
		    __builtin_convertvector(__builtin_convertvector(narrow, TO##_i16), TO##_i32);  \
		const TO##_v v = __builtin_convertvector(whole, TO##_v) * (scale) - (min);         \
		memcpy((out), &v, sizeof v);                                                       \
	} while (0)

/* n values of a type; bytes at any address. */
#define WIDEN(TYPE, REAL, TO)                                                                      \
	static void TYPE##_to_##TO(char *restrict out, const char *restrict in, size_t n)          \
	{                                                                                          \
		enum { LANES = sizeof(TO##_v) / sizeof(REAL) };                                    \
		for (size_t at = 0; at < n; at += TYPE##_BLOCK, in += TYPE##_BYTES) {              \
			struct unpacked u;                                                         \
			unpack_##TYPE(&u, (const uint8_t *)in);                                    \
			for (int i = 0; i < TYPE##_BLOCK; i += LANES, out += sizeof(TO##_v))       \
				WIDEN_SOME(out, u.q + i, (REAL)u.scale[i / TYPE##_GROUP],          \
				    (REAL)u.min[i / TYPE##_GROUP], TO);                            \
		}                                                                                  \
	}
#define WIDENS(TYPE) WIDEN(TYPE, float, f32) WIDEN(TYPE, double, f64)
WIDENS(Q4_0)
WIDENS(Q4_1)
WIDENS(Q5_0)
WIDENS(Q5_1)
WIDENS(Q8_0)
WIDENS(Q2_K)
WIDENS(Q3_K)
WIDENS(Q4_K)
WIDENS(Q5_K)
WIDENS(Q6_K)
WIDENS(IQ4_NL)

/* The magnitude of a float as an integer that orders like it; NaNs are above infinity. */
static inline int32_t magnitude(float x)
{
	int32_t i;
	memcpy(&i, &x, 4);
	return i & 0x7fffffff;
}

enum { INFINITE = 0x7f800000 };

/* The magnitude that is largest; where that is not finite the values become 0. */
static inline int32_t largest(float x[static 32])
{
	int32_t most = 0;
	for (int i = 0; i < 32; i++) {
		const int32_t m = magnitude(x[i]);
		most = m > most ? m : most;
	}
	if (most >= INFINITE)
		memset(x, 0, 32 * sizeof *x);
	return most;
}

/* 1 / d, or 0 where steps are too small for that; the half that is stored is then 0 too. */
static inline float inverse(float d)
{
	const float id = d ? 1 / d : 0;
	return magnitude(id) < INFINITE ? id : 0;
}

static inline void put_half(char *out, float d)
{
	const uint16_t h = fc_f32_to_f16(d);
	memcpy(out, &h, 2);
}

static void to_q8_0(char *restrict out, const char *restrict in, size_t n)
{
	for (size_t at = 0; at < n; at += 32, in += 128, out += 34) {
		float x[32], amax;
		int8_t q[32];
		memcpy(x, in, sizeof x);
		const int32_t most = largest(x);
		memcpy(&amax, &most, 4);
		const float d = amax / 127, id = inverse(d);
		put_half(out, d);
		for (int i = 0; i < 32; i++) { /* halves away from zero */
			const float v = x[i] * id, a = v < 0 ? -v : v;
			const int whole = (int)a, r = whole + (a - (float)whole >= 0.5f);
			q[i] = (int8_t)(v < 0 ? -r : r);
		}
		memcpy(out + 2, q, sizeof q);
	}
}

static void to_q4_0(char *restrict out, const char *restrict in, size_t n)
{
	for (size_t at = 0; at < n; at += 32, in += 128, out += 18) {
		float x[32];
		uint8_t q[32];
		int first = 0;
		memcpy(x, in, sizeof x);
		const int32_t most = largest(x);
		while (first < 31 && magnitude(x[first]) != most)
			first++;
		float max = x[first];
		if (most >= INFINITE)
			memcpy(&max, &most, 4);
		const float d = max / -8, id = inverse(d);
		put_half(out, d);
		for (int i = 0; i < 32; i++) {
			const int v = (int)(x[i] * id + 8.5f);
			q[i] = (uint8_t)(v > 15 ? 15 : v);
		}
		for (int i = 0; i < 16; i++)
			q[i] = (uint8_t)(q[i] | q[i + 16] << 4);
		memcpy(out + 2, q, 16);
	}
}

const struct fc_quant QUANT = {
    .to_f32 = {[FC_Q4_0] = Q4_0_to_f32,
	[FC_Q4_1] = Q4_1_to_f32,
	[FC_Q5_0] = Q5_0_to_f32,
	[FC_Q5_1] = Q5_1_to_f32,
	[FC_Q8_0] = Q8_0_to_f32,
	[FC_Q2_K] = Q2_K_to_f32,
	[FC_Q3_K] = Q3_K_to_f32,
	[FC_Q4_K] = Q4_K_to_f32,
	[FC_Q5_K] = Q5_K_to_f32,
	[FC_Q6_K] = Q6_K_to_f32,
	[FC_IQ4_NL] = IQ4_NL_to_f32},
    .to_f64 = {[FC_Q4_0] = Q4_0_to_f64,
	[FC_Q4_1] = Q4_1_to_f64,
	[FC_Q5_0] = Q5_0_to_f64,
	[FC_Q5_1] = Q5_1_to_f64,
	[FC_Q8_0] = Q8_0_to_f64,
	[FC_Q2_K] = Q2_K_to_f64,
	[FC_Q3_K] = Q3_K_to_f64,
	[FC_Q4_K] = Q4_K_to_f64,
	[FC_Q5_K] = Q5_K_to_f64,
	[FC_Q6_K] = Q6_K_to_f64,
	[FC_IQ4_NL] = IQ4_NL_to_f64},
    .from_f32 = {[FC_Q8_0] = to_q8_0, [FC_Q4_0] = to_q4_0},
};
