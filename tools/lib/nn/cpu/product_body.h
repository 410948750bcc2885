/* SPDX-License-Identifier: Apache-2.0 */
/* Products by tiles: what is packed when, and how the threads share it.  Included where AVX-512
 * with its bfloat16 is allowed, so without a guard, by a file for one instruction set, which has
 * configure() and release() before and after a thread's tiles, settle(), MOST_DEPTH numbers of a
 * strip, BLOCK_NUMBERS of the right factor and, below, kernel(). */

#include <immintrin.h>
#include <string.h>

#include "base/par.h"
#include "nn/cpu/product.h"
#include "nn/cpu/tile_pack_body.h"

/*
 * Both factors are rounded and copied into tiles in the order in which they are read (Goto, van de
 * Geijn 2008).  Two by two tiles of c are computed at a time; a strip of the left factor and a
 * block of the right one are in the second cache.  What then takes time is moving c: the longer the
 * rows of a block, the less; so a gated network's is used up, and rounded, where it arises.
 */
enum { MOST_COLUMNS = 512 /* of a block */ };

/* The tile at (i, k). */
INLINE void pack_tile(uint16_t *to, const struct fc_factor *f, size_t K, size_t i, size_t k,
    bool left, enum fc_dtype t)
{
	const size_t size = t == FC_F32 ? 4 : 2, ld = f->ld * size, n_i = f->n - i, n_k = K - k;
	const char *p = (const char *)f->p;
	__m512i v[TILE];
	if (f->by_depth) {
		p += k * ld + i * size;
		for (size_t j = 0; j < TILE; j++)
			v[j] = 2 * j >= n_k
			    ? _mm512_setzero_si512()
			    : across(p + 2 * j * ld, 2 * j + 1 < n_k ? p + (2 * j + 1) * ld : NULL,
				  t, n_i);
	} else {
		p += i * ld + k * size;
		for (size_t j = 0; j < TILE; j++)
			v[j] = j < n_i ? along(p + j * ld, t, n_k) : _mm512_setzero_si512();
	}
	if (left == f->by_depth)
		transpose(v);
	for (size_t j = 0; j < TILE; j++)
		_mm512_store_si512(to + j * DEPTH, v[j]);
}

static void pack_f32(
    uint16_t *to, const struct fc_factor *f, size_t K, size_t i, size_t k, bool left)
{
	pack_tile(to, f, K, i, k, left, FC_F32);
}

static void pack_bf16(
    uint16_t *to, const struct fc_factor *f, size_t K, size_t i, size_t k, bool left)
{
	pack_tile(to, f, K, i, k, left, FC_BF16);
}

/* Rows [i0, i0 + n_i) of f, to [n_i / TILE][K / DEPTH] tiles, shared by the threads; they are read
 * as they lie in memory. */
static void pack(
    uint16_t *to, const struct fc_factor *f, size_t K, size_t i0, size_t n_i, bool left)
{
	const size_t n_tile = tiles(n_i, TILE), deep = tiles(K, DEPTH);
	void (*const tile)(uint16_t *, const struct fc_factor *, size_t, size_t, size_t, bool) =
	    f->t == FC_F32 ? pack_f32 : pack_bf16;
	if (f->by_depth) {
#pragma omp for
		for (size_t k = 0; k < deep; k++)
			for (size_t i = 0; i < n_tile; i++)
				tile(to + (i * deep + k) * NUMBERS, f, K, i0 + i * TILE, k * DEPTH,
				    left);
	} else {
#pragma omp for
		for (size_t i = 0; i < n_tile; i++)
			for (size_t k = 0; k < deep; k++)
				tile(to + (i * deep + k) * NUMBERS, f, K, i0 + i * TILE, k * DEPTH,
				    left);
	}
}

/* A part of c: where it is, and how much of two by two tiles is there. */
struct place {
	float *c;
	size_t ldc, n_row, n_col;
};

/* Packed rows or columns of a factor: strips of tiles, so many numbers apart. */
struct strips {
	const uint16_t *p;
	size_t apart;
};

