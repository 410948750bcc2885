/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "nn/cpu/backend.h"

static void row_fwd(const struct fc_kern *k, float *y, const float *x, const float *w,
    const float *bias, size_t C, float eps)
{
	const float first = x[0]; /* a large mean would swallow the sum's bits */
	const double mean = (double)first + k->sum(x, first, C) / (double)C;
	for (size_t i = 0; i < C; i++) /* the variance of what is left is not cancelled away */
		y[i] = x[i] - mean;
	const double variance = k->sum_squares(y, C) / (double)C;
	const float r = (float)(1 / sqrt(variance + (double)eps));
	for (size_t i = 0; i < C; i++)
		y[i] = y[i] * r * w[i] + (bias ? bias[i] : 0);
}

void fc_cpu_layernorm_fwd(struct fc_nn *nn, float *y, const float *x, const float *w,
    const float *bias, size_t N, size_t C, float eps)
{
	const struct fc_kern *k = fc_cpu_of(nn)->kern;
	FC_PAR_FOR(
	    N * C > FC_PAR_ELEMENTS, n, N, 1, row_fwd(k, y + n * C, x + n * C, w, bias, C, eps));
}

/* With h = (x - mean) r and g = dy * w:  dx = r (g - mean(g) - h mean(g h)),  dw = sum_n dy h. */
static void row_bwd(const struct fc_kern *k, float *dx, float *dw, const float *dy, const float *x,
    const float *w, size_t C, float eps)
{
	const double n = (double)C, mean = (double)x[0] + k->sum(x, x[0], C) / n;
	double variance = 0, sum = 0, dot = 0;
	for (size_t i = 0; i < C; i++) {
		const double d = (double)x[i] - mean, g = (double)dy[i] * (double)w[i];
		variance += d * d;
		sum += g;
		dot += g * d;
	}
	const double r = 1 / sqrt(variance / n + (double)eps);
	for (size_t i = 0; i < C; i++) {
		const double h = ((double)x[i] - mean) * r, g = (double)dy[i] * (double)w[i];
		dx[i] += (float)(r * (g - sum / n - h * (dot * r / n)));
		if (dw)
			dw[i] += (float)((double)dy[i] * h);
	}
}

/* Rows are split into parts by their number alone; each sums its own dw, and the parts are added in
 * order, so the number of threads changes no bit. */
void fc_cpu_layernorm_bwd(struct fc_nn *nn, float *dx, float *dw, float *dbias, const float *dy,
    const float *x, const float *w, size_t N, size_t C, float eps)
{
	enum { MAX_PART = 64 };
	const struct fc_kern *k = fc_cpu_of(nn)->kern;
	const size_t n_part = fc_min_size(N, MAX_PART);
	float *part = dw ? FC_ARRAY(float, n_part *C) : NULL;
#pragma omp parallel for if (N * C > FC_PAR_ELEMENTS)
	for (size_t p = 0; p < n_part; p++)
		for (size_t n = N * p / n_part; n < N * (p + 1) / n_part; n++)
			row_bwd(k, dx + n * C, dw ? part + p * C : NULL, dy + n * C, x + n * C, w,
			    C, eps);
	for (size_t i = 0; dw && i < C; i++) {
		double sum = 0;
		for (size_t p = 0; p < n_part; p++)
			sum += (double)part[p * C + i];
		dw[i] += (float)sum;
	}
	free(part);
	if (dbias)
		fc_cpu_bias_bwd(nn, dbias, dy, N, C);
}
