/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_CUDA_WEIGHT_H
#define FC_NN_CUDA_WEIGHT_H

/*
 * Stored values as floats: for every type of weights a struct with the number of values and bytes
 * of a block (1 where values stand alone) and
 *
 *   at(p, i)   value i of the block at p
 *
 * which has the bits that fc_to_f32() gives (tensor/quant.h).  Blocks: ggml-common.h; a block needs
 * no alignment.  load8(v, p) of those that stand alone: 8 values from p, a multiple of 16.
 */

#include "nn/cuda/launch.h"

__device__ static inline float float_of_bits(uint32_t u)
{
#ifdef __CUDA_ARCH__
	return __uint_as_float(u);
#else
	float f;
	memcpy(&f, &u, sizeof f);
	return f;
#endif
}

__device__ static inline uint32_t bits_of_float(float f)
{
#ifdef __CUDA_ARCH__
	return __float_as_uint(f);
#else
	uint32_t u;
	memcpy(&u, &f, sizeof u);
	return u;
#endif
}

__device__ static inline float float_of_half(uint32_t h)
{
	const uint32_t sign = (h & 0x8000) << 16, exponent = h >> 10 & 31, rest = h & 0x3ff;
	if (exponent == 0) { /* multiples of 2^-24 */
		const float v = (float)rest * 0x1p-24f;
		return sign ? -v : v;
	}
	if (exponent == 31)
		return float_of_bits(sign | 0x7f800000 | rest << 13 | (rest ? 0x400000 : 0));
	return float_of_bits(sign | (exponent + 112) << 23 | rest << 13);
}

__device__ static inline float float_of_bf16(uint32_t h)
{
	return float_of_bits(h << 16);
}