/* c at p (+)= strips of n tiles. */
static void kernel(
    const struct place *p, const struct strips *a, const struct strips *b, size_t n, bool add);

/* The part of a product whose factors are packed. */
struct job {
	struct strips a, b;
	size_t n_row, n_col, deep; /* deep: tiles */
	float *c;
	size_t ldc;
	bool add;
};

static void run(const struct job *j)
{
	for (size_t m = 0; m < j->n_row; m += 2 * TILE) {
		const struct strips a = {j->a.p + m / TILE * j->a.apart, j->a.apart};
		for (size_t n = 0; n < j->n_col; n += 2 * TILE) {
			const struct strips b = {j->b.p + n / TILE * j->b.apart, j->b.apart};
			const struct place p = {j->c + m * j->ldc + n, j->ldc,
			    fc_min_size(2 * TILE, j->n_row - m),
			    fc_min_size(2 * TILE, j->n_col - n)};
			kernel(&p, &a, &b, j->deep, j->add);
		}
	}
}

/* Columns and depth of a block of the right factor. */
struct block {
	size_t cols, depth;
};

static struct block block_for(size_t N, size_t K)
{
	const size_t n_part = tiles(K, MOST_DEPTH);
	struct block b = {.depth = tiles(tiles(K, n_part), DEPTH) * DEPTH};
	const size_t most = BLOCK_NUMBERS / b.depth / (2 * TILE) * (2 * TILE);
	b.cols = fc_min_size(most, MOST_COLUMNS);
	const size_t n_block = tiles(N, b.cols);
	b.cols = tiles(tiles(N, n_block), 2 * TILE) * (2 * TILE);
	return b;
}

static struct fc_factor part_of(const struct fc_factor *f, size_t k)
{
	struct fc_factor p = *f;
	p.p = (const char *)f->p + (f->by_depth ? k * f->ld : k) * (f->t == FC_F32 ? 4 : 2);
	return p;
}

/* How the work is handed out: rows of the left factor and a block's columns at a time; wide columns
 * of the right one are packed together. */
struct plan {
	struct block block;
	size_t rows, wide;
};

/* Blocks of cols columns for all threads, whose rows are in so many parts that none waits for long,
 * but no more: a thread has the block that it goes on with in its cache. */
static struct plan plan_blocks(size_t M, size_t N, struct block block)
{
	enum { PARTS = 4 /* a thread's */, LEAST = 2 * 2 * TILE, MOST = 16 * 2 * TILE };
	const size_t n_thread = (size_t)fc_par_threads();
	const size_t n_block = fc_min_size(n_thread, tiles(N, block.cols));
	const size_t rows = tiles(tiles(M * n_block, PARTS * n_thread), 2 * TILE) * 2 * TILE;
	return (struct plan){block,
	    n_thread == 1      ? M
		: rows < LEAST ? LEAST
			       : fc_min_size(rows, MOST),
	    n_block * block.cols};
}

static struct plan plan_for(size_t M, size_t N, size_t K)
{
	return plan_blocks(M, N, block_for(N, K));
}

static size_t right_numbers(const struct plan *p)
{
	return p->wide * p->block.depth;
}

static size_t left_numbers(size_t M, size_t K)
{
	return tiles(M, 2 * TILE) * 2 * TILE * tiles(K, DEPTH) * DEPTH;
}

/* By all threads: c (+)= left [M, K] times b, of which right is the packed part. */
static void multiply_by(const struct plan *p, const struct strips *left, size_t M,
    const struct fc_factor *b, size_t K, uint16_t *right, float *c, size_t ldc, bool add)
{
	const size_t N = b->n, deep = tiles(K, DEPTH), strip = deep * NUMBERS;
	for (size_t n = 0; n < N; n += p->wide) {
		const size_t n_n = fc_min_size(p->wide, N - n);
		pack(right, b, K, n, n_n, false);
#pragma omp for collapse(2) schedule(dynamic)
		for (size_t i = 0; i < n_n; i += p->block.cols)
			for (size_t m = 0; m < M; m += p->rows) {
				const struct job j = {
				    {left->p + m / TILE * left->apart, left->apart},
				    {right + i / TILE * strip, strip}, fc_min_size(p->rows, M - m),
				    fc_min_size(p->block.cols, n_n - i), deep, c + m * ldc + n + i,
				    ldc, add};
				run(&j);
			}
	}
}

