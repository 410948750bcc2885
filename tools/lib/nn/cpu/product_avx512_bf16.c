/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/product.h"

#if defined(__x86_64__)
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(                                                                      \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")
#endif

/* Registers are not set up, and compilers know what they read. */
static inline void configure(void)
{
}

static inline void release(void)
{
}

static inline void settle(const void *p)
{
	(void)p;
}

/* 512 KiB, of a second cache of 1 MiB */
enum { MOST_DEPTH = 2048, BLOCK_NUMBERS = 1 << 18 };

#include "nn/cpu/product_body.h"

/* Rows of a tile whose sums are in registers, with those of two right tiles. */
enum { ROWS = 8 };

/* n_row rows of c from the one at p on, of which some columns of the last right tile are there,
 * (+)= n tiles of depth.  a: the first of ROWS rows in their tile. */
INLINE void multiply(float *c, size_t ldc, const uint16_t *a, const struct strips *right, size_t n,
    size_t n_row, const size_t n_right, __mmask16 some, bool add)
{
	__m512 sum[ROWS][2];
	const uint16_t *b = right->p;
	for (size_t r = 0; r < ROWS; r++)
		for (size_t j = 0; j < n_right; j++)
			sum[r][j] = add && r < n_row
			    ? _mm512_maskz_loadu_ps(j + 1 < n_right ? (__mmask16)0xffff : some,
				  c + r * ldc + j * TILE)
			    : _mm512_setzero_ps();
	for (size_t k = 0; k < n; k++, a += NUMBERS, b += NUMBERS)
#pragma GCC unroll 16
		for (size_t i = 0; i < DEPTH; i += 2) {
			__m512bh v[2];
			for (size_t j = 0; j < n_right; j++)
				v[j] = (__m512bh)_mm512_load_si512(b + j * right->apart + i * TILE);
#pragma GCC unroll 8
			for (size_t r = 0; r < ROWS; r++) {
				int32_t pair;
				memcpy(&pair, a + r * DEPTH + i, sizeof pair);
				const __m512bh x = (__m512bh)_mm512_set1_epi32(pair);
				for (size_t j = 0; j < n_right; j++)
					sum[r][j] = _mm512_dpbf16_ps(sum[r][j], x, v[j]);
			}
		}
	for (size_t r = 0; r < ROWS; r++)
		for (size_t j = 0; j < n_right && r < n_row; j++)
			_mm512_mask_storeu_ps(c + r * ldc + j * TILE,
			    j + 1 < n_right ? (__mmask16)0xffff : some, sum[r][j]);
}

/* For ROWS rows of c that come next, from an address on that may be beyond it: they lie far apart,
 * and what is read first is what was added up. */
INLINE void ask(uintptr_t at, size_t ldc)
{
	for (size_t r = 0; r < ROWS; r++, at += ldc * sizeof(float))
		for (size_t j = 0; j < 2 * TILE; j += TILE)
			_mm_prefetch((const char *)(at + j * sizeof(float)), _MM_HINT_T0);
}

static void kernel(
    const struct place *p, const struct strips *a, const struct strips *b, size_t n, bool add)
{
	const size_t n_right = tiles(p->n_col, TILE);
	const __mmask16 some = (__mmask16)first(p->n_col - (n_right - 1) * TILE, TILE);
	for (size_t r = 0; r < p->n_row; r += ROWS) {
		const size_t next = r + ROWS < p->n_row ? (r + ROWS) * p->ldc : 2 * TILE;
		ask((uintptr_t)p->c + next * sizeof(float), p->ldc);
		const uint16_t *rows = a->p + r / TILE * a->apart + r % TILE * DEPTH;
		const size_t n_row = fc_min_size(ROWS, p->n_row - r);
		if (n_right == 2)
			multiply(p->c + r * p->ldc, p->ldc, rows, b, n, n_row, 2, some, add);
		else
			multiply(p->c + r * p->ldc, p->ldc, rows, b, n, n_row, 1, some, add);
	}
}

const struct fc_products fc_products_avx512_bf16 = {
    "tiles of AVX512-BF16", false, product, product_glu};

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
