/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/nn.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "nn/cpu/backend.h"

static float inverse_rms(const struct fc_kern *k, const float *x /* [C] */, size_t C, float eps)
{
	return (float)(1 / sqrt(k->sum_squares(x, C) / (double)C + (double)eps));
}

static void row_fwd(const struct fc_kern *k, float *y, const float *x, const float *w, size_t C,
    float eps, float one)
{
	const float r = inverse_rms(k, x, C, eps);
	for (size_t i = 0; i < C; i++)
		y[i] = x[i] * r * (w[i] + one);
}

void fc_cpu_rmsnorm_fwd(struct fc_nn *nn, float *y, const float *x, const float *w, size_t N,
    size_t C, float eps, bool plus_one)
{
	const struct fc_kern *k = fc_cpu_of(nn)->kern;
	const float one = plus_one ? 1 : 0;
	FC_PAR_FOR(
	    N * C > FC_PAR_ELEMENTS, n, N, 1, row_fwd(k, y + n * C, x + n * C, w, C, eps, one));
}

/* With r = 1/rms and g = dy * (w + one):  dx = r g - x r^3 mean(g x),  dw = sum_n dy x r. */
static void row_bwd(const struct fc_kern *k, float *dx, float *dw, const float *dy, const float *x,
    const float *w, size_t C, float eps, float one)
{
	const float r = inverse_rms(k, x, C, eps);
	const float m = (float)(k->dot3(dy, w, one, x, C) / (double)C) * r * r * r;
	for (size_t i = 0; i < C; i++)
		dx[i] += dy[i] * (w[i] + one) * r - x[i] * m;
	for (size_t i = 0; dw && i < C; i++)
		dw[i] += dy[i] * x[i] * r;
}

/* Rows are split into parts by their number alone; each sums its own dw, and the parts are added in
 * order, so the number of threads changes no bit. */
void fc_cpu_rmsnorm_bwd(struct fc_nn *nn, float *dx, float *dw, const float *dy, const float *x,
    const float *w, size_t N, size_t C, float eps, bool plus_one)
{
	enum { MAX_PART = 64 };
	const struct fc_kern *k = fc_cpu_of(nn)->kern;
	const size_t n_part = N < MAX_PART ? N : MAX_PART;
	float *part = dw ? FC_ARRAY(float, n_part *C) : NULL;
#pragma omp parallel for if (N * C > FC_PAR_ELEMENTS)
	for (size_t p = 0; p < n_part; p++)
		for (size_t n = N * p / n_part; n < N * (p + 1) / n_part; n++)
			row_bwd(k, dx + n * C, dw ? part + p * C : NULL, dy + n * C, x + n * C, w,
			    C, eps, plus_one ? 1 : 0);
	for (size_t i = 0; dw && i < C; i++) {
		double sum = 0;
		for (size_t p = 0; p < n_part; p++)
			sum += (double)part[p * C + i];
		dw[i] += (float)sum;
	}
	free(part);
}