static void product(struct fc_cpu *cpu, const struct fc_factor *a, size_t K,
    const struct fc_product_side *side, size_t n_side, bool accumulate)
{
	size_t widest = 0, n_col = 0;
	for (size_t i = 0; i < n_side; i++) {
		const struct plan p = plan_for(a->n, side[i].b.n, K);
		widest = right_numbers(&p) > widest ? right_numbers(&p) : widest;
		n_col += side[i].b.n;
	}
	const size_t depth = block_for(1, K).depth;
	uint16_t *left =
	    fc_cpu_scratch(cpu, FC_SCRATCH_ROWS, left_numbers(a->n, depth), sizeof *left);
	uint16_t *right = fc_cpu_scratch(cpu, FC_SCRATCH_PACKS, widest, sizeof *right);
#pragma omp parallel if (a->n * n_col * K > FC_PAR_PRODUCTS)
	{
		configure();
		for (size_t k = 0; k < K; k += depth) {
			const size_t n_k = fc_min_size(depth, K - k);
			const struct fc_factor ak = part_of(a, k);
			const struct strips strips = {left, tiles(n_k, DEPTH) * NUMBERS};
			pack(left, &ak, n_k, 0, a->n, true);
			for (size_t i = 0; i < n_side; i++) {
				const struct plan p = plan_for(a->n, side[i].b.n, K);
				const struct fc_factor bk = part_of(&side[i].b, k);
				multiply_by(&p, &strips, a->n, &bk, n_k, right, side[i].c,
				    side[i].ldc, accumulate || k);
			}
		}
		release();
	}
}

/* Columns of both factors of the gate that are in the second cache together, and their sums. */
enum { GATE_COLUMNS = 256 };

/* n numbers of a row of sums, as the rows of a left factor's tiles, with zeros up to a whole one.
 */
static void pack_row(uint16_t *to, float *row, size_t n)
{
	const size_t whole = tiles(n, DEPTH) * DEPTH;
	memset(row + n, 0, (whole - n) * sizeof *row);
	for (size_t i = 0; i < whole; i += DEPTH, to += NUMBERS)
		_mm512_store_si512(
		    to, rounded(_mm512_loadu_ps(row + i), _mm512_loadu_ps(row + i + TILE)));
}

struct gate {
	const struct fc_kern *kern;
	enum fc_act act;
	struct strips x, gate, up, out; /* out: written */
	size_t n_row, n_col, deep;
};

/* Two tiles of rows times a block of columns. */
static void gate_strip(const struct gate *g, uint16_t *out, const struct strips *x, size_t n_row)
{
	float gate[2 * TILE * GATE_COLUMNS] __attribute__((aligned(64)));
	float up[2 * TILE * GATE_COLUMNS] __attribute__((aligned(64)));
	const struct job a = {*x, g->gate, n_row, g->n_col, g->deep, gate, GATE_COLUMNS, false};
	const struct job b = {*x, g->up, n_row, g->n_col, g->deep, up, GATE_COLUMNS, false};
	run(&a);
	run(&b);
	settle(gate);
	settle(up);
	for (size_t r = 0; r < n_row; r++) {
		float *row = gate + r * GATE_COLUMNS;
		g->kern->glu(row, row, up + r * GATE_COLUMNS, g->act, g->n_col);
		pack_row(out + r / TILE * g->out.apart + r % TILE * DEPTH, row, g->n_col);
	}
	for (size_t r = n_row; r % TILE; r++) {
		memset(up, 0, g->n_col * sizeof *up);
		pack_row(out + r / TILE * g->out.apart + r % TILE * DEPTH, up, g->n_col);
	}
}

