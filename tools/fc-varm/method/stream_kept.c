/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/stream_kept.h"

#include <string.h>

#include "fc-varm/method/eight.h"
#include "fc-varm/method/pass.h"
#include "fc-varm/method/stream_in.h"
#include "fc-varm/method/sums.h"
#include "tensor/finite.h"
#include "tensor/simd.h"

/* factor[i] = stays where bit i % 8 of bits[i / 8] is set, else goes; i < n <= BLOCK_ELEMENTS. Bits
 * are spread of a block at once: what is stored in small pieces is slow to load in large ones right
 * after. */
static FC_SIMD_BODY void spread_bits_body(
    double *restrict factor, const uint8_t *restrict bits, double stays, double goes, size_t n)
{
	uint8_t own[BLOCK_ELEMENTS];
	for (size_t i = 0; i < n; i += 8) {
		uint64_t eight = bits[i / 8] * UINT64_C(0x0101010101010101);
		eight &= UINT64_C(0x8040201008040201);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		eight = __builtin_bswap64(eight);
#endif
		memcpy(own + i, &eight, 8);
	}
	for (size_t i = 0; i < n; i++)
		factor[i] = own[i] ? stays : goes;
}
FC_SIMD_KERNEL(static void, spread_bits,
    (double *factor, const uint8_t *bits, double stays, double goes, size_t n),
    (factor, bits, stays, goes, n))

static FC_SIMD_BODY void multiply_body(double *restrict x, const double *restrict factor, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] *= factor[i];
}
FC_SIMD_KERNEL(static void, multiply, (double *x, const double *factor, size_t n), (x, factor, n))

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
	double factor[BLOCK_ELEMENTS];
	uint64_t n_bad = 0; /* who merges them will say so */
#if defined(__x86_64__)
	if (is_direct(f)) {
		sum_bf16_avx512(lane, varm_values_bytes(f, first), base, bits, n);
		return;
	}
#endif
	varm_stream_changes(f, first, n, base, spare, &n_bad);
	spread_bits(factor, bits, 1, 0, n);
	varm_sums_kept(lane, spare, factor, n);
}

void varm_stream_kept_weighed(const struct values *f, size_t first, size_t n, const double *base,
    const uint8_t *bits, double weight, double *out, uint64_t *n_bad)
{
	const double none = 0 * weight; /* with its sign */
	double factor[BLOCK_ELEMENTS];
#if defined(__x86_64__)
	if (is_direct(f)) {
		const char *x = varm_values_bytes(f, first);
		weigh_bf16_avx512(out, x, base, bits, weight, n);
		*n_bad += fc_finite_count(x, FC_BF16, n) != n;
		return;
	}
#endif
	varm_stream_changes(f, first, n, base, out, n_bad);
	spread_bits(factor, bits, weight, none, n);
	multiply(out, factor, n);
}
