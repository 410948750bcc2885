/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/head.h"

#include <assert.h>
#include <math.h>
#include <string.h>

struct row {
	uint32_t target;
	float sft_weight, kd_weight;
	const uint32_t *id;   /* the teacher's entries */
	const float *logprob; /* divided by the temperature they give q */
	float *share;         /* what they take off the gradient */
	size_t n;
};

struct step {
	const struct fc_head *h;
	const uint32_t *target;
	const float *sft_weight, *kd_weight;
	const struct fc_teacher *teacher;
	const struct fc_kern *kern;
};

/* share: of the tile that begins with row n0 */
static struct row row_of(const struct step *s, float *share, size_t n0, size_t n)
{
	struct row r = {s->target[n], s->sft_weight[n], 0, NULL, NULL, NULL, 0};
	const struct fc_teacher *t = s->teacher;
	if (t && t->row_off[n + 1] > t->row_off[n]) {
		r.id = t->id + t->row_off[n];
		r.logprob = t->logprob + t->row_off[n];
		r.share = share + (t->row_off[n] - t->row_off[n0]);
		r.n = t->row_off[n + 1] - t->row_off[n];
		r.kd_weight = s->kd_weight[n];
	}
	return r;
}

/* Derivative of the cap where its result is z. */
static float cap_slope(const struct fc_head *h, float z)
{
	return h->softcap > 0 ? (1 - z / h->softcap) * (1 + z / h->softcap) : 1;
}

/* The distillation loss of a row; leaves kd_weight * q times the cap's slope in share. */
static double distil(
    const struct step *s, const struct row *r, const float *z, const struct fc_head_norm *norm)
{
	const double temperature = (double)s->teacher->temperature;
	float most = -INFINITY; /* not by fmax(), which gcc 12.2 for aarch64 can not compile here */
	double sum = 0, loss = 0;
	for (size_t k = 0; k < r->n; k++)
		most = r->logprob[k] > most ? r->logprob[k] : most;
	const double max = (double)most / temperature;
	for (size_t k = 0; k < r->n; k++)
		sum += exp((double)r->logprob[k] / temperature - max);
	const double lse = max + log(sum);
	for (size_t k = 0; k < r->n; k++) {
		const double log_q = (double)r->logprob[k] / temperature - lse, q = exp(log_q);
		assert(r->id[k] < s->h->n_vocab);
		const float student = z[r->id[k]];
		if (q > 0) /* 0 log 0 = 0 */
			loss += q * ((s->teacher->kl ? log_q : 0) - fc_head_logprob(norm, student));
		r->share[k] = r->kd_weight * (float)q * cap_slope(s->h, student);
	}
	return (double)r->kd_weight * loss;
}

/* z becomes dL/dlogits = ((sft + kd) p - sft onehot - kd q) * slope of the cap; 0 in the padding.
 */
static void gradient(
    const struct step *s, float *z, const struct row *r, const struct fc_head_norm *norm)
{
	enum { CHUNK = 1024 };
	const size_t V = s->h->n_vocab, ld = s->h->w.n_out;
	const float weight = (float)((double)(r->sft_weight + r->kd_weight) / norm->sum);
	const float at_target =
	    r->sft_weight != 0 ? r->sft_weight * cap_slope(s->h, z[r->target]) : 0;
	for (size_t v = 0; v < V; v += CHUNK) {
		const size_t n = fc_min_size(CHUNK, V - v);
		float capped[CHUNK];
		if (s->h->softcap > 0)
			memcpy(capped, z + v, n * sizeof *z);
		s->kern->exp_scaled(z + v, z + v, 1, norm->max, weight, n);
		if (s->h->softcap > 0)
			s->kern->cap_bwd(z + v, capped, s->h->softcap, n);
	}
	memset(z + V, 0, (ld - V) * sizeof *z);
	if (r->sft_weight != 0)
		z[r->target] -= at_target;
	for (size_t k = 0; k < r->n; k++)
		z[r->id[k]] -= r->share[k];
}

