/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/few.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "base/ahead.h"

#ifdef __clang__
#pragma clang attribute push(                                                                      \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")
#endif

#define INLINE static inline __attribute__((always_inline))

/*
 * Sixteen lanes of sums of pairs, WIDTH numbers a step; x is padded with zeros to whole steps.
 * Numbers below the normal range count as 0 (Intel SDM, VDPBF16PS).
 */
enum { WIDTH = 32, MOST_X = 4, MOST_W = 4 };

static size_t padded(size_t I)
{
	return (I + WIDTH - 1) / WIDTH * WIDTH;
}

static size_t pairs_bytes(size_t N, size_t I)
{
	return N * padded(I) * sizeof(uint16_t);
}

static void pairs_pack(void *pack, const float *x, size_t n, size_t n_row, size_t I)
{
	const size_t ld = padded(I);
	for (size_t r = n; r < n + n_row; r++) {
		uint16_t *to = (uint16_t *)pack + r * ld;
		fc_kern()->to_bf16(to, x + r * I, I);
		memset(to + I, 0, (ld - I) * sizeof *to);
	}
}

/* n_x rows of x times n_w outputs, whose sums are in registers; "ask": for those ahead. */
INLINE void pairs_tile(float *y, size_t ldy, const uint16_t *x, const uint16_t *w, size_t I,
    const int n_x, const int n_w, bool ask)
{
	const size_t ld = padded(I);
	const uintptr_t ahead =
	    ask ? (uintptr_t)w + fc_ahead_bytes((size_t)n_w * I * sizeof *w) : 0;
	__m512 sum[MOST_X][MOST_W];
	for (int a = 0; a < n_x; a++)
		for (int b = 0; b < n_w; b++)
			sum[a][b] = _mm512_setzero_ps();
	for (size_t i = 0; i < I; i += WIDTH) {
		const __mmask32 some =
		    I - i < WIDTH ? ((__mmask32)1 << (I - i)) - 1 : ~(__mmask32)0;
		__m512bh wv[MOST_W];
		if (ask)
			fc_ahead(ahead + (size_t)n_w * i * sizeof *w, (size_t)n_w * sizeof wv[0]);
		for (int b = 0; b < n_w; b++)
			wv[b] = (__m512bh)_mm512_maskz_loadu_epi16(some, w + (size_t)b * I + i);
		for (int a = 0; a < n_x; a++) {
			const __m512bh xv = (__m512bh)_mm512_loadu_si512(x + (size_t)a * ld + i);
			for (int b = 0; b < n_w; b++)
				sum[a][b] = _mm512_dpbf16_ps(sum[a][b], xv, wv[b]);
		}
	}
	for (int a = 0; a < n_x; a++)
		for (int b = 0; b < n_w; b++)
			y[(size_t)a * ldy + (size_t)b] = _mm512_reduce_add_ps(sum[a][b]);
}

INLINE void pairs_rows(
    float *y, size_t ldy, const uint16_t *x, const uint16_t *w, size_t N, size_t I, const int n_w)
{
	const size_t ld = padded(I);
	size_t n = 0;
	for (; n + 4 <= N; n += 4)
		pairs_tile(y + n * ldy, ldy, x + n * ld, w, I, 4, n_w, n == 0);
	if (N - n >= 2) {
		pairs_tile(y + n * ldy, ldy, x + n * ld, w, I, 2, n_w, n == 0);
		n += 2;
	}
	if (n < N)
		pairs_tile(y + n * ldy, ldy, x + n * ld, w, I, 1, n_w, n == 0);
}

static void pairs_dot(float *y, size_t ldy, const void *pack, const void *weights, enum fc_dtype t,
    size_t N, size_t O, size_t I)
{
	const uint16_t *w = weights;
	(void)t;
	size_t o = 0;
	fc_ahead_begin(w, O * I * sizeof *w, MOST_W * I * sizeof *w);
	for (; o + MOST_W <= O; o += MOST_W)
		pairs_rows(y + o, ldy, pack, w + o * I, N, I, MOST_W);
	for (; o < O; o++)
		pairs_rows(y + o, ldy, pack, w + o * I, N, I, 1);
}

const struct fc_few fc_few_avx512_bf16 = {
    "avx512_bf16", 32, false, pairs_bytes, 1, pairs_pack, pairs_dot};

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
