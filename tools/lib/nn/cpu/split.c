/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "nn/cpu/backend.h"

static size_t row_width(const struct fc_split *c)
{
	size_t n = 0;
	for (size_t p = 0; p < c->n_part; p++)
		n += c->width[p];
	return n * c->groups;
}

void fc_cpu_split(
    struct fc_nn *nn, float *const part[], const float *x, const struct fc_split *c, size_t N)
{
	(void)nn;
	const size_t width = row_width(c);
#pragma omp parallel for if (N * width > FC_PAR_ELEMENTS)
	for (size_t n = 0; n < N; n++) {
		const float *from = x + n * width;
		for (size_t g = 0; g < c->groups; g++)
			for (size_t p = 0; p < c->n_part; from += c->width[p++])
				memcpy(part[p] + (n * c->groups + g) * c->width[p], from,
				    c->width[p] * sizeof *x);
	}
}

void fc_cpu_concat(
    struct fc_nn *nn, float *x, const float *const part[], const struct fc_split *c, size_t N)
{
	(void)nn;
	const size_t width = row_width(c);
#pragma omp parallel for if (N * width > FC_PAR_ELEMENTS)
	for (size_t n = 0; n < N; n++) {
		float *to = x + n * width;
		for (size_t g = 0; g < c->groups; g++)
			for (size_t p = 0; p < c->n_part; to += c->width[p++])
				memcpy(to, part[p] + (n * c->groups + g) * c->width[p],
				    c->width[p] * sizeof *x);
	}
}
