/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/dry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/drycount.h"
#include "nn/ops.h"

#pragma GCC diagnostic ignored "-Wunused-parameter" /* what is not done needs none */

struct block {
	const void *p;
	size_t n_bytes;
	enum fc_use use;
};

struct dry {
	struct fc_nn nn;
	bool reads_host;
	size_t n_few;   /* rows, see fc_linear_few_rows() */
	uintptr_t next; /* address */
	struct block *block;
	size_t n_block, cap_block;
	struct fc_dry_count count;
};

enum { ALIGN = 64 };

static void *dry_alloc(struct fc_nn *nn, size_t n_bytes)
{
	struct dry *d = (struct dry *)nn;
	void *p = (void *)d->next;
	FC_GROW(d->block, d->cap_block, d->n_block + 1);
	d->block[d->n_block++] = (struct block){p, n_bytes, nn->use};
	d->next += n_bytes / ALIGN * ALIGN + 2 * ALIGN;
	fc_dry_count_take(&d->count, nn->use, n_bytes, 0);
	return p;
}

static void dry_release(struct fc_nn *nn, void *p)
{
	struct dry *d = (struct dry *)nn;
	size_t i = d->n_block;
	while (i > 0 && d->block[i - 1].p != p)
		i--;
	if (!i)
		return;
	const struct block b = d->block[i - 1];
	d->block[i - 1] = d->block[--d->n_block];
	fc_dry_count_give(&d->count, b.use, b.n_bytes);
}

static const void *dry_keep(struct fc_nn *nn, const void *host, size_t n_bytes)
{
	struct dry *d = (struct dry *)nn;
	if (!d->reads_host)
		return dry_alloc(nn, n_bytes);
	fc_dry_count_take(&d->count, nn->use, n_bytes, 0); /* what the host has is not released */
	return host;
}

static void dry_put(struct fc_nn *nn, void *to, const void *host, size_t n_bytes)
{
}

static void dry_get(struct fc_nn *nn, void *host, const void *from, size_t n_bytes)
{
	memset(host, 0, n_bytes);
}

static void dry_zero(struct fc_nn *nn, void *p, size_t n_bytes)
{
}

static int dry_check(struct fc_nn *nn, struct fc_err *e)
{
	return 0;
}

static void dry_memory(const struct fc_nn *nn, size_t *n_free, size_t *n_total)
{
	*n_free = *n_total = 0;
}

static size_t dry_few_rows(const struct fc_nn *nn)
{
	return ((const struct dry *)nn)->n_few;
}

static void dry_linear_fwd(
    struct fc_nn *nn, float *y, const float *x, const struct fc_weight *w, size_t N)
{
}

static void dry_linear_bwd_x(struct fc_nn *nn, float *dx, const float *dy,
    const struct fc_weight *w, size_t N, bool accumulate)
{
}

static void dry_linear_bwd_w(
    struct fc_nn *nn, float *dw, const float *dy, const float *x, size_t N, size_t O, size_t I)
{
}

static void dry_bias_fwd(struct fc_nn *nn, float *y, const float *bias, size_t N, size_t O)
{
}

static void dry_bias_bwd(struct fc_nn *nn, float *dbias, const float *dy, size_t N, size_t O)
{
}

static void dry_gain_fwd(
    struct fc_nn *nn, float *y, const float *x, const float *gain, size_t N, size_t C)
{
}

static void dry_gain_bwd(
    struct fc_nn *nn, float *dgain, const float *dy, const float *x, size_t N, size_t C)
{
}

static void dry_rmsnorm_fwd(struct fc_nn *nn, float *y, const float *x, const float *w, size_t N,
    size_t C, float eps, bool plus_one)
{
}

static void dry_rmsnorm_bwd(struct fc_nn *nn, float *dx, float *dw, const float *dy, const float *x,
    const float *w, size_t N, size_t C, float eps, bool plus_one)
{
}

static void dry_layernorm_fwd(struct fc_nn *nn, float *y, const float *x, const float *w,
    const float *bias, size_t N, size_t C, float eps)
{
}

