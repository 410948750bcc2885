/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/product.h"

#if defined(__x86_64__)
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(                                                                      \
    __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512dq,avx512bf16"))),    \
    apply_to = function)
#else
#pragma GCC target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")
#endif

#include "nn/cpu/tile_amx_config_body.h"

/* 768 KiB, of a second cache of 2 MiB */
enum { MOST_DEPTH = 1536, BLOCK_NUMBERS = 3 << 17 };

#include "nn/cpu/product_body.h"
/* Sums in registers += n tiles of depth. */
INLINE void multiply(
    const struct strips *left, const struct strips *right, size_t n, bool two_rows, bool two_cols)
{
	const uint16_t *a = left->p, *b = right->p;
	const size_t far_a = left->apart, far_b = right->apart;
	for (size_t k = 0; k < n; k++, a += NUMBERS, b += NUMBERS) {
		_tile_loadd(4, a, 64);
		_tile_loadd(6, b, 64);
		_tile_dpbf16ps(0, 4, 6);
		if (two_cols) {
			_tile_loadd(7, b + far_b, 64);
			_tile_dpbf16ps(1, 4, 7);
		}
		if (!two_rows)
			continue;
		_tile_loadd(5, a + far_a, 64);
		_tile_dpbf16ps(2, 5, 6);
		if (two_cols)
			_tile_dpbf16ps(3, 5, 7);
	}
}

#define FOUR_TILES(DO, c, ld, two_rows, two_cols)                                                  \
	do {                                                                                       \
		DO(0, c, (ld) * sizeof(float));                                                    \
		if (two_cols)                                                                      \
			DO(1, (c) + TILE, (ld) * sizeof(float));                                   \
		if (two_rows)                                                                      \
			DO(2, (c) + TILE * (ld), (ld) * sizeof(float));                            \
		if ((two_rows) && (two_cols))                                                      \
			DO(3, (c) + TILE * (ld) + TILE, (ld) * sizeof(float));                     \
	} while (0)

static void copy_part(
    float *to, size_t ld_to, const float *from, size_t ld_from, size_t n_row, size_t n_col)
{
	for (size_t r = 0; r < n_row; r++)
		memcpy(to + r * ld_to, from + r * ld_from, n_col * sizeof *to);
}

static void zero_sums(void)
{
	_tile_zero(0);
	_tile_zero(1);
	_tile_zero(2);
	_tile_zero(3);
}

/* The four sums are in registers, which have room for no more tiles.  What is no whole tile goes by
 * a copy. */
static void kernel(
    const struct place *p, const struct strips *a, const struct strips *b, size_t n, bool add)
{
	float copy[4 * TILE * TILE] __attribute__((aligned(64)));
	const bool two_rows = p->n_row > TILE, two_cols = p->n_col > TILE;
	const bool whole = p->n_row % TILE == 0 && p->n_col % TILE == 0;
	float *c = whole ? p->c : copy;
	const size_t ld = whole ? p->ldc : 2 * TILE;
	if (!add) {
		zero_sums();
	} else {
		if (!whole) {
			memset(copy, 0, sizeof copy);
			copy_part(copy, ld, p->c, p->ldc, p->n_row, p->n_col);
			settle(copy);
		}
		FOUR_TILES(_tile_loadd, c, ld, two_rows, two_cols);
	}
	if (two_rows && two_cols)
		multiply(a, b, n, true, true);
	else
		multiply(a, b, n, two_rows, two_cols);
	FOUR_TILES(_tile_stored, c, ld, two_rows, two_cols);
	if (!whole) {
		settle(copy);
		copy_part(p->c, p->ldc, copy, ld, p->n_row, p->n_col);
	}
}

const struct fc_products fc_products_amx = {"tiles of AMX", true, product, product_glu};

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
