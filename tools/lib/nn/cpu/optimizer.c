/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "nn/cpu/backend.h"

static double block_squares(const float *x, size_t n)
{
	double sum[8] = {0};
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		for (int j = 0; j < 8; j++)
			sum[j] += (double)x[i + j] * (double)x[i + j];
	for (; i < n; i++)
		sum[0] += (double)x[i] * (double)x[i];
	return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

void fc_cpu_sum_squares(struct fc_nn *nn, const float *x, size_t n, double *sum)
{
	(void)nn;
#pragma omp parallel for schedule(static) if (n > FC_PAR_ELEMENTS)
	for (size_t at = 0; at < n; at += FC_SUM_BLOCK)
		sum[at / FC_SUM_BLOCK] = block_squares(x + at, fc_min_size(FC_SUM_BLOCK, n - at));
}

static void update_block(float *restrict w, float *restrict m, float *restrict v,
    const float *restrict g, size_t n, struct fc_adamw a)
{
#pragma omp simd
	for (size_t i = 0; i < n; i++) {
		float x = g[i] * a.grad_scale;
		m[i] = a.beta1 * m[i] + (1 - a.beta1) * x;
		v[i] = a.beta2 * v[i] + (1 - a.beta2) * x * x;
		w[i] -= a.step * m[i] / (sqrtf(v[i]) * a.root_bias + a.eps) + a.decay * w[i];
	}
}

void fc_cpu_adamw(struct fc_nn *nn, float *w, float *m, float *v, const float *g, size_t n,
    const struct fc_adamw *a)
{
	enum { BLOCK = 16384 }; /* elements: 4 arrays of 64 KiB, within a core's level-2 cache */
	(void)nn;
#pragma omp parallel for schedule(static) if (n > FC_PAR_ELEMENTS)
	for (size_t at = 0; at < n; at += BLOCK)
		update_block(w + at, m + at, v + at, g + at, fc_min_size(BLOCK, n - at), *a);
}

void fc_cpu_to_bf16(struct fc_nn *nn, uint16_t *y, const float *x, size_t n)
{
	enum { BLOCK = 1 << 16 };
	const struct fc_kern *k = fc_cpu_of(nn)->kern;
#pragma omp parallel for if (n > FC_PAR_ELEMENTS)
	for (size_t at = 0; at < n; at += BLOCK)
		k->to_bf16(y + at, x + at, fc_min_size(BLOCK, n - at));
}
