/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* syscall */
#include "nn/cpu/few.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nn/cpu/narrow.h"

#ifdef __clang__
#pragma clang attribute push(                                                                      \
    __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw"))), apply_to = function)
#else
#pragma GCC target("amx-tile,amx-bf16,avx512f,avx512bw")
#endif

#include "nn/cpu/tile_amx_config_body.h"

/*
 * Tiles of fixed size, whatever the shape: TILE outputs by TILE rows of x, DEPTH of i a step.  An
 * instruction adds to each element of a tile the products of its own output and row, so neighbours
 * change nothing (Intel SDM, TDPBF16PS; numbers below the normal range count as 0).
 *
 * The weights are the left factor, since that is read as it lies: TILE rows, DEPTH numbers each.
 * The right one has pairs of i for all rows of x, one pair below the other: that is what pack()
 * makes, [N / TILE, I / DEPTH, DEPTH / 2, TILE, 2], with zeros where there is no row or no i.
 */
_Static_assert((int)TILE == (int)FC_FEW_PACK_ROWS, "a strip of packed rows is a tile");

bool fc_few_amx_open(void)
{
	enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 }; /* Linux, Documentation/x86/xstate */
	return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

static size_t n_step(size_t I)
{
	return (I + DEPTH - 1) / DEPTH;
}

static size_t tiles_bytes(size_t N, size_t I)
{
	return (N + TILE - 1) / TILE * n_step(I) * NUMBERS * sizeof(uint16_t);
}

static void tiles_pack(void *pack, const float *x, size_t n, size_t n_row, size_t I)
{
	const struct fc_kern *k = fc_kern();
	uint16_t *to = (uint16_t *)pack + n * n_step(I) * DEPTH, row[NUMBERS];
	for (size_t i = 0; i < I; i += DEPTH, to += NUMBERS) {
		const size_t n_i = fc_min_size(DEPTH, I - i);
		if (n_row < TILE || n_i < DEPTH)
			memset(row, 0, sizeof row);
		for (size_t r = 0; r < n_row; r++)
			k->to_bf16(row + r * DEPTH, x + (n + r) * I + i, n_i);
		/* pairs are moved as floats are: without looking at them */
		k->transpose(
		    (float *)(void *)to, TILE, (float *)(void *)row, DEPTH / 2, TILE, DEPTH / 2);
	}
}

/* Weights [n_o, n_i] that are bfloat16, rows ld apart. */
struct panel {
	const uint16_t *p;
	size_t ld, n_o, n_i;
};

/* The tile of a panel at (o, i): where it begins, and the bytes its rows are apart.  One that
 * reaches over the panel's edge is copied. */
static const uint16_t *tile_at(
    const struct panel *w, size_t o, size_t i, size_t *row_bytes, uint16_t copy[NUMBERS])
{
	const uint16_t *p = w->p + o * w->ld + i;
	*row_bytes = w->ld * sizeof *p;
	if (w->n_o - o >= TILE && w->n_i - i >= DEPTH)
		return p;
	const size_t rows = fc_min_size(TILE, w->n_o - o), n_i = fc_min_size(DEPTH, w->n_i - i);
	memset(copy, 0, NUMBERS * sizeof *copy);
	for (size_t r = 0; r < rows; r++)
		memcpy(copy + r * DEPTH, p + r * w->ld, n_i * sizeof *p);
	*row_bytes = DEPTH * sizeof *p;
	settle(copy);
	return copy;
}

/*
 * A panel of up to 2 tiles of outputs times up to 2 of rows.  Tiles 0 to 3 are sums, 4 and 5
 * weights, 6 and 7 rows of x, whose halves are x_half numbers apart.  The compiler wants the tiles'
 * numbers as literals.
 */
static void multiply(const struct panel *w, const uint16_t *x, size_t x_half, bool two_n)
{
	uint16_t copy[2][NUMBERS] __attribute__((aligned(64)));
	const bool two_o = w->n_o > TILE;
	for (size_t i = 0, row; i < w->n_i; i += DEPTH, x += NUMBERS) {
		const uint16_t *a = tile_at(w, 0, i, &row, copy[0]);
		_tile_loadd(6, x, 64);
		_tile_loadd(4, a, row);
		_tile_dpbf16ps(0, 4, 6);
		if (two_n) {
			_tile_loadd(7, x + x_half, 64);
			_tile_dpbf16ps(1, 4, 7);
		}
		if (!two_o)
			continue;
		const uint16_t *b = tile_at(w, TILE, i, &row, copy[1]);
		_tile_loadd(5, b, row);
		_tile_dpbf16ps(2, 5, 6);
		if (two_n)
			_tile_dpbf16ps(3, 5, 7);
	}
}

