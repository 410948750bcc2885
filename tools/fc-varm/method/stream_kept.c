/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/stream_kept.h"

#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "fc-varm/method/pass.h"
#include "fc-varm/method/stream_in.h"
#include "tensor/dtype.h"
#include "tensor/simd.h"

/* In stretches that stay in the nearest cache; each part of the work is a loop that becomes vector
 * code. */
#define STRETCH ((size_t)64)

/* No alignment is promised. */
static inline uint16_t load_bits16(const char *p, size_t i)
{
	uint16_t x;
	memcpy(&x, p + 2 * i, 2);
	return x;
}

/* stays[i]: not 0 where bit i % 8 of bits[i / 8] is set, i < n <= BLOCK_ELEMENTS.  Of a block at
 * once: what is stored in small pieces is slow to load in large ones right after. */
static FC_SIMD_BODY void spread_bits(uint8_t *stays, const uint8_t *bits, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t eight = bits[i / 8] * UINT64_C(0x0101010101010101);
		eight &= UINT64_C(0x8040201008040201);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		eight = __builtin_bswap64(eight);
#endif
		memcpy(stays + i, &eight, 8);
	}
}

/* n <= STRETCH magnitudes, of which magnitude[] has room for all. */
static FC_SIMD_BODY void add_kept(
    double *restrict lane, double *restrict magnitude, const uint8_t *restrict stays, size_t n)
{
	double kept[STRETCH];
	for (size_t i = n; i < STRETCH; i++)
		magnitude[i] = 0;
	for (size_t i = 0; i < STRETCH; i++)
		kept[i] = stays[i] ? magnitude[i] : 0;
	for (size_t i = 0; i < STRETCH; i += LANES) {
		for (size_t j = 0; j < LANES; j++) {
			lane[j] += magnitude[i + j];
			lane[LANES + j] += kept[i + j];
		}
	}
}

static FC_SIMD_BODY void sum_bf16_body(double *restrict lane, const char *restrict x,
    const double *restrict base, const uint8_t *restrict bits, size_t n)
{
	double magnitude[STRETCH];
	uint8_t stays[BLOCK_ELEMENTS];
	spread_bits(stays, bits, n);
	for (size_t at = 0; at < n; at += STRETCH) {
		size_t m = n - at < STRETCH ? n - at : STRETCH;
		for (size_t i = 0; i < m; i++)
			magnitude[i] = fabs(fc_bf16_to_f32(load_bits16(x, at + i)) - base[at + i]);
		add_kept(lane, magnitude, stays + at, m);
	}
}
#if defined(__x86_64__)
/* Changes i to i + 7 of those whose bit in "here" is set, else 0; a bit of "bits" is a mask's. */
FC_SIMD_AVX512 static inline __m512d eight_changes(
    const char *x, const double *base, size_t i, __mmask8 here)
{
	__m256i stored = _mm256_cvtepu16_epi32(_mm_maskz_loadu_epi16(here, x + 2 * i));
	__m512d values = _mm512_cvtps_pd(_mm256_castsi256_ps(_mm256_slli_epi32(stored, 16)));
	return _mm512_sub_pd(values, _mm512_maskz_loadu_pd(here, base + i));
}

/* STEP(i, here) for each eight of n entries: all of them, and then those that are left. */
#define EACH_EIGHT(STEP)                                                                           \
	do {                                                                                       \
		size_t i = 0;                                                                      \
		for (; i + 8 <= n; i += 8)                                                         \
			STEP(i, 0xff);                                                             \
		if (i < n)                                                                         \
			STEP(i, (__mmask8)((1u << (n - i)) - 1));                                  \
	} while (0)

/* Once by a product with 1, which is exact: the units that multiply have time. */
#define SUM_EIGHT(I, HERE)                                                                         \
	do {                                                                                       \
		__m512d magnitude = _mm512_abs_pd(eight_changes(x, base, I, HERE));                \
		all = _mm512_fmadd_pd(magnitude, one, all);                                        \
		kept = _mm512_mask_add_pd(kept, bits[(I) / 8], kept, magnitude);                   \
	} while (0)
FC_SIMD_AVX512 static void sum_bf16_avx512(
    double *lane, const char *x, const double *base, const uint8_t *bits, size_t n)
{
	const __m512d one = _mm512_set1_pd(1);
	__m512d all = _mm512_loadu_pd(lane), kept = _mm512_loadu_pd(lane + LANES);
	EACH_EIGHT(SUM_EIGHT);
	_mm512_storeu_pd(lane, all);
	_mm512_storeu_pd(lane + LANES, kept);
}
#endif
FC_SIMD_KERNEL_BUT_AVX512(static void, sum_bf16,
    (double *lane, const char *x, const double *base, const uint8_t *bits, size_t n),
    (lane, x, base, bits, n))

