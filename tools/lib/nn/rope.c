/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/mem.h"
#include "nn/kern.h"

/* One head of one token: components i and i + half turned by angle i. */
static void rotate(float *restrict x, size_t half, const float *c, const float *s)
{
	float *restrict y = x + half;
	for (size_t i = 0; i < half; i++) {
		const float a = x[i], b = y[i];
		x[i] = a * c[i] - b * s[i];
		y[i] = b * c[i] + a * s[i];
	}
}

void fc_rope_apply(float *x, const uint32_t *pos, size_t N, size_t heads, size_t D,
    const struct fc_rope *r, bool inverse)
{
	const struct fc_kern *k = fc_kern();
	const size_t half = r->n_rot / 2;
#pragma omp parallel if (N * heads * D > FC_PAR_ELEMENTS)
	{
		float *c = FC_ARRAY(float, 2 * half + 1), *s = c + half;
#pragma omp for
		for (size_t n = 0; n < N; n++) {
			k->turn(c, s, r->inv_freq, pos[n], r->scale, half);
			for (size_t i = 0; inverse && i < half; i++)
				s[i] = -s[i];
			for (size_t h = n * heads; h < (n + 1) * heads; h++)
				rotate(x + h * D, half, c, s);
		}
		free(c);
	}
}
