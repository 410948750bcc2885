/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/nn.h"

#include "base/par.h"
#include "nn/backend.h"
#include "nn/sgemm.h"

/*
 * A product is cut into blocks of its result by its shape alone, and every block is computed by one
 * thread, so the thread count changes no bit.
 */
enum { BLOCK_ROWS = 512, BLOCK_COLS = 256, PANEL_FLOATS = 1 << 18 };

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t n_blocks(size_t n, size_t block)
{
	return (n + block - 1) / block;
}

static const float *widened(float *panel, const struct fc_weight *w, size_t o, size_t n_rows)
{
	const char *p = (const char *)w->p + o * w->n_in * fc_dtype_size(w->dtype);
	if (w->dtype == FC_F32)
		return (const float *)p;
	fc_to_f32(panel, p, w->dtype, n_rows * w->n_in);
	return panel;
}

/* Rows of a narrow weight that are widened together: a panel stays in the cache. */
static size_t panel_rows(const struct fc_weight *w)
{
	size_t rows = PANEL_FLOATS / (w->n_in ? w->n_in : 1);
	return rows > BLOCK_COLS ? BLOCK_COLS : rows < 16 ? 16 : rows;
}

void fc_linear_fwd(struct fc_nn *nn, float *y, const float *x, const struct fc_weight *w, size_t N)
{
	const size_t O = w->n_out, I = w->n_in, cols = panel_rows(w);
	const size_t panel = w->dtype == FC_F32 ? 0 : cols * I;
	float *scratch = fc_nn_scratch(nn, FC_SCRATCH_LINEAR, panel * (size_t)fc_par_threads());
	int next = 0;
#pragma omp parallel
	{
		int me;
#pragma omp atomic capture
		me = next++;
		float *mine = scratch + panel * (size_t)me;
#pragma omp for schedule(dynamic)
		for (size_t b = 0; b < n_blocks(O, cols); b++) {
			size_t o = b * cols, n_o = min_size(cols, O - o);
			const float *p = widened(mine, w, o, n_o);
			for (size_t n = 0; n < N; n += BLOCK_ROWS)
				fc_sgemm(FC_NT, min_size(BLOCK_ROWS, N - n), n_o, I, x + n * I, I,
				    p, I, 0, y + n * O + o, O);
		}
	}
}

void fc_linear_bwd_x(struct fc_nn *nn, float *dx, const float *dy, const struct fc_weight *w,
    size_t N, bool accumulate)
{
	const size_t O = w->n_out, I = w->n_in, rows = panel_rows(w);
	const size_t panel = w->dtype == FC_F32 ? 0 : rows * I;
	float *scratch = fc_nn_scratch(nn, FC_SCRATCH_LINEAR, panel);
	for (size_t o = 0; o < O; o += rows) {
		size_t n_o = min_size(rows, O - o);
		const float *p = widened(scratch, w, o, n_o);
		const float beta = accumulate || o ? 1 : 0;
#pragma omp parallel for schedule(dynamic) collapse(2)
		for (size_t n = 0; n < N; n += BLOCK_COLS)
			for (size_t i = 0; i < I; i += BLOCK_COLS)
				fc_sgemm(FC_NN, min_size(BLOCK_COLS, N - n),
				    min_size(BLOCK_COLS, I - i), n_o, dy + n * O + o, O, p + i, I,
				    beta, dx + n * I + i, I);
	}
}

void fc_linear_bwd_w(
    struct fc_nn *nn, float *dw, const float *dy, const float *x, size_t N, size_t O, size_t I)
{
	(void)nn;
#pragma omp parallel for schedule(dynamic) collapse(2)
	for (size_t o = 0; o < O; o += BLOCK_COLS)
		for (size_t i = 0; i < I; i += BLOCK_COLS)
			fc_sgemm(FC_TN, min_size(BLOCK_COLS, O - o), min_size(BLOCK_COLS, I - i), N,
			    dy + o, O, x + i, I, 1, dw + o * I + i, I);
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
		const size_t n_o = min_size(COLS, O - o);
		for (size_t n = 0; n < N; n++)
			for (size_t j = 0; j < n_o; j++)
				sum[j] += (double)dy[n * O + o + j];
		for (size_t j = 0; j < n_o; j++)
			dbias[o + j] += (float)sum[j];
	}
}
