/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/kern.h"

#if defined(__x86_64__)
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#endif

#define VL 8
#define KERN fc_kern_avx2
#include "nn/kern_vector.h"

static inline vf vfma(vf a, vf b, vf c)
{
	return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

static inline vf vmax(vf a, vf b) /* b where one is not a number */
{
	return (vf)_mm256_max_ps((__m256)a, (__m256)b);
}

static inline float vsum(vf a)
{
	__m128 s =
	    _mm_add_ps(_mm256_castps256_ps128((__m256)a), _mm256_extractf128_ps((__m256)a, 1));
	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

static inline vf load_f16(const void *p)
{
	return (vf)_mm256_cvtph_ps(_mm_loadu_si128(p));
}

#include "nn/kern_body.h"

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