/* The nearest, ties to even; a NaN stays one. */
__device__ static inline uint16_t bf16_of_float(float f)
{
	const uint32_t u = bits_of_float(f);
	if ((u & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(u >> 16 | 0x40);
	return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

__device__ static inline float rounded_to_bf16(float f)
{
	return float_of_bf16(bf16_of_float(f));
}

/* Two bytes at any address. */
__device__ static inline uint32_t u16_at(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8;
}

__device__ static inline float half_at(const uint8_t *p)
{
	return float_of_half(u16_at(p));
}

struct as_f32 {
	enum { BLOCK = 1, BYTES = 4 };
	__device__ static inline float at(const uint8_t *p, int)
	{
		return *reinterpret_cast<const float *>(p);
	}
	__device__ static inline void load8(float *v, const uint8_t *p)
	{
		const float4 a = reinterpret_cast<const float4 *>(p)[0];
		const float4 b = reinterpret_cast<const float4 *>(p)[1];
		v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w;
		v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
	}
};

struct as_f16 {
	enum { BLOCK = 1, BYTES = 2 };
	__device__ static inline float at(const uint8_t *p, int)
	{
		return float_of_half(*reinterpret_cast<const uint16_t *>(p));
	}
	__device__ static inline void load8(float *v, const uint8_t *p)
	{
		const uint4 u = *reinterpret_cast<const uint4 *>(p);
		const uint32_t two[4] = {u.x, u.y, u.z, u.w};
		for (int j = 0; j < 4; j++) {
			v[2 * j] = float_of_half(two[j] & 0xffff);
			v[2 * j + 1] = float_of_half(two[j] >> 16);
		}
	}
};

struct as_bf16 {
	enum { BLOCK = 1, BYTES = 2 };
	__device__ static inline float at(const uint8_t *p, int)
	{
		return float_of_bf16(*reinterpret_cast<const uint16_t *>(p));
	}
	__device__ static inline void load8(float *v, const uint8_t *p)
	{
		const uint4 u = *reinterpret_cast<const uint4 *>(p);
		const uint32_t two[4] = {u.x, u.y, u.z, u.w};
		for (int j = 0; j < 4; j++) {
			v[2 * j] = float_of_bf16(two[j] & 0xffff);
			v[2 * j + 1] = float_of_bf16(two[j] >> 16);
		}
	}
};

/* Of 32 numbers of 4 bits the first 16 are the low halves. */
__device__ static inline int nibble(const uint8_t *p, int i)
{
	return i < 16 ? p[i] & 15 : p[i - 16] >> 4;
}

/* Number i's bit in a string of bits. */
__device__ static inline int bit_at(const uint8_t *p, int i)
{
	return p[i / 8] >> i % 8 & 1;
}

struct as_q4_0 { /* {d, qs[16]} */
	enum { BLOCK = 32, BYTES = 18 };
	__device__ static inline float at(const uint8_t *p, int i)
	{
		return mul_rn((float)(nibble(p + 2, i) - 8), half_at(p));
	}
};

struct as_q4_1 { /* {d, m, qs[16]} */
	enum { BLOCK = 32, BYTES = 20 };
	__device__ static inline float at(const uint8_t *p, int i)
	{
		return add_rn(mul_rn((float)nibble(p + 4, i), half_at(p)), half_at(p + 2));
	}
};

struct as_q5_0 { /* {d, qh[4], qs[16]} */
	enum { BLOCK = 32, BYTES = 22 };
	__device__ static inline float at(const uint8_t *p, int i)
	{
		const int q = (nibble(p + 6, i) | bit_at(p + 2, i) << 4) - 16;
		return mul_rn((float)q, half_at(p));
	}
};

struct as_q5_1 { /* {d, m, qh[4], qs[16]} */
	enum { BLOCK = 32, BYTES = 24 };
	__device__ static inline float at(const uint8_t *p, int i)
	{
		const int q = nibble(p + 8, i) | bit_at(p + 4, i) << 4;
		return add_rn(mul_rn((float)q, half_at(p)), half_at(p + 2));
	}
};

struct as_q8_0 { /* {d, qs[32]} */
	enum { BLOCK = 32, BYTES = 34 };
	__device__ static inline float at(const uint8_t *p, int i)
	{
		return mul_rn((float)(int8_t)p[2 + i], half_at(p));
	}
};

/* One of -127 -104 -83 -65 -49 -35 -22 -10, 1 13 25 38 53 69 89 113: steps finer near zero. */
__device__ static inline int iq4_nl_step(int i)
{
	const uint64_t eight = i < 8 ? 0xf6eaddcfbfad9881u : 0x7159453526190d01u;
	return (int8_t)(eight >> 8 * (i % 8));
}

struct as_iq4_nl { /* {d, qs[16]} */
	enum { BLOCK = 32, BYTES = 18 };
	__device__ static inline float at(const uint8_t *p, int i)
	{
		return mul_rn((float)iq4_nl_step(nibble(p + 2, i)), half_at(p));
	}
};

/* Of 32 bytes the lowest two bits of all come first, then the next two. */
__device__ static inline int two_bits(const uint8_t *p, int i)
{
	return p[i / 128 * 32 + i % 32] >> 2 * (i % 128 / 32) & 3;
}

struct as_q2_k { /* {scales[16], qs[64], d, dmin} */
	enum { BLOCK = 256, BYTES = 84 };
	__device__ static inline float at(const uint8_t *p, int i)
	{
		const int s = p[i / 16];
		const float scale = mul_rn(half_at(p + 80), (float)(s & 15));
		const float min = mul_rn(half_at(p + 82), (float)(s >> 4));
		return add_rn(mul_rn((float)two_bits(p + 16, i), scale), -min);
	}
};

struct as_q3_k { /* {hmask[32], qs[64], scales[12], d}; a bit of hmask that is not set takes 4 off
		  */
	enum { BLOCK = 256, BYTES = 110 };
	__device__ static inline float at(const uint8_t *p, int i)
	{
		const uint8_t *scales = p + 96;
		const int g = i / 16;
		const int low = g < 8 ? scales[g] & 15 : scales[g - 8] >> 4;
		const int high = scales[8 + g % 4] >> 2 * (g / 4) & 3;
		const float scale = mul_rn(half_at(p + 108), (float)((low | high << 4) - 32));
		const int q = two_bits(p + 32, i) - (p[i % 32] >> i / 32 & 1 ? 0 : 4);
		return mul_rn((float)q, scale);
	}
};

/* Scale or minimum g of 8, of 6 bits each in 12 bytes. */
__device__ static inline int six_bits(const uint8_t *s, int g, bool is_min)
{
	if (g < 4)
		return s[g + (is_min ? 4 : 0)] & 63;
	return is_min ? s[g + 4] >> 4 | s[g] >> 6 << 4 : (s[g + 4] & 15) | s[g - 4] >> 6 << 4;
}

__device__ static inline float scaled_of_8(const uint8_t *p, int g, int q)
{
	const float scale = mul_rn(half_at(p), (float)six_bits(p + 4, g, false));
	const float min = mul_rn(half_at(p + 2), (float)six_bits(p + 4, g, true));
	return add_rn(mul_rn((float)q, scale), -min);
}

struct as_q4_k { /* {d, dmin, scales[12], qs[128]} */
	enum { BLOCK = 256, BYTES = 144 };
	__device__ static inline float at(const uint8_t *p, int i)
	{
		const int x = p[16 + i / 64 * 32 + i % 32];
		return scaled_of_8(p, i / 32, i / 32 % 2 ? x >> 4 : x & 15);
	}
};

struct as_q5_k { /* {d, dmin, scales[12], qh[32], qs[128]} */
	enum { BLOCK = 256, BYTES = 176 };
	__device__ static inline float at(const uint8_t *p, int i)
	{
		const int x = p[48 + i / 64 * 32 + i % 32], fifth = p[16 + i % 32] >> i / 32 & 1;
		return scaled_of_8(p, i / 32, (i / 32 % 2 ? x >> 4 : x & 15) | fifth << 4);
	}
};

struct as_q6_k { /* {ql[128], qh[64], scales[16], d} */
	enum { BLOCK = 256, BYTES = 210 };
	__device__ static inline float at(const uint8_t *p, int i)
	{
		const int h = i / 128, r = i % 128 / 32, j = i % 32;
		const int x = p[64 * h + 32 * (r & 1) + j] >> 4 * (r >> 1) & 15;
		const int top = p[128 + 32 * h + j] >> 2 * r & 3;
		const float scale = mul_rn(half_at(p + 208), (float)(int8_t)p[192 + i / 16]);
		return mul_rn((float)((x | top << 4) - 32), scale);
	}
};

/* DO(type of dtype.h, struct) for every type of weights */
#define FOR_PACKED_WEIGHTS(DO)                                                                     \
	DO(FC_Q4_0, as_q4_0)                                                                       \
	DO(FC_Q4_1, as_q4_1)                                                                       \
	DO(FC_Q5_0, as_q5_0)                                                                       \
	DO(FC_Q5_1, as_q5_1)                                                                       \
	DO(FC_Q8_0, as_q8_0)                                                                       \
	DO(FC_IQ4_NL, as_iq4_nl)                                                                   \
	DO(FC_Q2_K, as_q2_k)                                                                       \
	DO(FC_Q3_K, as_q3_k)                                                                       \
	DO(FC_Q4_K, as_q4_k)                                                                       \
	DO(FC_Q5_K, as_q5_k)                                                                       \
	DO(FC_Q6_K, as_q6_k)
#define FOR_WEIGHTS(DO)                                                                            \
	DO(FC_F32, as_f32)                                                                         \
	DO(FC_F16, as_f16)                                                                         \
	DO(FC_BF16, as_bf16)                                                                       \
	FOR_PACKED_WEIGHTS(DO)

/* Value i of a row. */
template <class T>
__device__ static inline float weight_at(const uint8_t *row, size_t i)
{
	return T::at(row + i / T::BLOCK * T::BYTES, (int)(i % T::BLOCK));
}

#endif
