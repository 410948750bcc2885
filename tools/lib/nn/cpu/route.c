/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "nn/cpu/backend.h"

void fc_cpu_route_logits(struct fc_nn *nn, const struct fc_weight *w, const float *bias,
    const float *x, size_t N, float *logit)
{
	const struct fc_kern *kern = fc_cpu_of(nn)->kern;
	const size_t E = w->n_out, C = w->n_in;
#pragma omp parallel for if (N * E * C > FC_PAR_PRODUCTS)
	for (size_t n = 0; n < N; n++) {
		kern->dot_rows(logit + n * E, E, x + n * C, C, w->p, C, w->dtype, 1, E, C);
		for (size_t e = 0; bias && e < E; e++)
			logit[n * E + e] += bias[e];
	}
}

void fc_cpu_gather_rows(
    struct fc_nn *nn, float *to, const float *from, const uint32_t *row, size_t n, size_t C)
{
	(void)nn;
#pragma omp parallel for if (n * C > FC_PAR_ELEMENTS)
	for (size_t i = 0; i < n; i++)
		memcpy(to + i * C, from + row[i] * C, C * sizeof *to);
}

void fc_cpu_scatter_rows(struct fc_nn *nn, float *to, const float *from, const uint32_t *row,
    const float *scale, size_t n, size_t C)
{
	const struct fc_kern *k = fc_cpu_of(nn)->kern;
#pragma omp parallel for if (n * C > FC_PAR_ELEMENTS)
	for (size_t i = 0; i < n; i++)
		k->axpy(to + row[i] * C, from + i * C, scale ? scale[i] : 1, C);
}

void fc_cpu_dot_rows(
    struct fc_nn *nn, const float *a, const float *b, size_t n, size_t C, float *dot)
{
	const struct fc_kern *k = fc_cpu_of(nn)->kern;
#pragma omp parallel for if (n * C > FC_PAR_ELEMENTS)
	for (size_t i = 0; i < n; i++)
		k->dot_rows(dot + i, 1, a + i * C, C, b + i * C, C, FC_F32, 1, 1, C);
}