static FC_SIMD_BODY void sum_changes_body(
    double *restrict lane, const double *restrict x, const uint8_t *restrict bits, size_t n)
{
	double magnitude[STRETCH];
	uint8_t stays[BLOCK_ELEMENTS];
	spread_bits(stays, bits, n);
	for (size_t at = 0; at < n; at += STRETCH) {
		size_t m = n - at < STRETCH ? n - at : STRETCH;
		for (size_t i = 0; i < m; i++)
			magnitude[i] = fabs(x[at + i]);
		add_kept(lane, magnitude, stays + at, m);
	}
}
FC_SIMD_KERNEL(static void, sum_changes,
    (double *lane, const double *x, const uint8_t *bits, size_t n), (lane, x, bits, n))

/* Not 0 where all bits of some exponent are set, which end below the sign. */
static FC_SIMD_BODY uint16_t any_bad(const char *x, size_t n)
{
	uint16_t any = 0;
	for (size_t i = 0; i < n; i++)
		any |= (uint16_t)((load_bits16(x, i) & 0x7f80u) + 0x80u);
	return any & 0x8000u;
}

static FC_SIMD_BODY void weigh_bf16_body(double *restrict out, const char *restrict x,
    const double *restrict base, const uint8_t *restrict bits, double weight, size_t n,
    uint16_t *restrict bad)
{
	const double none = 0 * weight; /* with its sign */
	uint8_t stays[BLOCK_ELEMENTS];
	spread_bits(stays, bits, n);
	for (size_t i = 0; i < n; i++)
		out[i] = (fc_bf16_to_f32(load_bits16(x, i)) - base[i]) * (stays[i] ? weight : none);
	*bad = any_bad(x, n);
}
#if defined(__x86_64__)
#define WEIGH_EIGHT(I, HERE)                                                                       \
	do {                                                                                       \
		__m512d factor = _mm512_mask_mov_pd(none, bits[(I) / 8], weights);                 \
		__m512d change = eight_changes(x, base, I, HERE);                                  \
		_mm512_mask_storeu_pd(out + (I), HERE, _mm512_mul_pd(change, factor));             \
	} while (0)
FC_SIMD_AVX512 static void weigh_bf16_avx512(double *out, const char *x, const double *base,
    const uint8_t *bits, double weight, size_t n, uint16_t *bad)
{
	const __m512d weights = _mm512_set1_pd(weight), none = _mm512_set1_pd(0 * weight);
	EACH_EIGHT(WEIGH_EIGHT);
	*bad = any_bad(x, n);
}
#endif
FC_SIMD_KERNEL_BUT_AVX512(static void, weigh_bf16,
    (double *out, const char *x, const double *base, const uint8_t *bits, double weight, size_t n,
	uint16_t *bad),
    (out, x, base, bits, weight, n, bad))

static FC_SIMD_BODY void weigh_changes_body(
    double *restrict x, const uint8_t *restrict bits, double weight, size_t n)
{
	const double none = 0 * weight;
	uint8_t stays[BLOCK_ELEMENTS];
	spread_bits(stays, bits, n);
	for (size_t i = 0; i < n; i++)
		x[i] *= stays[i] ? weight : none;
}
FC_SIMD_KERNEL(static void, weigh_changes,
    (double *x, const uint8_t *bits, double weight, size_t n), (x, bits, weight, n))

void varm_stream_kept_sums(const struct values *f, size_t first, size_t n, const double *base,
    const uint8_t *bits, double *lane, double *spare)
{
	uint64_t n_bad = 0; /* who merges them will say so */
	if (varm_values_are_bf16(f)) {
		sum_bf16(lane, varm_values_bytes(f, first), base, bits, n);
		return;
	}
	varm_stream_changes(f, first, n, base, spare, &n_bad);
	sum_changes(lane, spare, bits, n);
}

void varm_stream_kept_weighed(const struct values *f, size_t first, size_t n, const double *base,
    const uint8_t *bits, double weight, double *out, uint64_t *n_bad)
{
	uint16_t bad = 0;
	if (varm_values_are_bf16(f)) {
		weigh_bf16(out, varm_values_bytes(f, first), base, bits, weight, n, &bad);
		*n_bad += bad != 0;
		return;
	}
	varm_stream_changes(f, first, n, base, out, n_bad);
	weigh_changes(out, bits, weight, n);
}
