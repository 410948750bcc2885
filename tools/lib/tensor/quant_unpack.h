/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of the packed types taken apart, for one instruction set; included by tensor/quant_body.h
 * and nn/cpu/kern_packed_body.h, so without a guard.  What an instruction set may give before:
 * QUANT_LOOK_UP(table, at), of 16 bytes those at 16 places, QUANT_HALF(h), a half as a float, and
 * QUANT_FIFTHS(bits), 32 bytes that are 16 where their bit is set.
 * Layouts: ggml-common.h.
 */
#include "tensor/dtype.h"

/* Value i of a block is scale[i / G] * q[i] - min[i / G], where G is the type's GROUP. */
struct unpacked {
	int8_t q[256];
	float scale[16], min[16];
};

static inline float half_at(const uint8_t *p)
{
	uint16_t h;
	memcpy(&h, p, 2);
#ifdef QUANT_HALF
	return QUANT_HALF(h);
#else
	return fc_f16_to_f32(h);
#endif
}

/* Bytes that the compiler keeps in vectors; where the processor has none it takes them apart. */
typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef uint8_t u8x32 __attribute__((vector_size(32)));

/* 32 numbers of 4 bits: the first 16 are the low halves. */
static inline void nibbles(int8_t *q, const uint8_t *p, uint8_t zero)
{
	u8x16 x;
	memcpy(&x, p, 16);
	const u8x16 low = (x & 15) - zero, high = (x >> 4) - zero;
	memcpy(q, &low, 16);
	memcpy(q + 16, &high, 16);
}

/* 32 numbers of 5 bits: p as in nibbles(), and bits holds bit 4 of number i as its bit i. */
static inline void nibbles_and_fifths(
    int8_t *q, const uint8_t *p, const uint8_t *bits, uint8_t zero)
{
	u8x16 x;
	u8x32 fifths;
	memcpy(&x, p, 16);
#ifdef QUANT_FIFTHS
	uint32_t all;
	memcpy(&all, bits, 4);
	fifths = (u8x32)QUANT_FIFTHS(all);
#else
	typedef uint64_t u64x4 __attribute__((vector_size(32)));
	const uint64_t each = 0x0101010101010101, bit = 0x8040201008040201;
	const u64x4 apart = {
	    bits[0] * each & bit, bits[1] * each & bit, bits[2] * each & bit, bits[3] * each & bit};
	fifths = (u8x32)((u8x32)apart != 0) & 16;
#endif
	const u8x16 low = x & 15, high = x >> 4;
	u8x32 v = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
	    14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
	v = v + fifths - zero;
	memcpy(q, &v, 32);
}

/* Of every type: values and bytes of a block, and values that share scale and min. */
enum { Q4_0_BLOCK = 32, Q4_0_BYTES = 18, Q4_0_GROUP = 32, Q4_0_HAS_MIN = 0 };
enum { Q4_1_BLOCK = 32, Q4_1_BYTES = 20, Q4_1_GROUP = 32, Q4_1_HAS_MIN = 1 };
enum { Q5_0_BLOCK = 32, Q5_0_BYTES = 22, Q5_0_GROUP = 32, Q5_0_HAS_MIN = 0 };
enum { Q5_1_BLOCK = 32, Q5_1_BYTES = 24, Q5_1_GROUP = 32, Q5_1_HAS_MIN = 1 };
enum { Q8_0_BLOCK = 32, Q8_0_BYTES = 34, Q8_0_GROUP = 32, Q8_0_HAS_MIN = 0 };
enum { IQ4_NL_BLOCK = 32, IQ4_NL_BYTES = 18, IQ4_NL_GROUP = 32, IQ4_NL_HAS_MIN = 0 };
enum { Q2_K_BLOCK = 256, Q2_K_BYTES = 84, Q2_K_GROUP = 16, Q2_K_HAS_MIN = 1 };
enum { Q3_K_BLOCK = 256, Q3_K_BYTES = 110, Q3_K_GROUP = 16, Q3_K_HAS_MIN = 0 };
enum { Q4_K_BLOCK = 256, Q4_K_BYTES = 144, Q4_K_GROUP = 32, Q4_K_HAS_MIN = 1 };
enum { Q5_K_BLOCK = 256, Q5_K_BYTES = 176, Q5_K_GROUP = 32, Q5_K_HAS_MIN = 1 };
enum { Q6_K_BLOCK = 256, Q6_K_BYTES = 210, Q6_K_GROUP = 16, Q6_K_HAS_MIN = 0 };

static inline void unpack_Q4_0(struct unpacked *u, const uint8_t *p)
{
	u->scale[0] = half_at(p);
	u->min[0] = 0;
	nibbles(u->q, p + 2, 8);
}

static inline void unpack_Q4_1(struct unpacked *u, const uint8_t *p)
{
	u->scale[0] = half_at(p);
	u->min[0] = -half_at(p + 2);
	nibbles(u->q, p + 4, 0);
}

static inline void unpack_Q5_0(struct unpacked *u, const uint8_t *p)
{
	u->scale[0] = half_at(p);
	u->min[0] = 0;
	nibbles_and_fifths(u->q, p + 6, p + 2, 16);
}

static inline void unpack_Q5_1(struct unpacked *u, const uint8_t *p)
{
	u->scale[0] = half_at(p);
	u->min[0] = -half_at(p + 2);
	nibbles_and_fifths(u->q, p + 8, p + 4, 0);
}

static inline void unpack_Q8_0(struct unpacked *u, const uint8_t *p)
{
	u->scale[0] = half_at(p);
	u->min[0] = 0;
	memcpy(u->q, p + 2, 32);
}

