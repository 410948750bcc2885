/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_EIGHT_H
#define FC_VARM_EIGHT_H

#if defined(__x86_64__)
#include <immintrin.h>
#include <stddef.h>

#include "tensor/simd.h"

/* Eight entries at once with AVX-512. */

/* Values of bfloat16, i to i + 7 of those at x whose bit in "here" is set, else 0. */
FC_SIMD_AVX512 static inline __m512d eight_values(const char *x, size_t i, __mmask8 here)
{
	__m256i stored = _mm256_cvtepu16_epi32(_mm_maskz_loadu_epi16(here, x + 2 * i));
	return _mm512_cvtps_pd(_mm256_castsi256_ps(_mm256_slli_epi32(stored, 16)));
}

/* These less the base's. */
FC_SIMD_AVX512 static inline __m512d eight_changes(
    const char *x, const double *base, size_t i, __mmask8 here)
{
	return _mm512_sub_pd(eight_values(x, i, here), _mm512_maskz_loadu_pd(here, base + i));
}

/* STEP(i, here) for each eight, or 32, of n entries: all of them, and then those that are left. */
#define EACH_AT_ONCE(STEP, N, MASK, AT_ONCE)                                                       \
	do {                                                                                       \
		size_t i_ = 0;                                                                     \
		for (; i_ + (AT_ONCE) <= (N); i_ += (AT_ONCE))                                     \
			STEP(i_, (MASK)-1);                                                        \
		if (i_ < (N))                                                                      \
			STEP(i_, (MASK)(((MASK)1 << ((N)-i_)) - 1));                               \
	} while (0)
#define EACH_EIGHT(STEP, N) EACH_AT_ONCE(STEP, N, __mmask8, 8)
#define EACH_32(STEP, N) EACH_AT_ONCE(STEP, N, __mmask32, 32)
#endif

#endif
