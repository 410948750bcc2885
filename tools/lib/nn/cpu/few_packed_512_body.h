/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectors of 16 lanes, by AVX-512 with VNNI; included by few_packed_vnni.c, so without a guard.
 *
 * X = 256 high + low, bytes with a sign, since the processor multiplies bytes without a sign (q,
 * moved up by 1 << UP where it has one) by bytes with one, and adds up four products at a time
 * (Intel SDM, VPDPBUSD).
 */
enum { LANES = 16 };
typedef __m512i ints;
typedef __m512 floats;

INLINE ints ints_of(int x)
{
	return _mm512_set1_epi32(x);
}

INLINE ints ints_of_bytes(char x)
{
	return _mm512_set1_epi8(x);
}

INLINE ints ints_joined(const __m128i four[4])
{
	__m512i z = _mm512_castsi128_si512(four[0]);
	z = _mm512_inserti32x4(z, four[1], 1);
	z = _mm512_inserti32x4(z, four[2], 2);
	return _mm512_inserti32x4(z, four[3], 3);
}

INLINE ints ints_and(ints a, ints b)
{
	return _mm512_and_si512(a, b);
}

INLINE ints ints_or(ints a, ints b)
{
	return _mm512_or_si512(a, b);
}

INLINE ints ints_xor(ints a, ints b)
{
	return _mm512_xor_si512(a, b);
}

INLINE ints ints_less(ints a, ints b)
{
	return _mm512_sub_epi32(a, b);
}

INLINE ints ints_left(ints v, int n)
{
	return _mm512_sll_epi32(v, _mm_cvtsi32_si128(n));
}

INLINE ints ints_right(ints v, int n)
{
	return _mm512_srl_epi32(v, _mm_cvtsi32_si128(n));
}

INLINE ints ints_right_signed(ints v, int n)
{
	return _mm512_sra_epi32(v, _mm_cvtsi32_si128(n));
}

/* Of every four lanes of both, those in the lower and in the upper half, by turns. */
INLINE ints ints_low_32(ints a, ints b)
{
	return _mm512_unpacklo_epi32(a, b);
}

INLINE ints ints_high_32(ints a, ints b)
{
	return _mm512_unpackhi_epi32(a, b);
}

INLINE ints ints_low_64(ints a, ints b)
{
	return _mm512_unpacklo_epi64(a, b);
}

INLINE ints ints_high_64(ints a, ints b)
{
	return _mm512_unpackhi_epi64(a, b);
}

/* Byte n of a lane in all four places. */
INLINE ints ints_byte(ints v, int n)
{
	const __m512i first = _mm512_set4_epi32(0x0c0c0c0c, 0x08080808, 0x04040404, 0);
	return _mm512_shuffle_epi8(v, _mm512_add_epi32(_mm512_set1_epi32(n * 0x01010101), first));
}

/* Adds 16 to bytes whose bits are set in those of v. */
INLINE ints ints_with_16(ints q, ints v, ints bits)
{
	return _mm512_mask_add_epi8(q, _mm512_test_epi8_mask(v, bits), q, _mm512_set1_epi8(16));
}

/* Bytes of a table of 16. */
INLINE ints ints_looked_up(__m128i table, ints at)
{
	return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), at);
}

INLINE floats floats_of(ints v)
{
	return _mm512_cvtepi32_ps(v);
}

INLINE floats floats_of_halves(const __m128i eight[2])
{
	return _mm512_cvtph_ps(
	    _mm256_inserti128_si256(_mm256_castsi128_si256(eight[0]), eight[1], 1));
}

/* A lane's lower 16 bits, a float16. */
INLINE floats lower_half(ints word)
{
	return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(word));
}

INLINE floats floats_all(float x)
{
	return _mm512_set1_ps(x);
}

INLINE floats floats_at(const float *p)
{
	return _mm512_loadu_ps(p);
}

INLINE void floats_put(float *p, floats v)
{
	_mm512_storeu_ps(p, v);
}

INLINE floats floats_times(floats a, floats b)
{
	return _mm512_mul_ps(a, b);
}

INLINE floats floats_negative(floats v)
{
	return _mm512_sub_ps(_mm512_setzero_ps(), v);
}

/* c + a b and c - a b, rounded once */
INLINE floats floats_plus(floats c, floats a, floats b)
{
	return _mm512_fmadd_ps(a, b, c);
}

INLINE floats floats_minus(floats c, floats a, floats b)
{
	return _mm512_fnmadd_ps(a, b, c);
}

/* 32 X. */
struct numbers {
	int8_t high[32], low[32];
};

/* Those from 8 i on. */
INLINE void numbers_set(struct numbers *x, int i, __m256i eight)
{
	const __m256i up = _mm256_add_epi32(eight, _mm256_set1_epi32(128));
	const __m128i low = _mm256_cvtepi32_epi8(eight),
		      high = _mm256_cvtepi32_epi8(_mm256_srai_epi32(up, 8));
	memcpy(x->high + 8 * i, &high, 8);
	memcpy(x->low + 8 * i, &low, 8);
}

/* sum += the products of four numbers of x, the same for all lanes, with those of q.  Compilers
 * make two instructions of the intrinsic, and wait for the first. */
INLINE ints four_added(ints sum, ints q, const int8_t *x)
{
	__asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(q), "m"(*(const int8_t(*)[4])x));
	return sum;
}

/* Rows whose sums are formed together: they share the weights' registers. */
enum { TOGETHER = 1 };

/* exact[r] += the products of numbers x[r], of fours i to "to", with q[i]. */
INLINE void products(
    ints exact[1], const struct numbers *const x[1], const ints *q, int i, int to, const int R)
{
	/* Two of each, since one chain after the other waits: sums of integers have no order. */
	ints a[2] = {ints_of(0), ints_of(0)}, b[2] = {exact[0], ints_of(0)};
	(void)R;
	for (; i < to; i++) {
		a[i % 2] = four_added(a[i % 2], q[i], x[0]->high + 4 * i);
		b[i % 2] = four_added(b[i % 2], q[i], x[0]->low + 4 * i);
	}
	exact[0] = _mm512_add_epi32(
	    _mm512_slli_epi32(_mm512_add_epi32(a[0], a[1]), 8), _mm512_add_epi32(b[0], b[1]));
}
