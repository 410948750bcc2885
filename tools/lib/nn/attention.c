/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/nn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* First key that query i of the sequence sees, and one past the last. */
static size_t first_key(const struct fc_attn *a, const struct fc_attn_seq *s, size_t i)
{
	const size_t end = i + s->n_k - s->n_q + 1;
	return a->window && end > a->window ? end - a->window : 0;
}

static float dot(const float *a, const float *b, size_t n)
{
	float sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

static float score(const struct fc_attn *a, const float *q, const float *k)
{
	const float s = dot(q, k, a->D) * a->scale;
	return a->softcap > 0 ? a->softcap * tanhf(s / a->softcap) : s;
}

static void head_fwd(const struct fc_attn *a, const struct fc_attn_seq *s, size_t h, float *p)
{
	const size_t D = a->D, HD = a->H * D, GD = a->G * D, g = h / (a->H / a->G);
	for (size_t i = 0; i < s->n_q; i++) {
		const size_t first = first_key(a, s, i), end = i + s->n_k - s->n_q + 1;
		float *o = s->o + i * HD + h * D, max = -INFINITY;
		double sum = 0;
		for (size_t j = first; j < end; j++) {
			p[j] = score(a, s->q + i * HD + h * D, s->k + j * GD + g * D);
			max = fmaxf(max, p[j]);
		}
		memset(o, 0, D * sizeof *o);
		for (size_t j = first; j < end; j++) {
			const float e = expf(p[j] - max);
			sum += (double)e;
			for (size_t d = 0; d < D; d++)
				o[d] += e * s->v[j * GD + g * D + d];
		}
		for (size_t d = 0; d < D; d++)
			o[d] /= (float)sum;
		if (s->lse)
			s->lse[i * a->H + h] = max + (float)log(sum);
	}
}

void fc_attn_fwd(
    struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq, size_t n_seq)
{
	(void)nn;
#pragma omp parallel for collapse(2) schedule(dynamic)
	for (size_t s = 0; s < n_seq; s++)
		for (size_t h = 0; h < a->H; h++) {
			float *p = fc_malloc(seq[s].n_k * sizeof *p);
			head_fwd(a, &seq[s], h, p);
			free(p);
		}
}

/* ds = p (dp - delta), delta = do . o; through the cap: times 1 - (score / cap)^2 */
static void head_bwd(
    const struct fc_attn *a, const struct fc_attn_seq *s, const struct fc_attn_grad *t, size_t h)
{
	const size_t D = a->D, HD = a->H * D, GD = a->G * D, g = h / (a->H / a->G);
	for (size_t i = 0; i < s->n_q; i++) {
		const float *q = s->q + i * HD + h * D, *dout = t->dout + i * HD + h * D;
		const float delta = dot(dout, s->o + i * HD + h * D, D), lse = s->lse[i * a->H + h];
		float *dq = t->dq + i * HD + h * D;
		for (size_t j = first_key(a, s, i); j <= i; j++) {
			const float *k = s->k + j * GD + g * D;
			const float sc = score(a, q, k);
			const float p = expf(sc - lse);
			float ds = p * (dot(dout, s->v + j * GD + g * D, D) - delta) * a->scale;
			if (a->softcap > 0)
				ds *= 1 - sc / a->softcap * (sc / a->softcap);
			for (size_t d = 0; d < D; d++) {
				dq[d] += ds * k[d];
				t->dk[j * GD + g * D + d] += ds * q[d];
				t->dv[j * GD + g * D + d] += p * dout[d];
			}
		}
	}
}

void fc_attn_bwd(struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq,
    const struct fc_attn_grad *grad, size_t n_seq)
{
	(void)nn;
#pragma omp parallel for schedule(dynamic)
	for (size_t s = 0; s < n_seq; s++) {
		memset(grad[s].dq, 0, seq[s].n_q * a->H * a->D * sizeof(float));
		memset(grad[s].dk, 0, seq[s].n_k * a->G * a->D * sizeof(float));
		memset(grad[s].dv, 0, seq[s].n_k * a->G * a->D * sizeof(float));
		for (size_t h = 0; h < a->H; h++)
			head_bwd(a, &seq[s], &grad[s], h);
	}
}
