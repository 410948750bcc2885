/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/backend.h"

static void row_fwd(
    const struct fc_kern *k, float *x, const void *row, enum fc_dtype t, size_t C, float scale)
{
	k->widen(x, row, t, C);
	for (size_t i = 0; i < C && scale != 1; i++)
		x[i] *= scale;
}

void fc_cpu_embed_fwd(struct fc_nn *nn, float *x, const struct fc_weight *w, const uint32_t *tok,
    size_t N, float scale)
{
	const struct fc_kern *k = fc_cpu_of(nn)->kern;
	const size_t C = w->n_in, row_bytes = fc_dtype_bytes(w->dtype, C);
	FC_PAR_FOR(N * C > FC_PAR_ELEMENTS, n, N, 1,
	    row_fwd(k, x + n * C, (const char *)w->p + tok[n] * row_bytes, w->dtype, C, scale));
}

void fc_cpu_embed_add(
    struct fc_nn *nn, float *x, const struct fc_weight *w, const uint32_t *pos, size_t N)
{
	enum { BLOCK = 256 };
	const struct fc_kern *k = fc_cpu_of(nn)->kern;
	const size_t C = w->n_in;
	const char *p = w->p;
#pragma omp parallel for if (N * C > FC_PAR_ELEMENTS)
	for (size_t n = 0; n < N; n++)
		for (size_t i = 0; i < C; i += BLOCK) {
			const size_t m = C - i < BLOCK ? C - i : BLOCK;
			float wide[BLOCK];
			k->widen(wide, p + fc_dtype_bytes(w->dtype, pos[n] * C + i), w->dtype, m);
			k->axpy(x + n * C + i, wide, 1, m);
		}
}

/* Columns are split over threads, so every element's sum runs over n in order. */
void fc_cpu_embed_bwd(struct fc_nn *nn, float *dw, const float *dx, const uint32_t *tok, size_t N,
    size_t C, float scale)
{
	enum { COLS = 64 };
	const struct fc_kern *k = fc_cpu_of(nn)->kern;
#pragma omp parallel for if (N * C > FC_PAR_ELEMENTS)
	for (size_t c = 0; c < C; c += COLS)
		for (size_t n = 0; n < N; n++)
			k->axpy(dw + tok[n] * C + c, dx + n * C + c, scale,
			    C - c < COLS ? C - c : COLS);
}

void fc_cpu_add(struct fc_nn *nn, float *y, const float *x, size_t n)
{
	(void)nn;
	FC_PAR_FOR(n > FC_PAR_ELEMENTS, i, n, 1, y[i] += x[i]);
}

void fc_cpu_scale(struct fc_nn *nn, float *x, float factor, size_t n)
{
	(void)nn;
	FC_PAR_FOR(n > FC_PAR_ELEMENTS, i, n, 1, x[i] *= factor);
}
