/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectors of 8 lanes, by AVX2, with the meaning that few_packed_512_body.h says; included by
 * few_packed_avx2.c, so without a guard.
 *
 * X is one integer, since the processor multiplies integers of 16 bits and adds up two products at
 * a time (Intel SDM, VPMADDWD).
 */
enum { LANES = 8 };
typedef __m256i ints;
typedef __m256 floats;

INLINE ints ints_of(int x)
{
	return _mm256_set1_epi32(x);
}

INLINE ints ints_of_bytes(char x)
{
	return _mm256_set1_epi8(x);
}

INLINE ints ints_joined(const __m128i two[2])
{
	return _mm256_inserti128_si256(_mm256_castsi128_si256(two[0]), two[1], 1);
}

INLINE ints ints_and(ints a, ints b)
{
	return _mm256_and_si256(a, b);
}

INLINE ints ints_or(ints a, ints b)
{
	return _mm256_or_si256(a, b);
}

INLINE ints ints_xor(ints a, ints b)
{
	return _mm256_xor_si256(a, b);
}

INLINE ints ints_less(ints a, ints b)
{
	return _mm256_sub_epi32(a, b);
}

INLINE ints ints_left(ints v, int n)
{
	return _mm256_sll_epi32(v, _mm_cvtsi32_si128(n));
}

INLINE ints ints_right(ints v, int n)
{
	return _mm256_srl_epi32(v, _mm_cvtsi32_si128(n));
}

INLINE ints ints_right_signed(ints v, int n)
{
	return _mm256_sra_epi32(v, _mm_cvtsi32_si128(n));
}

INLINE ints ints_low_32(ints a, ints b)
{
	return _mm256_unpacklo_epi32(a, b);
}

INLINE ints ints_high_32(ints a, ints b)
{
	return _mm256_unpackhi_epi32(a, b);
}

INLINE ints ints_low_64(ints a, ints b)
{
	return _mm256_unpacklo_epi64(a, b);
}

INLINE ints ints_high_64(ints a, ints b)
{
	return _mm256_unpackhi_epi64(a, b);
}

INLINE ints ints_byte(ints v, int n)
{
	const __m256i first =
	    _mm256_broadcastsi128_si256(_mm_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c));
	return _mm256_shuffle_epi8(v, _mm256_add_epi32(_mm256_set1_epi32(n * 0x01010101), first));
}

INLINE ints ints_with_16(ints q, ints v, ints bits)
{
	const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(v, bits), bits);
	return _mm256_add_epi8(q, _mm256_and_si256(set, _mm256_set1_epi8(16)));
}

INLINE ints ints_looked_up(__m128i table, ints at)
{
	return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), at);
}

INLINE floats floats_of(ints v)
{
	return _mm256_cvtepi32_ps(v);
}

INLINE floats floats_of_halves(const __m128i eight[1])
{
	return _mm256_cvtph_ps(eight[0]);
}

INLINE floats lower_half(ints word)
{
	const __m128i low = _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1);
	const __m256i apart = _mm256_shuffle_epi8(word, _mm256_broadcastsi128_si256(low));
	return _mm256_cvtph_ps(
	    _mm_unpacklo_epi64(_mm256_castsi256_si128(apart), _mm256_extracti128_si256(apart, 1)));
}

INLINE floats floats_all(float x)
{
	return _mm256_set1_ps(x);
}

INLINE floats floats_at(const float *p)
{
	return _mm256_loadu_ps(p);
}

INLINE void floats_put(float *p, floats v)
{
	_mm256_storeu_ps(p, v);
}

INLINE floats floats_times(floats a, floats b)
{
	return _mm256_mul_ps(a, b);
}

INLINE floats floats_negative(floats v)
{
	return _mm256_sub_ps(_mm256_setzero_ps(), v);
}

INLINE floats floats_plus(floats c, floats a, floats b)
{
	return _mm256_fmadd_ps(a, b, c);
}

INLINE floats floats_minus(floats c, floats a, floats b)
{
	return _mm256_fnmadd_ps(a, b, c);
}

/* 32 X; of every four, the first and the third, then the others. */
struct numbers {
	int16_t x[32];
};

INLINE void numbers_set(struct numbers *x, int i, __m256i eight)
{
	const __m256i turned = _mm256_shuffle_epi32(eight, _MM_SHUFFLE(3, 1, 2, 0)),
		      narrow = _mm256_packs_epi32(turned, turned);
	const __m128i low =
	    _mm_unpacklo_epi64(_mm256_castsi256_si128(narrow), _mm256_extracti128_si256(narrow, 1));
	memcpy(x->x + 8 * i, &low, sizeof low);
}

INLINE ints two_of(const int16_t *x)
{
	int both;
	memcpy(&both, x, sizeof both);
	return _mm256_set1_epi32(both);
}

enum { TOGETHER = 2 };

/* Compilers make trees of sums of integers, for which there are not enough registers. */
INLINE ints in_turn(ints sum)
{
	__asm__("" : "+x"(sum));
	return sum;
}

INLINE void products(
    ints exact[2], const struct numbers *const x[2], const ints *q, int i, int to, const int R)
{
	ints more[2] = {ints_of(0), ints_of(0)};
	for (; i < to; i++) {
		const ints even = _mm256_and_si256(q[i], _mm256_set1_epi16(255)),
			   odd = _mm256_srli_epi16(q[i], 8);
		for (int r = 0; r < R; r++) {
			const int16_t *four = x[r]->x + 4 * i;
			const ints a = _mm256_madd_epi16(even, two_of(four)),
				   b = _mm256_madd_epi16(odd, two_of(four + 2));
			exact[r] = in_turn(_mm256_add_epi32(exact[r], a));
			more[r] = in_turn(_mm256_add_epi32(more[r], b));
		}
	}
	for (int r = 0; r < R; r++)
		exact[r] = _mm256_add_epi32(exact[r], more[r]);
}