/* Sums [output, row] in memory to y[n,o]. */
static void take(float *y, size_t ldy, const float *sum, size_t n_o, size_t n_row)
{
	fc_kern()->transpose(y, ldy, sum, TILE, fc_min_size(TILE, n_o), fc_min_size(TILE, n_row));
}

/* Some rows of weights of any type. */
struct rows {
	const char *p;
	enum fc_dtype t;
	size_t row_bytes, n_o;
};

static void fetch(uintptr_t at, size_t n_bytes)
{
	for (size_t i = 0; i < n_bytes; i += 64)
		__builtin_prefetch((const void *)(at + i));
}

/* CHUNK of i of BLOCK outputs fit into the first cache. */
enum { CHUNK = 256, BLOCK = 2 * TILE };

/* Columns [i, i + n_i) as bfloat16.  While they are rounded, those that come next are asked for, of
 * these rows or, where they end, of the next block's. */
static struct panel panel_at(
    const struct rows *w, size_t i, size_t n_i, size_t I, uint16_t rounded[BLOCK * CHUNK])
{
	if (w->t == FC_BF16)
		return (struct panel){(const uint16_t *)(const void *)w->p + i, I, w->n_o, n_i};
	const size_t at = fc_dtype_bytes(w->t, i), n_bytes = fc_dtype_bytes(w->t, n_i);
	const uintptr_t next = i + n_i < I ? at + n_bytes : BLOCK * w->row_bytes;
	for (size_t o = 0; o < w->n_o; o++) {
		const char *row = w->p + o * w->row_bytes;
		fetch((uintptr_t)row + next, n_bytes);
		fc_narrow_avx512_bf16(rounded + o * CHUNK, row + at, w->t, n_i);
	}
	settle(rounded);
	return (struct panel){rounded, CHUNK, w->n_o, n_i};
}

static void block(
    float *y, size_t ldy, const uint16_t *x, const struct rows *w, size_t n_row, size_t I)
{
	const bool two_o = w->n_o > TILE, two_n = n_row > TILE;
	uint16_t rounded[BLOCK * CHUNK] __attribute__((aligned(64)));
	float sum[TILE * TILE] __attribute__((aligned(64)));
	_tile_zero(0);
	_tile_zero(1);
	_tile_zero(2);
	_tile_zero(3);
	for (size_t i = 0; i < I; i += CHUNK) {
		const struct panel p = panel_at(w, i, fc_min_size(CHUNK, I - i), I, rounded);
		multiply(&p, x + i * TILE, n_step(I) * NUMBERS, two_n);
	}
	_tile_stored(0, sum, 64);
	take(y, ldy, sum, w->n_o, n_row);
	if (two_n) {
		_tile_stored(1, sum, 64);
		take(y + TILE * ldy, ldy, sum, w->n_o, n_row - TILE);
	}
	if (two_o) {
		_tile_stored(2, sum, 64);
		take(y + TILE, ldy, sum, w->n_o - TILE, n_row);
	}
	if (two_o && two_n) {
		_tile_stored(3, sum, 64);
		take(y + TILE * ldy + TILE, ldy, sum, w->n_o - TILE, n_row - TILE);
	}
}

static void tiles_dot(float *y, size_t ldy, const void *pack, const void *w, enum fc_dtype t,
    size_t N, size_t O, size_t I)
{
	const size_t tile = n_step(I) * NUMBERS, row_bytes = fc_dtype_bytes(t, I);
	configure();
	for (size_t o = 0; o < O; o += BLOCK) {
		const struct rows rows = {
		    (const char *)w + o * row_bytes, t, row_bytes, fc_min_size(BLOCK, O - o)};
		for (size_t n = 0; n < N; n += BLOCK)
			block(y + n * ldy + o, ldy, (const uint16_t *)pack + n / TILE * tile, &rows,
			    fc_min_size(BLOCK, N - n), I);
	}
	release();
}

const struct fc_few fc_few_amx = {
    "amx", 32, true, tiles_bytes, FC_FEW_PACK_ROWS, tiles_pack, tiles_dot};

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
