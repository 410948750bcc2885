/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/kern.h"

#if defined(__x86_64__)
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#endif

#define VL 8
#define FEW_ROWS 16
#define REGISTERS 16
#define MM_ROWS 6
#define KERN fc_kern_avx2
#include "nn/cpu/kern_vector_body.h"

/* In a register: compilers load it again for every use. */
static inline vf vkept(vf v)
{
	__asm__("" : "+x"(v));
	return v;
}

static inline vf vfma(vf a, vf b, vf c)
{
	return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

static inline vf vmax(vf a, vf b) /* b where one is not a number */
{
	return (vf)_mm256_max_ps((__m256)a, (__m256)b);
}

static inline vf vmin(vf a, vf b) /* b where one is not a number */
{
	return (vf)_mm256_min_ps((__m256)a, (__m256)b);
}

static inline float vmax_of(vf a)
{
	__m128 m =
	    _mm_max_ps(_mm256_castps256_ps128((__m256)a), _mm256_extractf128_ps((__m256)a, 1));
	m = _mm_max_ps(m, _mm_movehl_ps(m, m));
	return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

static inline float vsum(vf a)
{
	__m128 s =
	    _mm_add_ps(_mm256_castps256_ps128((__m256)a), _mm256_extractf128_ps((__m256)a, 1));
	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* vsum() of four, at y */
static inline void vstore_sums(float *y, const vf s[4])
{
	__m128 h[4];
	for (int i = 0; i < 4; i++)
		h[i] = _mm_add_ps(
		    _mm256_castps256_ps128((__m256)s[i]), _mm256_extractf128_ps((__m256)s[i], 1));
	const __m128 a = _mm_add_ps(_mm_movelh_ps(h[0], h[1]), _mm_movehl_ps(h[1], h[0])),
		     b = _mm_add_ps(_mm_movelh_ps(h[2], h[3]), _mm_movehl_ps(h[3], h[2]));
	_mm_storeu_ps(y, _mm_add_ps(_mm_shuffle_ps(a, b, 0x88), _mm_shuffle_ps(a, b, 0xdd)));
}

static inline vf load_f16(const void *p)
{
	return (vf)_mm256_cvtph_ps(_mm_loadu_si128(p));
}

static inline vf load_i8(const int8_t *p)
{
	return (vf)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}

/* n < VL floats, the other lanes are fill */
static inline __m256i first_lanes(size_t n)
{
	return _mm256_cmpgt_epi32(
	    _mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline vf vload_part(const float *p, size_t n, float fill)
{
	const __m256i mask = first_lanes(n);
	return (vf)_mm256_blendv_ps(
	    _mm256_set1_ps(fill), _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask));
}

static inline void vstore_part(float *p, vf v, size_t n)
{
	_mm256_maskstore_ps(p, first_lanes(n), (__m256)v);
}

#include "tensor/quant_x86_body.h"
#include "nn/cpu/kern_body.h"

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
