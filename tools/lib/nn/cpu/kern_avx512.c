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
#define MM_ROWS 8 /* of 32 registers */
#define KERN fc_kern_avx512
#include "nn/cpu/kern_vector_body.h"

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
