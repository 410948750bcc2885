/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "nn/cpu/backend.h"

void fc_cpu_layernorm_fwd(struct fc_nn *nn, float *y, const float *x, const float *w,
    const float *bias, size_t N, size_t C, float eps)
{
	const struct fc_kern *k = fc_cpu_of(nn)->kern;
#pragma omp parallel for if (N * C > FC_PAR_ELEMENTS)
	for (size_t n = 0; n < N; n++) {
		float *to = y + n * C;
		const float first = x[n * C]; /* a large mean would swallow the sum's bits */
		const double mean = (double)first + k->sum(x + n * C, first, C) / (double)C;
		for (size_t i = 0; i < C;
		     i++) /* the variance of what is left is not cancelled away */
			to[i] = x[n * C + i] - mean;
		const double variance = k->sum_squares(to, C) / (double)C;
		const float r = (float)(1 / sqrt(variance + (double)eps));
		for (size_t i = 0; i < C; i++)
			to[i] = to[i] * r * w[i] + (bias ? bias[i] : 0);
	}
}
