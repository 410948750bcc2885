/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/kern.h"

#if defined(__x86_64__)
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(                                                                      \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,fma,f16c")
#endif

#define VL 16
#define FEW_ROWS 32
#define REGISTERS 32
#define MM_ROWS 8
#define KERN fc_kern_avx512
#include "nn/cpu/kern_vector_body.h"

/* In a register: compilers load it again for every use. */
static inline vf vkept(vf v)
{
	__asm__("" : "+v"(v));
	return v;
}

static inline vf vfma(vf a, vf b, vf c)
{
	return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}

static inline vf vmax(vf a, vf b) /* b where one is not a number */
{
	return (vf)_mm512_max_ps((__m512)a, (__m512)b);
}

static inline vf vmin(vf a, vf b) /* b where one is not a number */
{
	return (vf)_mm512_min_ps((__m512)a, (__m512)b);
}

static inline float vmax_of(vf a)
{
	return _mm512_reduce_max_ps((__m512)a);
}

static inline float vsum(vf a)
{
	return _mm512_reduce_add_ps((__m512)a);
}

/* vsum() of four, at y: halves are added, then quarters, so that each sum has 128 bits of a vector,
 * and what is left of all four at once. */
static inline void vstore_sums(float *y, const vf s[4])
{
	const __m512i first = _mm512_castsi128_si512(_mm_setr_epi32(0, 4, 8, 12));
	__m512 a = (__m512)s[0], b = (__m512)s[1], c = (__m512)s[2], d = (__m512)s[3];
	a = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
	c = _mm512_add_ps(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xee));
	a = _mm512_add_ps(_mm512_shuffle_f32x4(a, c, 0x88), _mm512_shuffle_f32x4(a, c, 0xdd));
	a = _mm512_add_ps(a, _mm512_permute_ps(a, 0x4e));
	a = _mm512_add_ps(a, _mm512_permute_ps(a, 0xb1));
	_mm_storeu_ps(y, _mm512_castps512_ps128(_mm512_permutexvar_ps(first, a)));
}

static inline vf load_f16(const void *p)
{
	return (vf)_mm512_cvtph_ps(_mm256_loadu_si256(p));
}

static inline vf load_i8(const int8_t *p)
{
	return (vf)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}

/* n < VL floats, the other lanes are fill */
static inline vf vload_part(const float *p, size_t n, float fill)
{
	return (vf)_mm512_mask_loadu_ps(_mm512_set1_ps(fill), (__mmask16)((1u << n) - 1), p);
}

static inline void vstore_part(float *p, vf v, size_t n)
{
	_mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
}

#define QUANT_MASKS
#include "tensor/quant_x86_body.h"
#include "nn/cpu/kern_body.h"

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
