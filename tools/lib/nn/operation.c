/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "nn/ops.h"

/* The functions of nn.h that compute: each checks what it is asked for, returns where that is
 * nothing, counts the host arrays, and hands the rest to the device. */

static void took(struct fc_nn *nn, size_t n_bytes)
{
	nn->traffic.n_put++;
	nn->traffic.n_bytes += n_bytes;
}

static void gave(struct fc_nn *nn, size_t n_bytes)
{
	nn->traffic.n_get++;
	nn->traffic.n_bytes += n_bytes;
}

size_t fc_linear_few_rows(const struct fc_nn *nn)
{
	return nn->ops->few_rows(nn);
}

void fc_linear_fwd(struct fc_nn *nn, float *y, const float *x, const struct fc_weight *w, size_t N)
{
	if (N)
		nn->ops->linear_fwd(nn, y, x, w, N);
}

void fc_linears_fwd(struct fc_nn *nn, float *const y[], const float *x,
    const struct fc_weight *const w[], size_t n, size_t N)
{
	assert(n <= FC_LINEARS);
	if (N && nn->ops->linears_fwd && nn->ops->linears_fwd(nn, y, x, w, n, N))
		return;
	for (size_t i = 0; i < n; i++)
		fc_linear_fwd(nn, y[i], x, w[i], N);
}

void fc_linear_glu_fwd(struct fc_nn *nn, float *y, const float *x,
    const struct fc_weight *const w[3], enum fc_act act, float *const part[3], size_t N)
{
	if (N && nn->ops->linear_glu_fwd &&
	    nn->ops->linear_glu_fwd(nn, y, x, w[0], w[1], w[2], act, N))
		return;
	fc_linears_fwd(nn, part, x, w, 2, N);
	fc_glu_fwd(nn, part[2], part[0], part[1], act, N, w[0]->n_out);
	fc_linear_fwd(nn, y, part[2], w[2], N);
}

void fc_linear_bwd_x(struct fc_nn *nn, float *dx, const float *dy, const struct fc_weight *w,
    size_t N, bool accumulate)
{
	if (N)
		nn->ops->linear_bwd_x(nn, dx, dy, w, N, accumulate);
}

void fc_linear_bwd_w(
    struct fc_nn *nn, float *dw, const float *dy, const float *x, size_t N, size_t O, size_t I)
{
	if (N)
		nn->ops->linear_bwd_w(nn, dw, dy, x, N, O, I);
}

void fc_bias_fwd(struct fc_nn *nn, float *y, const float *bias, size_t N, size_t O)
{
	if (N)
		nn->ops->bias_fwd(nn, y, bias, N, O);
}

void fc_bias_bwd(struct fc_nn *nn, float *dbias, const float *dy, size_t N, size_t O)
{
	if (N)
		nn->ops->bias_bwd(nn, dbias, dy, N, O);
}

void fc_gain_fwd(struct fc_nn *nn, float *y, const float *x, const float *gain, size_t N, size_t C)
{
	if (N)
		nn->ops->gain_fwd(nn, y, x, gain, N, C);
}

void fc_gain_bwd(
    struct fc_nn *nn, float *dgain, const float *dy, const float *x, size_t N, size_t C)
{
	if (N)
		nn->ops->gain_bwd(nn, dgain, dy, x, N, C);
}

void fc_rmsnorm_fwd(struct fc_nn *nn, float *y, const float *x, const float *w, size_t N, size_t C,
    float eps, bool plus_one)
{
	if (N)
		nn->ops->rmsnorm_fwd(nn, y, x, w, N, C, eps, plus_one);
}

void fc_rmsnorm_bwd(struct fc_nn *nn, float *dx, float *dw, const float *dy, const float *x,
    const float *w, size_t N, size_t C, float eps, bool plus_one)
{
	if (N)
		nn->ops->rmsnorm_bwd(nn, dx, dw, dy, x, w, N, C, eps, plus_one);
}

void fc_layernorm_fwd(struct fc_nn *nn, float *y, const float *x, const float *w, const float *bias,
    size_t N, size_t C, float eps)
{
	if (N)
		nn->ops->layernorm_fwd(nn, y, x, w, bias, N, C, eps);
}

void fc_layernorm_bwd(struct fc_nn *nn, float *dx, float *dw, float *dbias, const float *dy,
    const float *x, const float *w, size_t N, size_t C, float eps)
{
	if (N)
		nn->ops->layernorm_bwd(nn, dx, dw, dbias, dy, x, w, N, C, eps);
}

