/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/backend.h"

enum { CHUNK = 4096 }; /* elements a thread takes at a time */

static size_t chunk_at(size_t i, size_t n)
{
	return n - i < CHUNK ? n - i : CHUNK;
}

void fc_cpu_glu_fwd(struct fc_nn *nn, float *y, const float *gate, const float *up, enum fc_act act,
    size_t N, size_t F)
{
	const struct fc_kern *k = fc_cpu_of(nn)->kern;
	const size_t n = N * F;
	FC_PAR_FOR(
	    n > FC_PAR_ELEMENTS, i, n, CHUNK, k->glu(y + i, gate + i, up + i, act, chunk_at(i, n)));
}

void fc_cpu_glu_bwd(struct fc_nn *nn, float *dgate, float *dup, const float *dy, const float *gate,
    const float *up, enum fc_act act, size_t N, size_t F)
{
	const struct fc_kern *k = fc_cpu_of(nn)->kern;
	const size_t n = N * F;
#pragma omp parallel for if (n > FC_PAR_ELEMENTS)
	for (size_t i = 0; i < n; i += CHUNK)
		k->glu_bwd(dgate + i, dup + i, dy + i, gate + i, up + i, act, chunk_at(i, n));
}

void fc_cpu_act_fwd(struct fc_nn *nn, float *y, const float *x, enum fc_act act, size_t N, size_t F)
{
	const struct fc_kern *k = fc_cpu_of(nn)->kern;
	const size_t n = N * F;
	FC_PAR_FOR(n > FC_PAR_ELEMENTS, i, n, CHUNK, k->act(y + i, x + i, act, chunk_at(i, n)));
}

void fc_cpu_clip(struct fc_nn *nn, float *x, float limit, size_t n)
{
	(void)nn;
	FC_PAR_FOR(n > FC_PAR_ELEMENTS, i, n, 1,
	    x[i] = x[i] > limit ? limit
		: x[i] < -limit ? -limit
				: x[i]);
}

/* The gated unit whose other factor is 1. */
void fc_cpu_act_bwd(struct fc_nn *nn, float *dx, const float *dy, const float *x, enum fc_act act,
    size_t N, size_t F)
{
	const struct fc_kern *k = fc_cpu_of(nn)->kern;
	const size_t n = N * F;
#pragma omp parallel if (n > FC_PAR_ELEMENTS)
	{
		float one[CHUNK], unused[CHUNK];
		for (size_t i = 0; i < CHUNK; i++)
			one[i] = 1;
#pragma omp for
		for (size_t i = 0; i < n; i += CHUNK)
			k->glu_bwd(dx + i, unused, dy + i, x + i, one, act, chunk_at(i, n));
	}
}

void fc_cpu_clip_bwd(struct fc_nn *nn, float *dx, const float *x, float limit, size_t n)
{
	(void)nn;
#pragma omp parallel for if (n > FC_PAR_ELEMENTS)
	for (size_t i = 0; i < n; i++)
		if (x[i] >= limit || x[i] <= -limit)
			dx[i] = 0;
}
