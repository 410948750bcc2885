/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/par.h"
#include "nn/cpu/backend.h"

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

/* Rotates pairs whose components are neighbours, 2i and 2i + 1. */
static void rotate_neighbours(float *restrict x, size_t half, const float *c, const float *s)
{
	for (size_t i = 0; i < half; i++) {
		const float a = x[2 * i], b = x[2 * i + 1];
		x[2 * i] = a * c[i] - b * s[i];
		x[2 * i + 1] = b * c[i] + a * s[i];
	}
}

/* x [N, heads, D] of tokens at pos[N] */
static void rotate_tokens(const struct fc_kern *k, float *x, const uint32_t *pos, size_t N,
    size_t heads, size_t D, const struct fc_rope *r, bool inverse)
{
	const size_t half = r->n_rot / 2;
	void (*turn)(float *restrict, size_t, const float *, const float *) =
	    r->interleaved ? rotate_neighbours : rotate;
	float *c = FC_ARRAY(float, 2 * half + 1), *s = c + half;
	for (size_t n = 0; n < N; n++) {
		k->turn(c, s, r->inv_freq, pos[n], r->scale, half);
		for (size_t i = 0; inverse && i < half; i++)
			s[i] = -s[i];
		for (size_t h = n * heads; h < (n + 1) * heads; h++)
			turn(x + h * D, half, c, s);
	}
	free(c);
}

void fc_cpu_rope_apply(struct fc_nn *nn, float *x, const uint32_t *pos, size_t N, size_t heads,
    size_t D, const struct fc_rope *r, bool inverse)
{
	enum { TOKENS = 16 }; /* at most */
	const struct fc_kern *k = fc_cpu_of(nn)->kern;
	const size_t share = fc_par_share(N, TOKENS);
	FC_PAR_FOR(N * heads * D > fc_par_written(N), n, N, share,
	    rotate_tokens(
		k, x + n * heads * D, pos + n, fc_min_size(share, N - n), heads, D, r, inverse));
}