void fc_rope_apply(struct fc_nn *nn, float *x, const uint32_t *pos, size_t N, size_t heads,
    size_t D, const struct fc_rope *r, bool inverse)
{
	if (N)
		nn->ops->rope_apply(nn, x, pos, N, heads, D, r, inverse);
}

void fc_attn_fwd(
    struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq, size_t n_seq)
{
	if (!n_seq)
		return;
	assert(a->G && a->H % a->G == 0 && a->scale > 0);
	for (size_t s = 0; s < n_seq; s++)
		assert(seq[s].n_k >= seq[s].n_q);
	nn->ops->attn_fwd(nn, a, seq, n_seq);
}

void fc_attn_bwd(struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq,
    const struct fc_attn_grad *grad, size_t n_seq)
{
	if (!n_seq)
		return;
	assert(a->G && a->H % a->G == 0 && a->scale > 0 && !a->sink);
	for (size_t s = 0; s < n_seq; s++)
		assert(seq[s].n_k == seq[s].n_q && seq[s].lse);
	nn->ops->attn_bwd(nn, a, seq, grad, n_seq);
}

void fc_glu_fwd(struct fc_nn *nn, float *y, const float *gate, const float *up, enum fc_act act,
    size_t N, size_t F)
{
	if (N)
		nn->ops->glu_fwd(nn, y, gate, up, act, N, F);
}

void fc_glu_bwd(struct fc_nn *nn, float *dgate, float *dup, const float *dy, const float *gate,
    const float *up, enum fc_act act, size_t N, size_t F)
{
	assert(act != FC_ACT_CLAMPED);
	if (N)
		nn->ops->glu_bwd(nn, dgate, dup, dy, gate, up, act, N, F);
}

void fc_act_fwd(struct fc_nn *nn, float *y, const float *x, enum fc_act act, size_t N, size_t F)
{
	assert(act != FC_ACT_CLAMPED);
	if (N)
		nn->ops->act_fwd(nn, y, x, act, N, F);
}

void fc_clip(struct fc_nn *nn, float *x, float limit, size_t n)
{
	if (n)
		nn->ops->clip(nn, x, limit, n);
}

void fc_act_bwd(struct fc_nn *nn, float *dx, const float *dy, const float *x, enum fc_act act,
    size_t N, size_t F)
{
	assert(act != FC_ACT_CLAMPED);
	if (N)
		nn->ops->act_bwd(nn, dx, dy, x, act, N, F);
}

void fc_clip_bwd(struct fc_nn *nn, float *dx, const float *x, float limit, size_t n)
{
	if (n)
		nn->ops->clip_bwd(nn, dx, x, limit, n);
}

void fc_add(struct fc_nn *nn, float *y, const float *x, size_t n)
{
	if (n)
		nn->ops->add(nn, y, x, n);
}

void fc_scale(struct fc_nn *nn, float *x, float factor, size_t n)
{
	if (n && factor != 1)
		nn->ops->scale(nn, x, factor, n);
}

void fc_split(
    struct fc_nn *nn, float *const part[], const float *x, const struct fc_split *c, size_t N)
{
	if (N)
		nn->ops->split(nn, part, x, c, N);
}

void fc_concat(
    struct fc_nn *nn, float *x, const float *const part[], const struct fc_split *c, size_t N)
{
	if (N)
		nn->ops->concat(nn, x, part, c, N);
}

void fc_gather_rows(
    struct fc_nn *nn, float *to, const float *from, const uint32_t *row, size_t n, size_t C)
{
	if (!n)
		return;
	took(nn, n * sizeof *row);
	nn->ops->gather_rows(nn, to, from, row, n, C);
}

void fc_scatter_rows(struct fc_nn *nn, float *to, const float *from, const uint32_t *row,
    const float *scale, size_t n, size_t C)
{
	if (!n)
		return;
	took(nn, n * (sizeof *row + (scale ? sizeof *scale : 0)));
	nn->ops->scatter_rows(nn, to, from, row, scale, n, C);
}

void fc_dot_rows(struct fc_nn *nn, const float *a, const float *b, size_t n, size_t C, float *dot)
{
	if (!n)
		return;
	gave(nn, n * sizeof *dot);
	nn->ops->dot_rows(nn, a, b, n, C, dot);
}

void fc_embed_fwd(struct fc_nn *nn, float *x, const struct fc_weight *w, const uint32_t *tok,
    size_t N, float scale)
{
	if (!N)
		return;
	for (size_t n = 0; n < N; n++)
		assert(tok[n] < w->n_out);
	took(nn, N * sizeof *tok);
	nn->ops->embed_fwd(nn, x, w, tok, N, scale);
}

