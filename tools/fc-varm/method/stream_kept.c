/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/stream_kept.h"

#include <math.h>
#include <string.h>

#include "fc-varm/method/eight.h"
#include "fc-varm/method/quad.h"
#include "fc-varm/method/stream_in.h"
#include "tensor/dtype.h"
#include "tensor/finite.h"
#include "tensor/simd.h"

/* Change i to i + 3 of values as bfloat16 is stored, or of changes that were read. */
#define CHANGE_BF16(V, I)                                                                          \
	do {                                                                                       \
		quad_double from_;                                                                 \
		QUAD_FROM_BF16(V, x + 2 * (I));                                                    \
		QUAD_LOAD(from_, base + (I));                                                      \
		(V) -= from_;                                                                      \
	} while (0)
#define CHANGE_READ(V, I) QUAD_LOAD(V, change + (I))

static inline bool bit_of(const uint8_t *bits, size_t i)
{
	return bits[i / 8] >> i % 8 & 1;
}

/* The last ones, fewer than eight. */
static inline double last_change(const char *x, const double *base, size_t i)
{
	uint16_t stored;
	memcpy(&stored, x + 2 * i, sizeof stored);
	return fc_bf16_to_f32(stored) - base[i];
}
#define LAST_BF16(I) last_change(x, base, I)
#define LAST_READ(I) change[I]

#define SUM_KEPT(CHANGE, LAST)                                                                     \
	do {                                                                                       \
		quad_double d, all[QUADS], kept[QUADS];                                            \
		quad_mask mask;                                                                    \
		size_t i = 0;                                                                      \
		EACH_QUAD(q)                                                                       \
		{                                                                                  \
			QUAD_LOAD(all[q], lane + q * QUAD);                                        \
			QUAD_LOAD(kept[q], lane + LANES + q * QUAD);                               \
		}                                                                                  \
		for (; i + QUADS * QUAD <= n; i += QUADS * QUAD) {                                 \
			EACH_QUAD(q)                                                               \
			{                                                                          \
				CHANGE(d, i + q * QUAD);                                           \
				d = QUAD_MAGNITUDE(d);                                             \
				all[q] += d;                                                       \
				QUAD_OF_BITS(mask, bits[i / 8], q);                                \
				kept[q] += QUAD_WHERE(mask, d);                                    \
			}                                                                          \
		}                                                                                  \
		EACH_QUAD(q)                                                                       \
		{                                                                                  \
			memcpy(lane + q * QUAD, &all[q], sizeof all[q]);                           \
			memcpy(lane + LANES + q * QUAD, &kept[q], sizeof kept[q]);                 \
		}                                                                                  \
		for (; i < n; i++) {                                                               \
			double magnitude = fabs(LAST(i));                                          \
			lane[i % LANES] += magnitude;                                              \
			lane[LANES + i % LANES] += bit_of(bits, i) ? magnitude : 0;                \
		}                                                                                  \
	} while (0)
_Static_assert(QUADS *QUAD == LANES && LANES == 8, "a byte of bits is what lanes take at once");

static FC_SIMD_BODY void sum_bf16_body(double *restrict lane, const char *restrict x,
    const double *restrict base, const uint8_t *restrict bits, size_t n)
{
	SUM_KEPT(CHANGE_BF16, LAST_BF16);
}

static FC_SIMD_BODY void sum_read_body(
    double *restrict lane, const double *restrict change, const uint8_t *restrict bits, size_t n)
{
	SUM_KEPT(CHANGE_READ, LAST_READ);
}

/* Products with 0 * weight, with its sign, where nothing stays. */
#define WEIGH_KEPT(CHANGE, LAST)                                                                   \
	do {                                                                                       \
		const quad_double stays = QUAD_OF(weight), goes = QUAD_OF(0 * weight);             \
		quad_mask mask;                                                                    \
		quad_double d;                                                                     \
		size_t i = 0;                                                                      \
		for (; i + QUADS * QUAD <= n; i += QUADS * QUAD) {                                 \
			EACH_QUAD(q)                                                               \
			{                                                                          \
				CHANGE(d, i + q * QUAD);                                           \
				QUAD_OF_BITS(mask, bits[i / 8], q);                                \
				d *= QUAD_SELECT(mask, stays, goes);                               \
				memcpy(out + i + q * QUAD, &d, sizeof d);                          \
			}                                                                          \
		}                                                                                  \
		for (; i < n; i++)                                                                 \
			out[i] = LAST(i) * (bit_of(bits, i) ? weight : 0 * weight);                \
	} while (0)

static FC_SIMD_BODY void weigh_bf16_body(double *restrict out, const char *restrict x,
    const double *restrict base, const uint8_t *restrict bits, double weight, size_t n)
{
	WEIGH_KEPT(CHANGE_BF16, LAST_BF16);
}

static FC_SIMD_BODY void weigh_read_body(
    double *out, const double *change, const uint8_t *bits, double weight, size_t n)
{
	WEIGH_KEPT(CHANGE_READ, LAST_READ);
}

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
#endif
FC_SIMD_KERNEL_BUT_AVX512(static void, sum_bf16,
    (double *lane, const char *x, const double *base, const uint8_t *bits, size_t n),
    (lane, x, base, bits, n))
FC_SIMD_KERNEL(static void, sum_read,
    (double *lane, const double *change, const uint8_t *bits, size_t n), (lane, change, bits, n))
FC_SIMD_KERNEL_BUT_AVX512(static void, weigh_bf16,
    (double *out, const char *x, const double *base, const uint8_t *bits, double weight, size_t n),
    (out, x, base, bits, weight, n))
FC_SIMD_KERNEL(static void, weigh_read,
    (double *out, const double *change, const uint8_t *bits, double weight, size_t n),
    (out, change, bits, weight, n))

void varm_stream_kept_sums(const struct values *f, size_t first, size_t n, const double *base,
    const uint8_t *bits, double *lane, double *spare)
{
	uint64_t n_bad = 0; /* who merges them will say so */
	if (varm_values_are_bf16(f)) {
		sum_bf16(lane, varm_values_bytes(f, first), base, bits, n);
		return;
	}
	varm_stream_changes(f, first, n, base, spare, &n_bad);
	sum_read(lane, spare, bits, n);
}

void varm_stream_kept_weighed(const struct values *f, size_t first, size_t n, const double *base,
    const uint8_t *bits, double weight, double *out, uint64_t *n_bad)
{
	if (varm_values_are_bf16(f)) {
		const char *x = varm_values_bytes(f, first);
		weigh_bf16(out, x, base, bits, weight, n);
		*n_bad += fc_finite_count(x, FC_BF16, n) != n;
		return;
	}
	varm_stream_changes(f, first, n, base, out, n_bad);
	weigh_read(out, out, bits, weight, n);
}
