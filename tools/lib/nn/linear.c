/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/nn.h"

#include <string.h>

#include "base/par.h"
#include "nn/backend.h"
#include "nn/linear_bf16.h"

/*
 * Products in float32.  The result is cut into blocks by its shape alone and every block is
 * computed by one thread, so the number of threads changes no bit.  A narrow weight is widened
 * panel by panel (all columns of some rows), so that it comes from the cache.
 */
enum { BLOCK = 256, BLOCK_ROWS = 512, PANEL_FLOATS = 1 << 18 };

static const char *row_of(const struct fc_weight *w, size_t o)
{
	return (const char *)w->p + o * w->n_in * fc_dtype_size(w->dtype);
}

static size_t panel_rows(const struct fc_weight *w)
{
	const size_t rows = PANEL_FLOATS / (w->n_in ? w->n_in : 1);
	return rows > BLOCK ? BLOCK : rows < 32 ? 32 : rows;
}

/* Few rows of x: a pass over w at the speed of memory. */
static void few_fwd(struct fc_nn *nn, float *y, const float *x, const struct fc_weight *w, size_t N)
{
	enum { ROWS = 32 };
	const size_t O = w->n_out, I = w->n_in;
#pragma omp parallel for
	for (size_t o = 0; o < O; o += ROWS)
		nn->kern->dot_rows(
		    y + o, O, x, I, row_of(w, o), I, w->dtype, N, fc_min_size(ROWS, O - o), I);
}

static void wide_fwd(float *y, const float *x, const struct fc_weight *w, size_t N)
{
	const size_t O = w->n_out, I = w->n_in;
	const float *p = w->p;
#pragma omp parallel for collapse(2) schedule(dynamic)
	for (size_t o = 0; o < O; o += BLOCK)
		for (size_t n = 0; n < N; n += BLOCK_ROWS)
			fc_sgemm(FC_NT, fc_min_size(BLOCK_ROWS, N - n), fc_min_size(BLOCK, O - o),
			    I, x + n * I, I, p + o * I, I, 0, y + n * O + o, O);
}

static void narrow_fwd(
    struct fc_nn *nn, float *y, const float *x, const struct fc_weight *w, size_t N)
{
	const size_t O = w->n_out, I = w->n_in, rows = panel_rows(w),
		     n_threads = (size_t)fc_par_threads();
	float *panels = fc_nn_scratch(nn, FC_SCRATCH_PANEL, rows * I * n_threads, sizeof *panels);
	size_t next = 0;
#pragma omp parallel
	{
		size_t me;
#pragma omp atomic capture
		me = next++;
		float *panel = panels + rows * I * me;
#pragma omp for schedule(dynamic)
		for (size_t o = 0; o < O; o += rows) {
			const size_t n_o = fc_min_size(rows, O - o);
			nn->kern->widen(panel, row_of(w, o), w->dtype, n_o * I);
			for (size_t n = 0; n < N; n += BLOCK_ROWS)
				fc_sgemm(FC_NT, fc_min_size(BLOCK_ROWS, N - n), n_o, I, x + n * I,
				    I, panel, I, 0, y + n * O + o, O);
		}
	}
}

void fc_linear_fwd(struct fc_nn *nn, float *y, const float *x, const struct fc_weight *w, size_t N)
{
	if (nn->compute == FC_COMPUTE_BF16)
		fc_linear_bf16_fwd(nn, y, x, w, N);
	else if (N <= FC_FEW_ROWS)
		few_fwd(nn, y, x, w, N);
	else if (w->dtype == FC_F32)
		wide_fwd(y, x, w, N);
	else
		narrow_fwd(nn, y, x, w, N);
}

/* dx (+)= dy w over the rows [o, o + n_o) of w, which are in p. */
static void rows_bwd_x(float *dx, const float *dy, const float *p, const struct fc_weight *w,
    size_t o, size_t n_o, size_t N, bool accumulate)
{
	const size_t O = w->n_out, I = w->n_in;
#pragma omp parallel for collapse(2) schedule(dynamic)
	for (size_t n = 0; n < N; n += BLOCK_ROWS)
		for (size_t i = 0; i < I; i += BLOCK)
			fc_sgemm(FC_NN, fc_min_size(BLOCK_ROWS, N - n), fc_min_size(BLOCK, I - i),
			    n_o, dy + n * O + o, O, p + i, I, accumulate ? 1 : 0, dx + n * I + i,
			    I);
}

void fc_linear_bwd_x(struct fc_nn *nn, float *dx, const float *dy, const struct fc_weight *w,
    size_t N, bool accumulate)
{
	const size_t O = w->n_out, I = w->n_in, rows = panel_rows(w);
	if (nn->compute == FC_COMPUTE_BF16) {
		fc_linear_bf16_bwd_x(nn, dx, dy, w, N, accumulate);
		return;
	}
	if (w->dtype == FC_F32) {
		rows_bwd_x(dx, dy, w->p, w, 0, O, N, accumulate);
		return;
	}
	float *panel = fc_nn_scratch(nn, FC_SCRATCH_PANEL, rows * I, sizeof *panel);
	for (size_t o = 0; o < O; o += rows) {
		const size_t n_o = fc_min_size(rows, O - o);
#pragma omp parallel for
		for (size_t r = 0; r < n_o; r++)
			nn->kern->widen(panel + r * I, row_of(w, o + r), w->dtype, I);
		rows_bwd_x(dx, dy, panel, w, o, n_o, N, accumulate || o);
	}
}

void fc_linear_bwd_w(
    struct fc_nn *nn, float *dw, const float *dy, const float *x, size_t N, size_t O, size_t I)
{
	if (nn->compute == FC_COMPUTE_BF16) {
		fc_linear_bf16_bwd_w(nn, dw, dy, x, N, O, I);
		return;
	}
#pragma omp parallel for collapse(2) schedule(dynamic)
	for (size_t o = 0; o < O; o += BLOCK_ROWS)
		for (size_t i = 0; i < I; i += BLOCK)
			fc_sgemm(FC_TN, fc_min_size(BLOCK_ROWS, O - o), fc_min_size(BLOCK, I - i),
			    N, dy + o, O, x + i, I, 1, dw + o * I + i, I);
}

void fc_bias_fwd(float *y, const float *bias, size_t N, size_t O)
{
#pragma omp parallel for
	for (size_t n = 0; n < N; n++)
		for (size_t o = 0; o < O; o++)
			y[n * O + o] += bias[o];
}

/* Columns are split over threads, so every sum runs over n in order. */
void fc_bias_bwd(float *dbias, const float *dy, size_t N, size_t O)
{
	enum { COLS = 64 };
#pragma omp parallel for
	for (size_t o = 0; o < O; o += COLS) {
		double sum[COLS] = {0};
		const size_t n_o = fc_min_size(COLS, O - o);
		for (size_t n = 0; n < N; n++)
			for (size_t j = 0; j < n_o; j++)
				sum[j] += (double)dy[n * O + o + j];
		for (size_t j = 0; j < n_o; j++)
			dbias[o + j] += (float)sum[j];
	}
}
