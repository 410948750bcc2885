/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "nn/cpu/backend.h"

/* The K largest of E logits, descending, and their softmax. */
static void choose_experts(const float *logit, size_t E, size_t K, uint32_t *expert, float *weight)
{
	size_t n = 0;
	for (uint32_t e = 0; e < E; e++) {
		size_t at = n;
		while (at > 0 && logit[e] > logit[expert[at - 1]])
			at--;
		if (at == K)
			continue;
		n += n < K;
		memmove(expert + at + 1, expert + at, (n - at - 1) * sizeof *expert);
		expert[at] = e;
	}
	double sum = 0;
	for (size_t k = 0; k < K; k++)
		sum += exp((double)logit[expert[k]] - (double)logit[expert[0]]);
	for (size_t k = 0; k < K; k++)
		weight[k] = (float)(exp((double)logit[expert[k]] - (double)logit[expert[0]]) / sum);
}

void fc_cpu_route(struct fc_nn *nn, const struct fc_weight *w, const float *bias, const float *x,
    size_t N, size_t K, uint32_t *expert, float *weight)
{
	struct fc_cpu *cpu = fc_cpu_of(nn);
	const size_t E = w->n_out, C = w->n_in;
	float *logit = fc_cpu_scratch(cpu, FC_SCRATCH_ROUTE, N * E, sizeof *logit);
#pragma omp parallel for if (N * E * C > FC_PAR_PRODUCTS)
	for (size_t n = 0; n < N; n++) {
		cpu->kern->dot_rows(logit + n * E, E, x + n * C, C, w->p, C, w->dtype, 1, E, C);
		for (size_t e = 0; bias && e < E; e++)
			logit[n * E + e] += bias[e];
		choose_experts(logit + n * E, E, K, expert + n * K, weight + n * K);
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
