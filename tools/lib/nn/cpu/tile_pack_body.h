/* SPDX-License-Identifier: Apache-2.0 */
/* How numbers are packed into tiles.  Included where AVX-512 with its bfloat16 is allowed, by
 * product_body.h and attention_amx.c, so without a guard. */

#include "nn/cpu/tile_shape.h"

#define INLINE static inline __attribute__((always_inline))

/* Where v is a pair of numbers, 16 by 16 of them. */
INLINE void transpose(__m512i v[TILE])
{
	__m512i t[TILE];
	for (int i = 0; i < TILE; i += 2) {
		t[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
		t[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
	}
	for (int i = 0; i < TILE; i += 4) {
		v[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
		v[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
		v[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
		v[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
	}
	/* v[4 r + j], lane l: column 4 l + j of the rows 4 r to 4 r + 3 */
	for (int j = 0; j < 4; j++) {
		t[j] = _mm512_shuffle_i32x4(v[j], v[4 + j], 0x88);
		t[4 + j] = _mm512_shuffle_i32x4(v[j], v[4 + j], 0xdd);
		t[8 + j] = _mm512_shuffle_i32x4(v[8 + j], v[12 + j], 0x88);
		t[12 + j] = _mm512_shuffle_i32x4(v[8 + j], v[12 + j], 0xdd);
	}
	for (int j = 0; j < 4; j++) {
		v[j] = _mm512_shuffle_i32x4(t[j], t[8 + j], 0x88);
		v[8 + j] = _mm512_shuffle_i32x4(t[j], t[8 + j], 0xdd);
		v[4 + j] = _mm512_shuffle_i32x4(t[4 + j], t[12 + j], 0x88);
		v[12 + j] = _mm512_shuffle_i32x4(t[4 + j], t[12 + j], 0xdd);
	}
}

INLINE __m512i rounded(__m512 low, __m512 high)
{
	return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

INLINE __mmask32 first(size_t n, size_t most)
{
	return n >= most ? (__mmask32)(((uint64_t)1 << most) - 1) : ((__mmask32)1 << n) - 1;
}

/* n numbers of p, at most DEPTH, then zeros. */
INLINE __m512i along(const void *p, enum fc_dtype t, size_t n)
{
	const __mmask32 some = first(n, DEPTH);
	if (t == FC_BF16)
		return _mm512_maskz_loadu_epi16(some, p);
	return rounded(_mm512_maskz_loadu_ps((__mmask16)some, p),
	    _mm512_maskz_loadu_ps((__mmask16)(some >> 16), (const float *)p + TILE));
}

/* For a permutation: the halves' numbers in turn. */
INLINE __m512i pairs(void)
{
	const __m512i i = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	return _mm512_add_epi32(
	    _mm512_set1_epi32(TILE << 16), _mm512_mullo_epi32(_mm512_set1_epi32(0x10001), i));
}

/* n numbers, at most TILE, of each of two rows: pairs. */
INLINE __m512i across(const void *p, const void *q, enum fc_dtype t, size_t n)
{
	const __mmask16 some = (__mmask16)first(n, TILE);
	const __m512i both = t == FC_BF16
	    ? _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_maskz_loadu_epi16(some, p)),
		  _mm256_maskz_loadu_epi16(q ? some : 0, q), 1)
	    : rounded(_mm512_maskz_loadu_ps(some, p), _mm512_maskz_loadu_ps(q ? some : 0, q));
	return _mm512_permutexvar_epi16(pairs(), both);
}

static inline size_t tiles(size_t n, size_t tile)
{
	return (n + tile - 1) / tile;
}
