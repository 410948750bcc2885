/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/nn.h"

#include <math.h>

/* Component i of every head of one token.  The angle is formed in double: as a float32, an angle of
 * 1e5 radians would be off by 4e-3. */
static void rotate(float *x, size_t heads, size_t D, size_t half, double angle, float scale)
{
	const float c = (float)cos(angle) * scale, s = (float)sin(angle) * scale;
	for (size_t h = 0; h < heads; h++) {
		const float a = x[h * D], b = x[h * D + half];
		x[h * D] = a * c - b * s;
		x[h * D + half] = b * c + a * s;
	}
}

void fc_rope_apply(float *x, const uint32_t *pos, size_t N, size_t heads, size_t D,
    const struct fc_rope *r, bool inverse)
{
	const size_t half = r->n_rot / 2;
#pragma omp parallel for
	for (size_t n = 0; n < N; n++)
		for (size_t i = 0; i < half; i++) {
			const double angle = (double)pos[n] * (double)r->inv_freq[i];
			rotate(x + n * heads * D + i, heads, D, half, inverse ? -angle : angle,
			    r->scale);
		}
}
