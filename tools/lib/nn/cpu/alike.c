/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/alike.h"

#include <string.h>

#include "base/par.h"

/*
 * The matrix library's products depend on where a row stands: OpenBLAS' kernel for Haswell sums
 * rows 6 to 11 of every 12 in another order than rows 0 to 5, that for SkylakeX computes small
 * products otherwise than large ones.  Here kern->mm does all of it, from copies that are in the
 * cache (Goto, van de Geijn 2008): DEPTH of i and kern->mm_cols outputs of w are in the first, a
 * block of w and HEIGHT rows of x in the second level.  How y is cut into blocks changes no bit.
 */
enum { DEPTH = 384, HEIGHT = 96, LD = DEPTH + 16 /* no multiple of a large power of 2 */ };

struct block {
	const float *x, *w;
	float *y;
	size_t N, O, I, ldy;
};

/* pack: [n_o / width, n_i, width] */
static void pack_weights(
    const struct fc_kern *k, const struct block *b, size_t i, size_t n_i, float *pack)
{
	const size_t width = k->mm_cols;
	for (size_t o = 0; o < b->O; o += width)
		k->transpose(pack + o * n_i, width, b->w + o * b->I + i, b->I,
		    fc_min_size(width, b->O - o), n_i);
}

static void block_run(const struct fc_kern *k, const struct block *b, float *weights, float *rows)
{
	const size_t width = k->mm_cols;
	for (size_t i = 0; i < b->I; i += DEPTH) {
		const size_t n_i = fc_min_size(DEPTH, b->I - i);
		pack_weights(k, b, i, n_i, weights);
		for (size_t n = 0; n < b->N; n += HEIGHT) {
			const size_t n_row = fc_min_size(HEIGHT, b->N - n);
			for (size_t r = 0; r < n_row; r++)
				memcpy(
				    rows + r * LD, b->x + (n + r) * b->I + i, n_i * sizeof *rows);
			for (size_t o = 0; o < b->O; o += width)
				k->mm(b->y + n * b->ldy + o, b->ldy, rows, LD, 1, weights + o * n_i,
				    width, n_row, fc_min_size(width, b->O - o), n_i, i > 0);
		}
	}
}

struct blocks {
	size_t rows, cols;
};

/* Blocks for all threads; large ones, since each copies what it reads. */
static struct blocks blocks_for(size_t N, size_t O)
{
	enum { MOST_ROWS = 6 * HEIGHT, MOST_COLS = 512, LEAST_ROWS = HEIGHT, LEAST_COLS = 128 };
	const size_t enough = 3 * (size_t)fc_par_threads();
	struct blocks g = {MOST_ROWS, MOST_COLS};
	while ((N + g.rows - 1) / g.rows * ((O + g.cols - 1) / g.cols) < enough) {
		if (g.rows / 2 >= LEAST_ROWS && g.rows >= g.cols)
			g.rows /= 2;
		else if (g.cols / 2 >= LEAST_COLS)
			g.cols /= 2;
		else
			break;
	}
	return g;
}

void fc_alike_product(struct fc_cpu *cpu, float *y, size_t ldy, const float *x, const float *w,
    size_t N, size_t O, size_t I)
{
	const struct blocks g = blocks_for(N, O);
	const size_t weights = (g.cols + cpu->kern->mm_cols) * DEPTH,
		     size = weights + (size_t)HEIGHT * LD;
	float *packs =
	    fc_cpu_scratch(cpu, FC_SCRATCH_PACKS, size * (size_t)fc_par_threads(), sizeof *packs);
	size_t next = 0;
#pragma omp parallel if (N * O * I > FC_PAR_PRODUCTS)
	{
		size_t me;
#pragma omp atomic capture
		me = next++;
		float *pack = packs + me * size;
#pragma omp for collapse(2) schedule(dynamic)
		for (size_t o = 0; o < O; o += g.cols)
			for (size_t n = 0; n < N; n += g.rows) {
				const struct block b = {x + n * I, w + o * I, y + n * ldy + o,
				    fc_min_size(g.rows, N - n), fc_min_size(g.cols, O - o), I, ldy};
				block_run(cpu->kern, &b, pack, pack + weights);
			}
	}
}
