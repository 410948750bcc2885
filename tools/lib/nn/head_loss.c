/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/head.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "nn/backend.h"

struct row {
	uint32_t target;
	float sft_weight, kd_weight;
	const uint32_t *id; /* the teacher's entries */
	const float *logprob;
	size_t n;
};

static struct row row_of(const uint32_t *target, const float *sft_weight, const float *kd_weight,
    const struct fc_teacher *t, size_t n)
{
	struct row r = {target[n], sft_weight[n], 0, NULL, NULL, 0};
	if (t && t->row_off[n + 1] > t->row_off[n]) {
		r.id = t->id + t->row_off[n];
		r.logprob = t->logprob + t->row_off[n];
		r.n = t->row_off[n + 1] - t->row_off[n];
		r.kd_weight = kd_weight[n];
	}
	return r;
}

/* log of the sum over the entries of exp(logprob / temperature) */
static double teacher_lse(const struct row *r, double temperature)
{
	double max = -INFINITY, sum = 0;
	for (size_t k = 0; k < r->n; k++)
		max = fmax(max, (double)r->logprob[k] / temperature);
	for (size_t k = 0; k < r->n; k++)
		sum += exp((double)r->logprob[k] / temperature - max);
	return max + log(sum);
}

/* Adds a row's losses from its logits z [V] with log-sum-exp lse. */
static void row_loss(struct fc_loss *loss, const float *z, size_t V, double lse,
    const struct row *r, const struct fc_teacher *t)
{
	if (r->sft_weight > 0) {
		const double nll = lse - (double)z[r->target];
		size_t best = 0;
		for (size_t i = 1; i < V; i++)
			best = z[i] > z[best] ? i : best;
		loss->sft += (double)r->sft_weight * nll;
		loss->nll += nll;
		loss->n_correct += best == r->target;
	}
	if (!r->n)
		return;
	const double norm = teacher_lse(r, (double)t->temperature);
	double sum = 0;
	for (size_t k = 0; k < r->n; k++) {
		const double log_q = (double)r->logprob[k] / (double)t->temperature - norm;
		assert(r->id[k] < V);
		sum += exp(log_q) * ((t->kl ? log_q : 0) - ((double)z[r->id[k]] - lse));
	}
	loss->kd += (double)r->kd_weight * sum;
}

/* z becomes dL/dlogits: (sft + kd) p - sft onehot - kd q, times the cap's derivative. */
static void row_gradient(
    float *z, const struct fc_head *h, double lse, const struct row *r, const struct fc_teacher *t)
{
	(void)h;
	const float weight = r->sft_weight + r->kd_weight;
	for (size_t i = 0; i < h->n_vocab; i++)
		z[i] = weight * (float)exp((double)z[i] - lse);
	for (size_t i = h->n_vocab; i < h->w.n_out; i++)
		z[i] = 0;
	if (r->sft_weight != 0)
		z[r->target] -= r->sft_weight;
	const double norm = r->n ? teacher_lse(r, (double)t->temperature) : 0;
	for (size_t k = 0; k < r->n; k++)
		z[r->id[k]] -= r->kd_weight *
		    (float)exp((double)r->logprob[k] / (double)t->temperature - norm);
}

void fc_head_loss(struct fc_nn *nn, const struct fc_head *h, const float *x, const uint32_t *target,
    const float *sft_weight, const float *kd_weight, const struct fc_teacher *teacher, size_t N,
    float *dx, float *dw, struct fc_loss *loss)
{
	const size_t C = h->w.n_in, ld = h->w.n_out, tile = fc_head_tile_rows(h, N);
	float *logits = fc_nn_scratch(nn, FC_SCRATCH_HEAD, 2 * tile * ld),
	      *capped = logits + tile * ld;
	for (size_t n0 = 0; n0 < N; n0 += tile) {
		const size_t n_rows = N - n0 < tile ? N - n0 : tile;
		fc_head_tile(nn, h, x + n0 * C, n_rows, logits);
		if (h->softcap > 0)
			memcpy(capped, logits, n_rows * ld * sizeof *capped);
		for (size_t r = 0; r < n_rows; r++) {
			float *z = logits + r * ld;
			const struct row row =
			    row_of(target, sft_weight, kd_weight, teacher, n0 + r);
			const double lse = fc_head_lse(z, h->n_vocab);
			row_loss(loss, z, h->n_vocab, lse, &row, teacher);
			row_gradient(z, h, lse, &row, teacher);
			for (size_t i = 0; h->softcap > 0 && i < h->n_vocab; i++) {
				const float s = capped[r * ld + i] / h->softcap;
				z[i] *= 1 - s * s;
			}
		}
		if (dx)
			fc_linear_bwd_x(nn, dx + n0 * C, logits, &h->w, n_rows, false);
		if (dw)
			fc_linear_bwd_w(nn, dw, logits, x + n0 * C, n_rows, ld, C);
	}
}
