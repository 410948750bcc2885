/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/stream_kept.h"

#include <math.h>
#include <string.h>

#include "fc-varm/method/eight.h"
#include "fc-varm/method/quad.h"
#include "fc-varm/method/stream_in.h"
#include "tensor/finite.h"
#include "tensor/simd.h"

static inline bool bit_of(const uint8_t *bits, size_t i)
{
	return bits[i / 8] >> i % 8 & 1;
}

_Static_assert(QUADS *QUAD == LANES && LANES == 8, "a byte of bits is what lanes take at once");

static FC_SIMD_BODY void sum_changes_body(
    double *restrict lane, const double *restrict change, const uint8_t *restrict bits, size_t n)
{
	quad_double d, all[QUADS], kept[QUADS];
	quad_mask stays;
	size_t i = 0;
	memcpy(all, lane, sizeof all);
	memcpy(kept, lane + LANES, sizeof kept);
	for (; i + LANES <= n; i += LANES) {
		EACH_QUAD(q)
		{
			QUAD_LOAD(d, change + i + q * QUAD);
			d = QUAD_MAGNITUDE(d);
			all[q] += d;
			QUAD_OF_BITS(stays, bits[i / 8], q);
			kept[q] += QUAD_WHERE(stays, d);
		}
	}
	memcpy(lane, all, sizeof all);
	memcpy(lane + LANES, kept, sizeof kept);
	for (; i < n; i++) {
		double magnitude = fabs(change[i]);
		lane[i % LANES] += magnitude;
		lane[LANES + i % LANES] += bit_of(bits, i) ? magnitude : 0;
	}
}
FC_SIMD_KERNEL(static void, sum_changes,
    (double *lane, const double *change, const uint8_t *bits, size_t n), (lane, change, bits, n))

/* Multiplied with 0 * weight, with its sign, where nothing stays. */
static FC_SIMD_BODY void weigh_changes_body(
    double *restrict change, const uint8_t *restrict bits, double weight, size_t n)
{
	const quad_double stay = QUAD_OF(weight), go = QUAD_OF(0 * weight);
	quad_double d;
	quad_mask stays;
	size_t i = 0;
	for (; i + QUADS * QUAD <= n; i += QUADS * QUAD) {
		EACH_QUAD(q)
		{
			QUAD_LOAD(d, change + i + q * QUAD);
			QUAD_OF_BITS(stays, bits[i / 8], q);
			d *= QUAD_SELECT(stays, stay, go);
			memcpy(change + i + q * QUAD, &d, sizeof d);
		}
	}
	for (; i < n; i++)
		change[i] *= bit_of(bits, i) ? weight : 0 * weight;
}
FC_SIMD_KERNEL(static void, weigh_changes,
    (double *change, const uint8_t *bits, double weight, size_t n), (change, bits, weight, n))

#if defined(__x86_64__)
/* Added by products with 1, which are exact: the units that multiply have time. */
#define SUM_EIGHT(I, HERE)                                                                         \
	do {                                                                                       \
		__m512d magnitude = _mm512_abs_pd(eight_changes(x, base, I, HERE));                \
		all = _mm512_fmadd_pd(magnitude, one, all);                                        \
		kept = _mm512_mask3_fmadd_pd(magnitude, one, kept, bits[(I) / 8]);                 \
	} while (0)
FC_SIMD_AVX512 static void sum_bf16_avx512(
    double *lane, const char *x, const double *base, const uint8_t *bits, size_t n)
{
	const __m512d one = _mm512_set1_pd(1);
	__m512d all = _mm512_loadu_pd(lane), kept = _mm512_loadu_pd(lane + LANES);
	EACH_EIGHT(SUM_EIGHT, n);
	_mm512_storeu_pd(lane, all);
	_mm512_storeu_pd(lane + LANES, kept);
}

#define WEIGH_EIGHT(I, HERE)                                                                       \
	do {                                                                                       \
		__m512d factor = _mm512_mask_mov_pd(none, bits[(I) / 8], weights);                 \
		__m512d change = eight_changes(x, base, I, HERE);                                  \
		_mm512_mask_storeu_pd(out + (I), HERE, _mm512_mul_pd(change, factor));             \
	} while (0)
FC_SIMD_AVX512 static void weigh_bf16_avx512(
    double *out, const char *x, const double *base, const uint8_t *bits, double weight, size_t n)
{
	const __m512d weights = _mm512_set1_pd(weight), none = _mm512_set1_pd(0 * weight);
	EACH_EIGHT(WEIGH_EIGHT, n);
}

/* Straight from bfloat16, with bits as masks. */
static bool is_direct(const struct values *f)
{
	return varm_values_are_bf16(f) && fc_isa() >= FC_ISA_AVX512;
}
#endif

void varm_stream_kept_sums(const struct values *f, size_t first, size_t n, const double *base,
    const uint8_t *bits, double *lane, double *spare)
{
	uint64_t n_bad = 0; /* who merges them will say so */
#if defined(__x86_64__)
	if (is_direct(f)) {
		sum_bf16_avx512(lane, varm_values_bytes(f, first), base, bits, n);
		return;
	}
#endif
	varm_stream_changes(f, first, n, base, spare, &n_bad);
	sum_changes(lane, spare, bits, n);
}

void varm_stream_kept_weighed(const struct values *f, size_t first, size_t n, const double *base,
    const uint8_t *bits, double weight, double *out, uint64_t *n_bad)
{
#if defined(__x86_64__)
	if (is_direct(f)) {
		const char *x = varm_values_bytes(f, first);
		weigh_bf16_avx512(out, x, base, bits, weight, n);
		*n_bad += fc_finite_count(x, FC_BF16, n) != n;
		return;
	}
#endif
	varm_stream_changes(f, first, n, base, out, n_bad);
	weigh_changes(out, bits, weight, n);
}