static void dry_layernorm_bwd(struct fc_nn *nn, float *dx, float *dw, float *dbias, const float *dy,
    const float *x, const float *w, size_t N, size_t C, float eps)
{
}

static void dry_rope_apply(struct fc_nn *nn, float *x, const uint32_t *pos, size_t N, size_t heads,
    size_t D, const struct fc_rope *r, bool inverse)
{
}

static void dry_attn_fwd(
    struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq, size_t n_seq)
{
}

static void dry_attn_bwd(struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq,
    const struct fc_attn_grad *grad, size_t n_seq)
{
}

static void dry_glu_fwd(struct fc_nn *nn, float *y, const float *gate, const float *up,
    enum fc_act act, size_t N, size_t F)
{
}

static void dry_glu_bwd(struct fc_nn *nn, float *dgate, float *dup, const float *dy,
    const float *gate, const float *up, enum fc_act act, size_t N, size_t F)
{
}

static void dry_act_fwd(
    struct fc_nn *nn, float *y, const float *x, enum fc_act act, size_t N, size_t F)
{
}

static void dry_act_bwd(struct fc_nn *nn, float *dx, const float *dy, const float *x,
    enum fc_act act, size_t N, size_t F)
{
}

static void dry_clip(struct fc_nn *nn, float *x, float limit, size_t n)
{
}

static void dry_clip_bwd(struct fc_nn *nn, float *dx, const float *x, float limit, size_t n)
{
}

static void dry_add(struct fc_nn *nn, float *y, const float *x, size_t n)
{
}

static void dry_scale(struct fc_nn *nn, float *x, float factor, size_t n)
{
}

static void dry_split(
    struct fc_nn *nn, float *const part[], const float *x, const struct fc_split *c, size_t N)
{
}

static void dry_concat(
    struct fc_nn *nn, float *x, const float *const part[], const struct fc_split *c, size_t N)
{
}

static void dry_route_logits(struct fc_nn *nn, const struct fc_weight *w, const float *bias,
    const float *x, size_t N, float *logit)
{
}

static void dry_gather_rows(
    struct fc_nn *nn, float *to, const float *from, const uint32_t *row, size_t n, size_t C)
{
}

static void dry_scatter_rows(struct fc_nn *nn, float *to, const float *from, const uint32_t *row,
    const float *scale, size_t n, size_t C)
{
}

static void dry_dot_rows(
    struct fc_nn *nn, const float *a, const float *b, size_t n, size_t C, float *dot)
{
	memset(dot, 0, n * sizeof *dot);
}

static void dry_embed_fwd(struct fc_nn *nn, float *x, const struct fc_weight *w,
    const uint32_t *tok, size_t N, float scale)
{
}

static void dry_embed_add(
    struct fc_nn *nn, float *x, const struct fc_weight *w, const uint32_t *pos, size_t N)
{
}

static void dry_embed_bwd(struct fc_nn *nn, float *dw, const float *dx, const uint32_t *tok,
    size_t N, size_t C, float scale)
{
}

static void dry_head_topk(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, size_t N, size_t K, uint32_t *id, float *logprob, float *true_logprob)
{
	if (K) {
		memset(id, 0, N * K * sizeof *id);
		memset(logprob, 0, N * K * sizeof *logprob);
	}
	memset(true_logprob, 0, N * sizeof *true_logprob);
}

static void dry_head_draw(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, size_t N, const struct fc_draws *draws, struct fc_rng *rng,
    uint32_t *n_entry, uint32_t *id, float *logprob, float *true_logprob)
{
	memset(n_entry, 0, N * sizeof *n_entry);
	memset(true_logprob, 0, N * sizeof *true_logprob);
}

static void dry_head_logits(
    struct fc_nn *nn, const struct fc_head *h, const float *x, size_t N, float *logits)
{
	memset(logits, 0, N * h->w.n_out * sizeof *logits);
}

static void dry_head_loss(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, const float *sft_weight, const float *kd_weight,
    const struct fc_teacher *teacher, size_t N, float *dx, float *dw, struct fc_loss *loss)
{
}

