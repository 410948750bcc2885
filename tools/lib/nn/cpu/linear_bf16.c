/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/backend.h"

#include <string.h>

#include "nn/cpu/narrow.h"

/*
 * The library makes a primitive for every shape, so batches are split into blocks of BLOCK rows and
 * a rest that is padded with rows of zeros to a multiple of STEP: at most BLOCK / STEP primitives a
 * matrix.
 */
enum { BLOCK = 512, STEP = 64, PANEL = 1 << 23 /* weights that are rounded at a time */ };

struct cut {
	size_t block, step; /* rows */
};
static const struct cut usual = {BLOCK, STEP};

/*
 * The order of a row's sum depends on the shape of the product that it is in, not on its place
 * there.  So rows are alike where all blocks of a matrix have one height.  That of the output layer
 * is a tile's, fc_head_tile_rows().
 */
static struct cut cut_for(const struct fc_cpu *cpu, const struct fc_weight *w)
{
	const size_t rows = fc_alike_rows(w->n_out);
	return cpu->nn.alike ? (struct cut){rows, rows} : usual;
}

static size_t padded(size_t n, size_t step)
{
	return (n + step - 1) / step * step;
}

/* x [N,I] rounded, with rows of zeros up to a multiple of step. */
static const uint16_t *rounded_rows(
    struct fc_cpu *cpu, enum fc_scratch slot, const float *x, size_t N, size_t I, size_t step)
{
	const size_t n_rows = padded(N, step);
	uint16_t *r = fc_cpu_scratch(cpu, slot, n_rows * I, sizeof *r);
#pragma omp parallel for if (N * I > FC_PAR_ELEMENTS)
	for (size_t n = 0; n < N; n++)
		fc_narrow(r + n * I, x + n * I, FC_F32, I);
	memset(r + N * I, 0, (n_rows - N) * I * sizeof *r);
	return r;
}

/* Rows [o, o + n) of w as bfloat16: the weight's own memory, or rounded into scratch. */
static const uint16_t *rounded_weights(
    struct fc_cpu *cpu, const struct fc_weight *w, size_t o, size_t n)
{
	const size_t I = w->n_in;
	if (w->dtype == FC_BF16)
		return (const uint16_t *)w->p + o * I;
	uint16_t *r = fc_cpu_scratch(cpu, FC_SCRATCH_PANEL, n * I, sizeof *r);
#pragma omp parallel for if (n * I > FC_PAR_ELEMENTS)
	for (size_t k = 0; k < n; k++)
		fc_narrow(r + k * I, (const char *)w->p + fc_dtype_bytes(w->dtype, (o + k) * I),
		    w->dtype, I);
	return r;
}

static size_t panel_rows(const struct fc_weight *w)
{
	if (w->dtype == FC_BF16)
		return w->n_out ? w->n_out : 1;
	const size_t rows = PANEL / (w->n_in ? w->n_in : 1);
	return rows < 64 ? 64 : rows;
}

/* Result rows of the last block, n of them real, from scratch to their place. */
static void take_tail(
    float *c, size_t ldc, const float *tail, size_t n, size_t cols, bool accumulate)
{
#pragma omp parallel for if (n * cols > FC_PAR_ELEMENTS)
	for (size_t r = 0; r < n; r++)
		for (size_t i = 0; i < cols; i++)
			c[r * ldc + i] = tail[r * cols + i] + (accumulate ? c[r * ldc + i] : 0);
}

/* s: the product for all rows; M is split into blocks. */
static void in_blocks(struct fc_cpu *cpu, struct fc_bf16_shape s, struct cut cut, const uint16_t *a,
    const uint16_t *w, float *c)
{
	const size_t M = s.M, ldc = s.ldc;
	const bool accumulate = s.accumulate;
	for (size_t m = 0; m < M; m += s.M) {
		const size_t left = M - m;
		s.M = left < cut.block ? padded(left, cut.step) : cut.block;
		if (s.M <= left) {
			fc_bf16_product(cpu->bf16, &s, a + m * s.lda, w, c + m * ldc);
			continue;
		}
		float *tail = fc_cpu_scratch(cpu, FC_SCRATCH_TAIL, s.M * s.N, sizeof *tail);
		s.ldc = s.N;
		s.accumulate = false;
		fc_bf16_product(cpu->bf16, &s, a + m * s.lda, w, tail);
		take_tail(c + m * ldc, ldc, tail, left, s.N, accumulate);
	}
}

static void onednn_fwd(
    struct fc_cpu *cpu, float *y, const float *x, const struct fc_weight *w, size_t N)
{
	const size_t O = w->n_out, I = w->n_in, rows = panel_rows(w);
	const struct cut cut = cut_for(cpu, w);
	const uint16_t *xr = rounded_rows(cpu, FC_SCRATCH_ROWS, x, N, I, cut.step);
	for (size_t o = 0; o < O; o += rows) {
		const size_t n_o = fc_min_size(rows, O - o);
		const uint16_t *wr = rounded_weights(cpu, w, o, n_o);
		in_blocks(cpu, (struct fc_bf16_shape){FC_NT, N, n_o, I, I, I, O, false}, cut, xr,
		    wr, y + o);
	}
}

static void onednn_bwd_x(struct fc_cpu *cpu, float *dx, const float *dy, const struct fc_weight *w,
    size_t N, bool accumulate)
{
	const size_t O = w->n_out, I = w->n_in, rows = panel_rows(w);
	const uint16_t *dyr = rounded_rows(cpu, FC_SCRATCH_ROWS, dy, N, O, STEP);
	for (size_t o = 0; o < O; o += rows) {
		const size_t n_o = fc_min_size(rows, O - o);
		const uint16_t *wr = rounded_weights(cpu, w, o, n_o);
		in_blocks(cpu, (struct fc_bf16_shape){FC_NN, N, I, n_o, O, I, I, accumulate || o},
		    usual, dyr + o, wr, dx);
	}
}

static void onednn_bwd_w(
    struct fc_cpu *cpu, float *dw, const float *dy, const float *x, size_t N, size_t O, size_t I)
{
	const uint16_t *dyr = rounded_rows(cpu, FC_SCRATCH_ROWS, dy, N, O, STEP);
	const uint16_t *xr = rounded_rows(cpu, FC_SCRATCH_PANEL, x, N, I, STEP);
	for (size_t n = 0; n < N; n += BLOCK) {
		const size_t K = N - n < BLOCK ? padded(N - n, STEP) : BLOCK;
		const struct fc_bf16_shape s = {FC_TN, O, I, K, O, I, I, true};
		fc_bf16_product(cpu->bf16, &s, dyr + n * O, xr + n * I, dw);
	}
}

const struct fc_products fc_products_onednn = {
    "oneDNN", false, onednn_fwd, onednn_bwd_x, onednn_bwd_w, NULL, NULL};
