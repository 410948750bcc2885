/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What quant_unpack.h takes from AVX2, and from AVX-512 where QUANT_MASKS is defined; included
 * before it where the compiler's target has them, so without a guard.
 */
#include <immintrin.h>
#include <stdint.h>

#define QUANT_LOOK_UP(table, at) ((u8x16)_mm_shuffle_epi8((__m128i)(table), (__m128i)(at)))
#define QUANT_HALF(h) _cvtsh_ss(h)

static inline __m256i quant_fifths(uint32_t bits)
{
#ifdef QUANT_MASKS
	return _mm256_maskz_set1_epi8((__mmask32)bits, 16);
#else
	const __m256i byte =
	    _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
	const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
	const __m256i spread = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), byte);
	const __m256i is_set = _mm256_cmpeq_epi8(_mm256_and_si256(spread, bit), bit);
	return _mm256_and_si256(is_set, _mm256_set1_epi8(16));
#endif
}
#define QUANT_FIFTHS(bits) quant_fifths(bits)