static void dry_sum_squares(struct fc_nn *nn, const float *x, size_t n, double *sum)
{
	for (size_t at = 0; at < n; at += FC_SUM_BLOCK)
		sum[at / FC_SUM_BLOCK] = 0;
}

static void dry_adamw(struct fc_nn *nn, float *w, float *m, float *v, const float *g, size_t n,
    const struct fc_adamw *a)
{
}

static void dry_to_bf16(struct fc_nn *nn, uint16_t *y, const float *x, size_t n)
{
}

static void dry_describe(const struct fc_nn *nn, char *text, size_t size)
{
	snprintf(text, size, "dry, which computes nothing");
}

static void dry_close(struct fc_nn *nn)
{
	struct dry *d = (struct dry *)nn;
	free(d->block);
	free(d);
}

static const struct fc_nn_ops dry_ops = {
    .alloc = dry_alloc,
    .release = dry_release,
    .put = dry_put,
    .get = dry_get,
    .copy = dry_put,
    .zero = dry_zero,
    .keep = dry_keep,
    .check = dry_check,
    .memory = dry_memory,
    .few_rows = dry_few_rows,
    .linear_fwd = dry_linear_fwd,
    .linear_bwd_x = dry_linear_bwd_x,
    .linear_bwd_w = dry_linear_bwd_w,
    .bias_fwd = dry_bias_fwd,
    .bias_bwd = dry_bias_bwd,
    .gain_fwd = dry_gain_fwd,
    .gain_bwd = dry_gain_bwd,
    .rmsnorm_fwd = dry_rmsnorm_fwd,
    .rmsnorm_bwd = dry_rmsnorm_bwd,
    .layernorm_fwd = dry_layernorm_fwd,
    .layernorm_bwd = dry_layernorm_bwd,
    .rope_apply = dry_rope_apply,
    .attn_fwd = dry_attn_fwd,
    .attn_bwd = dry_attn_bwd,
    .glu_fwd = dry_glu_fwd,
    .glu_bwd = dry_glu_bwd,
    .act_fwd = dry_act_fwd,
    .act_bwd = dry_act_bwd,
    .clip = dry_clip,
    .clip_bwd = dry_clip_bwd,
    .add = dry_add,
    .scale = dry_scale,
    .split = dry_split,
    .concat = dry_concat,
    .route_logits = dry_route_logits,
    .gather_rows = dry_gather_rows,
    .scatter_rows = dry_scatter_rows,
    .dot_rows = dry_dot_rows,
    .embed_fwd = dry_embed_fwd,
    .embed_add = dry_embed_add,
    .embed_bwd = dry_embed_bwd,
    .head_topk = dry_head_topk,
    .head_draw = dry_head_draw,
    .head_logits = dry_head_logits,
    .head_loss = dry_head_loss,
    .sum_squares = dry_sum_squares,
    .adamw = dry_adamw,
    .to_bf16 = dry_to_bf16,
    .describe = dry_describe,
    .close = dry_close,
};

/* Of a device whose operations take no memory by themselves. */
static struct fc_nn *open_plain(const struct fc_nn *of)
{
	struct dry *d = FC_NEW(struct dry);
	d->nn.ops = &dry_ops;
	d->nn.compute = of->compute;
	d->nn.most = d->count.most;
	d->reads_host = !of->module;
	d->n_few = of->ops->few_rows(of);
	d->next = ALIGN;
	return &d->nn;
}

struct fc_nn *fc_dry_open(const struct fc_nn *of)
{
	struct fc_nn *nn = of->ops->dry ? of->ops->dry(of) : open_plain(of);
	nn->alike = of->alike;
	nn->offloaded = of->offloaded;
	nn->cpu = of->cpu ? fc_dry_open(of->cpu) : NULL;
	return nn;
}

const size_t *fc_dry_most(const struct fc_nn *dry)
{
	return dry->most;
}

bool fc_dry_is(const struct fc_nn *nn)
{
	return nn && nn->most;
}