static void gate_rows(const struct gate *g, uint16_t *out)
{
	for (size_t m = 0; m < g->n_row; m += 2 * TILE) {
		const struct strips x = {g->x.p + m / TILE * g->x.apart, g->x.apart};
		gate_strip(
		    g, out + m / TILE * g->out.apart, &x, fc_min_size(2 * TILE, g->n_row - m));
	}
}

/* By all threads: out [M, F] packed = act(x gate^T) * (x up^T). */
static void gate_by(const struct fc_cpu *cpu, const struct plan *p, const struct strips *x,
    size_t M, const struct fc_glu *l, size_t K, uint16_t *right, uint16_t *out)
{
	const size_t F = l->gate.n, deep = tiles(K, DEPTH), strip = deep * NUMBERS;
	const size_t apart = tiles(F, DEPTH) * NUMBERS;
	uint16_t *up = right + p->wide * deep * DEPTH;
	for (size_t n = 0; n < F; n += p->wide) {
		const size_t n_n = fc_min_size(p->wide, F - n);
		pack(right, &l->gate, K, n, n_n, false);
		pack(up, &l->up, K, n, n_n, false);
#pragma omp for collapse(2) schedule(dynamic)
		for (size_t i = 0; i < n_n; i += p->block.cols)
			for (size_t m = 0; m < M; m += p->rows) {
				const struct gate g = {cpu->kern, l->act,
				    {x->p + m / TILE * x->apart, x->apart},
				    {right + i / TILE * strip, strip},
				    {up + i / TILE * strip, strip}, {NULL, apart},
				    fc_min_size(p->rows, M - m),
				    fc_min_size(p->block.cols, n_n - i), deep};
				gate_rows(&g, out + m / TILE * apart + (n + i) / DEPTH * NUMBERS);
			}
	}
}

/* Blocks of both factors of the gate. */
static struct plan plan_gate(size_t M, size_t F, size_t K)
{
	const size_t depth = tiles(K, DEPTH) * DEPTH, most = BLOCK_NUMBERS / 2 / depth;
	const size_t cols = most < 2 * TILE ? 2 * TILE : most / (2 * TILE) * (2 * TILE);
	return plan_blocks(M, F, (struct block){fc_min_size(cols, GATE_COLUMNS), depth});
}

static void product_glu(struct fc_cpu *cpu, const struct fc_factor *x, size_t K,
    const struct fc_glu *l, float *y, size_t ldy)
{
	const size_t M = x->n, F = l->gate.n, N = l->down.n;
	const struct plan down = plan_for(M, N, F), up = plan_gate(M, F, K);
	const size_t n_up = 2 * right_numbers(&up), n_down = right_numbers(&down);
	uint16_t *left = fc_cpu_scratch(cpu, FC_SCRATCH_ROWS, left_numbers(M, K), sizeof *left);
	uint16_t *out = fc_cpu_scratch(cpu, FC_SCRATCH_TAIL, left_numbers(M, F), sizeof *out);
	uint16_t *right =
	    fc_cpu_scratch(cpu, FC_SCRATCH_PACKS, n_up > n_down ? n_up : n_down, sizeof *right);
#pragma omp parallel if (M * F * K > FC_PAR_PRODUCTS)
	{
		configure();
		pack(left, x, K, 0, M, true);
		gate_by(
		    cpu, &up, &(struct strips){left, up.block.depth * TILE}, M, l, K, right, out);
		for (size_t k = 0; k < F; k += down.block.depth) {
			const struct fc_factor bk = part_of(&l->down, k);
			const struct strips strips = {
			    out + k / DEPTH * NUMBERS, tiles(F, DEPTH) * NUMBERS};
			multiply_by(&down, &strips, M, &bk, fc_min_size(down.block.depth, F - k),
			    right, y, ldy, k > 0);
		}
		release();
	}
}