/* Steps that are finer near zero. */
static inline void unpack_IQ4_NL(struct unpacked *u, const uint8_t *p)
{
	static const int8_t value[16] = {
	    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
	u->scale[0] = half_at(p);
	u->min[0] = 0;
#ifdef QUANT_LOOK_UP
	u8x16 x, table;
	memcpy(&x, p + 2, 16);
	memcpy(&table, value, 16);
	const u8x16 low = QUANT_LOOK_UP(table, x & 15), high = QUANT_LOOK_UP(table, x >> 4);
	memcpy(u->q, &low, 16);
	memcpy(u->q + 16, &high, 16);
#else
	for (int i = 0; i < 16; i++) {
		u->q[i] = value[p[2 + i] & 15];
		u->q[i + 16] = value[p[2 + i] >> 4];
	}
#endif
}

/* 256 numbers of 2 bits: of 32 bytes the lowest two bits first, then the next two. */
static inline void pairs_of_bits(int8_t *q, const uint8_t *p)
{
	for (int h = 0; h < 2; h++) {
		u8x32 x;
		memcpy(&x, p + 32 * h, 32);
		for (int s = 0; s < 4; s++, x >>= 2) {
			const u8x32 v = x & 3;
			memcpy(q + 128 * h + 32 * s, &v, 32);
		}
	}
}

/* {scales[16], qs[64], d, dmin} */
static inline void unpack_Q2_K(struct unpacked *u, const uint8_t *p)
{
	const float d = half_at(p + 80), dmin = half_at(p + 82);
	for (int g = 0; g < 16; g++) {
		u->scale[g] = d * (float)(p[g] & 15);
		u->min[g] = dmin * (float)(p[g] >> 4);
	}
	pairs_of_bits(u->q, p + 16);
}

/* {hmask[32], qs[64], scales[12], d}; a bit of hmask that is not set takes 4 off */
static inline void unpack_Q3_K(struct unpacked *u, const uint8_t *p)
{
	const uint8_t *scales = p + 96;
	const float d = half_at(p + 108);
	for (int g = 0; g < 16; g++) {
		const int low = g < 8 ? scales[g] & 15 : scales[g - 8] >> 4;
		const int high = scales[8 + g % 4] >> 2 * (g / 4) & 3;
		u->scale[g] = d * (float)((low | high << 4) - 32);
		u->min[g] = 0;
	}
	pairs_of_bits(u->q, p + 32);
	u8x32 mask, v;
	memcpy(&mask, p, 32);
	for (int j = 0; j < 8; j++, mask >>= 1) {
		memcpy(&v, u->q + 32 * j, 32);
		v += (mask & 1) * 4 - 4;
		memcpy(u->q + 32 * j, &v, 32);
	}
}

/* 8 scales and 8 minima of 6 bits in 12 bytes. */
static inline void scales_of_8(struct unpacked *u, const uint8_t *p)
{
	const float d = half_at(p), dmin = half_at(p + 2);
	const uint8_t *s = p + 4;
	for (int g = 0; g < 4; g++) {
		u->scale[g] = d * (float)(s[g] & 63);
		u->min[g] = dmin * (float)(s[g + 4] & 63);
		u->scale[g + 4] = d * (float)((s[g + 8] & 15) | s[g] >> 6 << 4);
		u->min[g + 4] = dmin * (float)(s[g + 8] >> 4 | s[g + 4] >> 6 << 4);
	}
}

/* {d, dmin, scales[12], qs[128]} */
static inline void unpack_Q4_K(struct unpacked *u, const uint8_t *p)
{
	scales_of_8(u, p);
	for (int j = 0; j < 4; j++) {
		u8x32 x;
		memcpy(&x, p + 16 + 32 * j, 32);
		const u8x32 low = x & 15, high = x >> 4;
		memcpy(u->q + 64 * j, &low, 32);
		memcpy(u->q + 64 * j + 32, &high, 32);
	}
}

/* {d, dmin, scales[12], qh[32], qs[128]} */
static inline void unpack_Q5_K(struct unpacked *u, const uint8_t *p)
{
	scales_of_8(u, p);
	u8x32 fifth, x;
	memcpy(&fifth, p + 16, 32);
	for (int j = 0; j < 4; j++, fifth >>= 2) {
		memcpy(&x, p + 48 + 32 * j, 32);
		const u8x32 low = (x & 15) | (fifth & 1) << 4, high = x >> 4 | (fifth & 2) << 3;
		memcpy(u->q + 64 * j, &low, 32);
		memcpy(u->q + 64 * j + 32, &high, 32);
	}
}

/* {ql[128], qh[64], scales[16], d} */
static inline void unpack_Q6_K(struct unpacked *u, const uint8_t *p)
{
	const float d = half_at(p + 208);
	for (int g = 0; g < 16; g++) {
		u->scale[g] = d * (float)(int8_t)p[192 + g];
		u->min[g] = 0;
	}
	for (int h = 0; h < 2; h++) {
		u8x32 top, x[2];
		memcpy(&top, p + 128 + 32 * h, 32);
		memcpy(&x[0], p + 64 * h, 32);
		memcpy(&x[1], p + 64 * h + 32, 32);
		for (int r = 0; r < 4; r++, top >>= 2) {
			const u8x32 v = ((x[r & 1] >> 4 * (r >> 1) & 15) | (top & 3) << 4) - 32;
			memcpy(u->q + 128 * h + 32 * r, &v, 32);
		}
	}
}
