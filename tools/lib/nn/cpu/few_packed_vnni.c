/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/few.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "base/ahead.h"

#ifdef __clang__
#pragma clang attribute push(                                                                      \
    __attribute__((                                                                                \
	target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,amx-tile,amx-int8"))),          \
    apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,amx-tile,amx-int8")
#endif

#define INLINE static inline __attribute__((always_inline))

/*
 * Packed weights are small integers q with a scale, and often a minimum, for a group of 16 or 32.
 * Numbers of x become integers X of 16 bits with a scale for every 32, so that products and their
 * sums over a group are exact: sum x w = scale_x (scale_w sum(X q) - min_w sum(X)).  What is summed
 * in floats are groups, one after the other.  That changes no number of x by more than 2^-16 of the
 * largest in its 32, and no weight at all.
 *
 * X = 256 high + low, bytes with a sign, since the processor multiplies bytes without a sign (q,
 * moved up by 1 << UP where it has one) by bytes with one, and adds up four products at a time
 * (Intel SDM, VPDPBUSD).  Lanes are outputs: what is needed of a weight is its transpose by fours,
 * which costs little where it is made before 4 bits are taken apart to 8.
 */
enum { LANES = 16, STEP = 32, MOST_ROWS = 32, MOST_X = 127 * 256 + 127 };

/* 32 numbers of a row of x; sums are of the first 16, of the others, and of all. */
struct step {
	int8_t high[STEP], low[STEP];
	float scale, sum[3]; /* sum(X) scale */
	int32_t minus[3];    /* - sum(X) */
	int32_t unused;
};

/* Steps that rows of x are apart: an odd number, so that rows do not meet in the cache. */
static size_t apart(size_t I)
{
	return I / STEP | 1;
}

/* Whole tiles. */
static size_t steps_bytes(size_t N, size_t I)
{
	return (N + LANES - 1) / LANES * LANES * apart(I) * sizeof(struct step);
}

/* Numbers so small that their scale is none count as 0; what is not a number makes the row's
 * results none. */
static void step_pack(struct step *s, const float *x)
{
	const __m512 a = _mm512_loadu_ps(x), b = _mm512_loadu_ps(x + STEP / 2);
	const float most = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b)));
	enum {
		QUIET_NANS = 0x01,
		INFINITIES = 0x08 | 0x10,
		SIGNALLING_NANS = 0x80,
		NOT_FINITE = QUIET_NANS | INFINITIES | SIGNALLING_NANS
	};
	const bool finite =
	    !_mm512_fpclass_ps_mask(a, NOT_FINITE) && !_mm512_fpclass_ps_mask(b, NOT_FINITE);
	memset(s, 0, sizeof *s);
	if (!finite) {
		s->scale = s->sum[0] = s->sum[1] = s->sum[2] = NAN;
		return;
	}
	if (most < 0x1p-100f)
		return;
	const __m512 times = _mm512_set1_ps(MOST_X / most);
	const __m512i half[2] = {_mm512_cvtps_epi32(_mm512_mul_ps(a, times)),
	    _mm512_cvtps_epi32(_mm512_mul_ps(b, times))};
	s->scale = most / MOST_X;
	for (int h = 0; h < 2; h++) {
		const __m512i up = _mm512_add_epi32(half[h], _mm512_set1_epi32(128));
		const __m128i low = _mm512_cvtepi32_epi8(half[h]),
			      high = _mm512_cvtepi32_epi8(_mm512_srai_epi32(up, 8));
		memcpy(s->high + STEP / 2 * h, &high, sizeof high);
		memcpy(s->low + STEP / 2 * h, &low, sizeof low);
		s->minus[h] = -_mm512_reduce_add_epi32(half[h]);
	}
	s->minus[2] = s->minus[0] + s->minus[1];
	for (int i = 0; i < 3; i++)
		s->sum[i] = -(float)s->minus[i] * s->scale;
}

static void steps_pack(void *pack, const float *x, size_t n, size_t n_row, size_t I)
{
	for (size_t r = n; r < n + n_row; r++) {
		struct step *s = (struct step *)pack + r * apart(I);
		for (size_t i = 0; i < I; i += STEP)
			step_pack(s + i / STEP, x + r * I + i);
	}
}