void fc_embed_add(
    struct fc_nn *nn, float *x, const struct fc_weight *w, const uint32_t *pos, size_t N)
{
	if (N)
		nn->ops->embed_add(nn, x, w, pos, N);
}

void fc_embed_bwd(struct fc_nn *nn, float *dw, const float *dx, const uint32_t *tok, size_t N,
    size_t C, float scale)
{
	if (!N)
		return;
	took(nn, N * sizeof *tok);
	nn->ops->embed_bwd(nn, dw, dx, tok, N, C, scale);
}

static void check_head(const struct fc_head *h, const uint32_t *target, size_t N)
{
	assert(h->n_vocab && h->n_vocab <= h->w.n_out);
	for (size_t n = 0; n < N; n++)
		assert(target[n] == FC_NO_TARGET || target[n] < h->n_vocab);
}

void fc_head_topk(struct fc_nn *nn, const struct fc_head *h, const float *x, const uint32_t *target,
    size_t N, size_t K, uint32_t *id, float *logprob, float *true_logprob)
{
	if (!N)
		return;
	check_head(h, target, N);
	assert(K <= h->n_vocab);
	took(nn, N * sizeof *target);
	gave(nn, N * (K * (sizeof *id + sizeof *logprob) + sizeof *true_logprob));
	nn->ops->head_topk(nn, h, x, target, N, K, id, logprob, true_logprob);
}

size_t fc_head_draw_most(const struct fc_head *h, const struct fc_draws *d)
{
	return h->n_vocab < d->n ? h->n_vocab : d->n;
}

void fc_head_draw(struct fc_nn *nn, const struct fc_head *h, const float *x, const uint32_t *target,
    size_t N, const struct fc_draws *d, struct fc_rng *rng, uint32_t *n_entry, uint32_t *id,
    float *logprob, float *true_logprob)
{
	if (!N)
		return;
	check_head(h, target, N);
	assert(d->n && d->temperature > 0);
	took(nn, N * (sizeof *target + sizeof *rng));
	gave(nn,
	    N *
		(fc_head_draw_most(h, d) * (sizeof *id + sizeof *logprob) + sizeof *n_entry +
		    sizeof *true_logprob));
	nn->ops->head_draw(nn, h, x, target, N, d, rng, n_entry, id, logprob, true_logprob);
}

void fc_head_logits(
    struct fc_nn *nn, const struct fc_head *h, const float *x, size_t N, float *logits)
{
	if (!N)
		return;
	gave(nn, N * h->w.n_out * sizeof *logits);
	nn->ops->head_logits(nn, h, x, N, logits);
}

static void check_loss(const struct fc_head *h, const uint32_t *target, const float *sft_weight,
    const struct fc_teacher *teacher, size_t N)
{
	assert(h->n_vocab && h->n_vocab <= h->w.n_out);
	for (size_t n = 0; n < N; n++)
		assert(sft_weight[n] == 0 || target[n] < h->n_vocab);
	for (size_t k = teacher ? teacher->row_off[0] : 0; teacher && k < teacher->row_off[N]; k++)
		assert(teacher->id[k] < h->n_vocab);
}

void fc_head_loss(struct fc_nn *nn, const struct fc_head *h, const float *x, const uint32_t *target,
    const float *sft_weight, const float *kd_weight, const struct fc_teacher *teacher, size_t N,
    float *dx, float *dw, struct fc_loss *loss)
{
	if (!N)
		return;
	check_loss(h, target, sft_weight, teacher, N);
	took(nn, N * (sizeof *target + sizeof *sft_weight + sizeof *kd_weight));
	if (teacher)
		took(nn, teacher->row_off[N] * (sizeof *teacher->id + sizeof *teacher->logprob));
	gave(nn, sizeof *loss);
	nn->ops->head_loss(nn, h, x, target, sft_weight, kd_weight, teacher, N, dx, dw, loss);
}

void fc_sum_squares(struct fc_nn *nn, const float *x, size_t n, double *sum)
{
	if (!n)
		return;
	gave(nn, (n + FC_SUM_BLOCK - 1) / FC_SUM_BLOCK * sizeof *sum);
	nn->ops->sum_squares(nn, x, n, sum);
}

void fc_adamw(struct fc_nn *nn, float *w, float *m, float *v, const float *g, size_t n,
    const struct fc_adamw *a)
{
	if (n)
		nn->ops->adamw(nn, w, m, v, g, n, a);
}

void fc_to_bf16(struct fc_nn *nn, uint16_t *y, const float *x, size_t n)
{
	if (n)
		nn->ops->to_bf16(nn, y, x, n);
}