/* Loss of one row from its logits z [V'], which become their gradient if that is wanted. */
static struct fc_loss row_loss(
    const struct step *s, float *z, const struct row *r, float *group_max, bool backward)
{
	struct fc_loss loss = {0};
	const size_t V = s->h->n_vocab;
	const struct fc_head_norm norm = fc_head_norm_row(s->kern, z, V, group_max);
	if (r->sft_weight > 0) {
		assert(r->target < V);
		loss.nll = -fc_head_logprob(&norm, z[r->target]);
		loss.sft = (double)r->sft_weight * loss.nll;
		loss.n_correct = fc_head_best(z, V, group_max, norm.max) == r->target;
	}
	if (r->n)
		loss.kd = distil(s, r, z, &norm);
	if (backward)
		gradient(s, z, r, &norm);
	return loss;
}

static void loss_add(struct fc_loss *sum, const struct fc_loss *l)
{
	sum->sft += l->sft;
	sum->kd += l->kd;
	sum->nll += l->nll;
	sum->n_correct += l->n_correct;
}

/* A tile's scratch, one after the other: every row's loss, group maxima and teacher's shares. */
struct tile {
	struct fc_loss *loss;
	float *group_max, *share;
};

static struct tile tile_scratch(struct fc_nn *nn, const struct step *s, size_t n0, size_t n_rows)
{
	const size_t n_group = fc_kern_n_group(s->h->n_vocab);
	const size_t n_entry =
	    s->teacher ? s->teacher->row_off[n0 + n_rows] - s->teacher->row_off[n0] : 0;
	const size_t row_bytes = sizeof(struct fc_loss) + n_group * sizeof(float);
	struct tile t;
	t.loss = fc_nn_scratch(nn, FC_SCRATCH_ROW, n_rows * row_bytes + n_entry * sizeof(float), 1);
	t.group_max = (float *)(t.loss + n_rows);
	t.share = t.group_max + n_rows * n_group;
	return t;
}

/* Losses of rows n0... from their logits, which become gradients. */
static void tile_loss(struct fc_nn *nn, const struct step *s, float *logits, size_t n0,
    size_t n_rows, bool backward, struct fc_loss *loss)
{
	const struct tile t = tile_scratch(nn, s, n0, n_rows);
	const size_t n_group = fc_kern_n_group(s->h->n_vocab), ld = s->h->w.n_out;
#pragma omp parallel for schedule(dynamic) if (n_rows * ld > FC_PAR_ELEMENTS)
	for (size_t i = 0; i < n_rows; i++) {
		const struct row r = row_of(s, t.share, n0, n0 + i);
		t.loss[i] = row_loss(s, logits + i * ld, &r, t.group_max + i * n_group, backward);
	}
	for (size_t i = 0; i < n_rows; i++)
		loss_add(loss, &t.loss[i]);
}

void fc_head_loss(struct fc_nn *nn, const struct fc_head *h, const float *x, const uint32_t *target,
    const float *sft_weight, const float *kd_weight, const struct fc_teacher *teacher, size_t N,
    float *dx, float *dw, struct fc_loss *loss)
{
	const struct step s = {h, target, sft_weight, kd_weight, teacher, nn->kern};
	const size_t C = h->w.n_in, ld = h->w.n_out, tile = fc_head_tile_rows(h, N);
	float *logits = fc_nn_scratch(nn, FC_SCRATCH_LOGITS, tile * ld, sizeof *logits);
	for (size_t n0 = 0; n0 < N; n0 += tile) {
		const size_t n_rows = fc_min_size(tile, N - n0);
		fc_head_tile(nn, h, x + n0 * C, n_rows, logits);
		tile_loss(nn, &s, logits, n0, n_rows, dx || dw, loss);
		if (dx)
			fc_linear_bwd_x(nn, dx + n0 * C, logits, &h->w, n_rows, false);
		if (dw)
			fc_linear_bwd_w(nn, dw, logits, x + n0 * C, n_rows, ld, C);
	}
}