#include "nn/cpu/few_packed_sums_body.h"
#include "nn/cpu/few_packed_types_body.h"

#define FOR_PACKED(DO) FOR_BLOCKS_OF_32(DO) DO(Q2_K) DO(Q3_K) DO(Q4_K) DO(Q5_K) DO(Q6_K)

#define TILE_OF(TYPE)                                                                              \
	INLINE void tile_##TYPE(float *sum, struct rows x, struct tile t, size_t I)                \
	{                                                                                          \
		const size_t row_bytes = I / TYPE##_BLOCK * TYPE##_BYTES;                          \
		const uintptr_t ahead =                                                            \
		    (uintptr_t)t.fourth[0] + fc_ahead_bytes(LANES * row_bytes);                    \
		for (size_t at = 0; at < row_bytes; at += TYPE##_BYTES) {                          \
			fc_ahead(ahead + LANES * at, LANES * TYPE##_BYTES);                        \
			block_##TYPE(sum, &x, &t);                                                 \
			x.x += TYPE##_BLOCK / STEP;                                                \
			t = tile_further(t, TYPE##_BYTES);                                         \
		}                                                                                  \
		tiles_flush(sum, &x, STEP / TYPE##_GROUP, TYPE##_HAS_MIN, TYPE##_UP);              \
	}
FOR_PACKED(TILE_OF)

INLINE void tile_sum(
    float *sum, const struct rows *x, const struct tile *t, enum fc_dtype type, size_t I)
{
	switch (type) {
#define TILE_CASE(TYPE)                                                                            \
	case FC_##TYPE:                                                                            \
		tile_##TYPE(sum, *x, *t, I);                                                       \
		break;
		FOR_PACKED(TILE_CASE)
	default:
		break;
	}
}

/* LANES rows, or the first one as often. */
static struct tile tile_at(const char *w, size_t row_bytes, size_t n_o)
{
	struct tile t = {.apart = n_o == LANES ? row_bytes : 0};
	for (size_t k = 0; k < 4; k++)
		t.fourth[k] = w + 4 * k * t.apart;
	return t;
}

INLINE void dot(float *y, size_t ldy, const struct step *pack, const char *w, enum fc_dtype type,
    size_t N, size_t O, size_t I, struct tiles *tiles)
{
	const size_t row_bytes = fc_dtype_bytes(type, I);
	float sum[MOST_ROWS * LANES] __attribute__((aligned(64)));
	fc_ahead_begin(w, O * row_bytes, LANES * row_bytes);
	for (size_t o = 0, n_o; o < O; o += n_o) {
		n_o = O - o < LANES ? 1 : LANES;
		const struct tile t = tile_at(w + o * row_bytes, row_bytes, n_o);
		for (size_t n = 0; n < N; n += MOST_ROWS) {
			struct rows x = {
			    pack + n * apart(I), apart(I), fc_min_size(MOST_ROWS, N - n), tiles};
			memset(sum, 0, x.N * LANES * sizeof *sum);
			if (tiles)
				tiles->n = 0;
			tile_sum(sum, &x, &t, type, I);
			for (size_t r = 0; r < x.N; r++)
				memcpy(y + (n + r) * ldy + o, sum + r * LANES, n_o * sizeof *sum);
		}
	}
}

static void steps_dot(float *y, size_t ldy, const void *pack, const void *w, enum fc_dtype type,
    size_t N, size_t O, size_t I)
{
	dot(y, ldy, pack, w, type, N, O, I, NULL);
}

static void tiles_dot(float *y, size_t ldy, const void *pack, const void *w, enum fc_dtype type,
    size_t N, size_t O, size_t I)
{
	struct tiles tiles;
	if (N < TILES_FROM) {
		dot(y, ldy, pack, w, type, N, O, I, NULL);
		return;
	}
	tiles_configure(type == FC_Q2_K || type == FC_Q3_K || type == FC_Q6_K ? STEP / 2 : STEP);
	dot(y, ldy, pack, w, type, N, O, I, &tiles);
	_tile_release();
}

const struct fc_few fc_few_avx512_vnni = {
    "avx512_vnni", 32, false, steps_bytes, steps_pack, steps_dot};
const struct fc_few fc_few_amx_int8 = {"amx_int8", 32, false, steps_bytes, steps_pack, tiles_dot};

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
