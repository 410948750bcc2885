/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/backend.h"

static void row_fwd(float *y, const float *x, const float *gain, size_t C)
{
	for (size_t c = 0; c < C; c++)
		y[c] = x[c] * gain[c];
}

void fc_cpu_gain_fwd(
    struct fc_nn *nn, float *y, const float *x, const float *gain, size_t N, size_t C)
{
	(void)nn;
	FC_PAR_FOR(N * C > FC_PAR_ELEMENTS, n, N, 1, row_fwd(y + n * C, x + n * C, gain, C));
}

/* Columns are split over threads, so every sum runs over n in order. */
void fc_cpu_gain_bwd(
    struct fc_nn *nn, float *dgain, const float *dy, const float *x, size_t N, size_t C)
{
	(void)nn;
	enum { COLS = 64 };
#pragma omp parallel for if (N * C > FC_PAR_ELEMENTS)
	for (size_t c = 0; c < C; c += COLS) {
		double sum[COLS] = {0};
		const size_t n_c = fc_min_size(COLS, C - c);
		for (size_t n = 0; n < N; n++)
			for (size_t j = 0; j < n_c; j++)
				sum[j] += (double)dy[n * C + c + j] * (double)x[n * C + c + j];
		for (size_t j = 0; j < n_c; j++)
			dgain[c + j] += (float)sum[j];
	}
}
