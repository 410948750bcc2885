/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "model/block.h"
#include "model/block_acts.h"
#include "model/lora.h"

/* From dy, the gradient of a linear's result: dw and dbias, which may be NULL, those of its
 * adapter, and dx = or, with add, +=.  x is read before dx is written: they may be the same memory.
 */
static void linear_bwd(struct fc_nn *nn, const struct fc_layer *l, float *dx, bool add, float *dw,
    float *dbias, const float *dy, const float *x, const struct fc_weight *w, size_t N)
{
	struct fc_lora *adapter = fc_lora_of(l->lora, w);
	if (dbias)
		fc_bias_bwd(nn, dbias, dy, N, w->n_out);
	if (adapter)
		dy = fc_lora_bwd_w(nn, adapter, dy, x, N);
	if (dw)
		fc_linear_bwd_w(nn, dw, dy, x, N, w->n_out, w->n_in);
	fc_linear_bwd_x(nn, dx, dy, w, N, add);
	if (adapter)
		fc_lora_bwd_x(nn, adapter, dx, N);
}

/* dx +=, dw +=, dbias +=; w NULL: the part has no norm. */
static void norm_bwd(struct fc_nn *nn, const struct fc_config *c, float *dx, float *dw,
    float *dbias, const float *dy, const float *x, const float *w, size_t N, size_t width)
{
	if (!w)
		fc_add(nn, dx, dy, N * width);
	else if (c->layer_norm)
		fc_layernorm_bwd(nn, dx, dw, dbias, dy, x, w, N, width, c->norm_eps);
	else
		fc_rmsnorm_bwd(nn, dx, dw, dy, x, w, N, width, c->norm_eps, c->norm_plus_one);
}

/* The gradient of what was normalised or multiplied before it was added to the stream: dx itself
 * where nothing was. */
static const float *part_bwd(struct fc_nn *nn, const struct fc_config *c, const float *dx,
    const float *raw, const float *w, float *dw, size_t N, struct fc_block_acts *a)
{
	if (c->residual_scale > 0) {
		fc_nn_copy(nn, a->draw, dx, N * a->C * sizeof *dx);
		fc_scale(nn, a->draw, c->residual_scale, N * a->C);
		return a->draw;
	}
	if (!c->post_norm)
		return dx;
	fc_nn_zero(nn, a->draw, N * a->C * sizeof *a->draw);
	norm_bwd(nn, c, a->draw, dw, NULL, dx, raw, w, N, a->C);
	return a->draw;
}

/* dnorm = the gradient of norm2 from those of gate, if there is one, and up */
static void gate_up_bwd(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l,
    float *dnorm, float *dgate, float *dup, size_t N, struct fc_block_acts *a,
    const struct fc_layer_grad *g)
{
	if (c->gate_up) {
		const struct fc_split split = fc_block_split_gate_up(c);
		fc_concat(nn, a->gate_up, (const float *[]){dgate, dup}, &split, N);
		linear_bwd(
		    nn, l, dnorm, false, g->gate_up, NULL, a->gate_up, a->norm2, &l->gate_up, N);
		return;
	}
	if (c->gated)
		linear_bwd(
		    nn, l, dnorm, false, g->gate, g->gate_bias, dgate, a->norm2, &l->gate, N);
	linear_bwd(nn, l, dnorm, c->gated, g->up, g->up_bias, dup, a->norm2, &l->up, N);
}

/* dnorm = the gradient of norm2 from dy, that of what the feed-forward network adds */
static void dense_bwd(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l,
    float *dnorm, const float *dy, size_t N, struct fc_block_acts *a, const struct fc_layer_grad *g)
{
	float *dglu = a->glu, *dgate = a->gate, *dup = a->up;
	linear_bwd(nn, l, dglu, false, g->down, g->down_bias, dy, a->glu, &l->down, N);
	if (c->gated)
		fc_glu_bwd(nn, dgate, dup, dglu, a->gate, a->up, c->act, N, a->F);
	else
		fc_act_bwd(nn, dup, dglu, a->up, c->act, N, a->F);
	gate_up_bwd(nn, c, l, dnorm, dgate, dup, N, a, g);
}

/* dx +=; dy: the gradient of what is added, which may be dx; x: what the norm read */
static void ffn_bwd(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l,
    float *dx, const float *dy, const float *x, size_t N, struct fc_block_acts *a,
    const struct fc_layer_grad *g)
{
	float *dnorm = a->out;
	const bool shared = c->shared_norm;
	dy = part_bwd(nn, c, dy, a->ffn_raw, l->ffn_post_norm, g->ffn_post_norm, N, a);
	if (c->n_expert)
		fc_block_moe_bwd(nn, c, l, dnorm, dy, N, a, g);
	else
		dense_bwd(nn, c, l, dnorm, dy, N, a, g);
	norm_bwd(nn, c, dx, shared ? g->attn_norm : g->ffn_norm,
	    shared ? g->attn_norm_bias : g->ffn_norm_bias, dnorm, x,
	    shared ? l->attn_norm : l->ffn_norm, N, a->C);
}

/* From a->datt to a->dq, a->dk, a->dv. */
static void attention_bwd(struct fc_nn *nn, const struct fc_model *m, const struct fc_layer *l,
    const struct fc_batch *b, struct fc_block_acts *a)
{
	const struct fc_attn attn = fc_block_attn(m, l);
	const size_t n = fc_block_gather(nn, a, b, NULL);
	for (size_t i = 0; i < n; i++) {
		const size_t at = (size_t)(a->seq[i].q - a->q) / a->HD;
		a->grad[i] = (struct fc_attn_grad){a->datt + at * a->HD, a->dq + at * a->HD,
		    a->dk + at * a->GD, a->dv + at * a->GD};
	}
	fc_attn_bwd(nn, &attn, a->seq, a->grad, n);
}

/* The way back through the norm of heads: dy, the gradient of its result, becomes that of raw.
 * spare: the forward result, overwritten.  Returns where the gradient is. */
static float *heads_bwd(struct fc_nn *nn, const struct fc_config *c, const float *w, float *dw,
    float *dy, const float *raw, float *spare, size_t N, size_t heads)
{
	const size_t width = c->qk_norm_wide ? heads * c->head_dim : c->head_dim;
	const size_t rows = c->qk_norm_wide ? N : N * heads;
	if (!c->qk_norm)
		return dy;
	fc_nn_zero(nn, spare, rows * width * sizeof *spare);
	norm_bwd(nn, c, spare, dw, NULL, dy, raw, w, rows, width);
	return spare;
}

/* dnorm = the gradient of norm1 from those of q, k, v.  What is clipped is neither normalised nor
 * rotated. */
static void project_bwd(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l,
    float *dnorm, float *dq, float *dk, size_t N, struct fc_block_acts *a,
    const struct fc_layer_grad *g)
{
	if (c->qkv_clip > 0) {
		assert(!c->qk_norm && c->position != FC_POS_ROPE);
		fc_clip_bwd(nn, dq, a->q, c->qkv_clip, N * a->HD);
		fc_clip_bwd(nn, dk, a->k, c->qkv_clip, N * a->GD);
		fc_clip_bwd(nn, a->dv, a->v, c->qkv_clip, N * a->GD);
	}
	if (c->qkv != FC_QKV_SPLIT) {
		const struct fc_split split = fc_block_split_qkv(c);
		fc_concat(nn, a->qkv, (const float *[]){dq, dk, a->dv}, &split, N);
		linear_bwd(nn, l, dnorm, false, g->qkv, g->qkv_bias, a->qkv, a->norm1, &l->qkv, N);
		return;
	}
	linear_bwd(nn, l, dnorm, false, g->q, g->q_bias, dq, a->norm1, &l->q, N);
	linear_bwd(nn, l, dnorm, true, g->k, g->k_bias, dk, a->norm1, &l->k, N);
	linear_bwd(nn, l, dnorm, true, g->v, g->v_bias, a->dv, a->norm1, &l->v, N);
}

void fc_block_bwd(struct fc_nn *nn, const struct fc_model *m, size_t layer, float *dx,
    const float *x, const struct fc_batch *b, struct fc_block_acts *a,
    const struct fc_layer_grad *g)
{
	const struct fc_config *c = &m->cfg;
	const struct fc_layer *l = &m->layer[layer];
	const size_t N = b->off[b->n_seq];
	const float *dy = dx;
	if (c->parallel) { /* while dx becomes that of the input */
		fc_nn_copy(nn, a->dsum, dx, N * a->C * sizeof *dx);
		dy = a->dsum;
	}
	ffn_bwd(nn, c, l, dx, dy, c->parallel ? x : a->mid, N, a, g);

	dy = part_bwd(nn, c, dy, a->attn_raw, l->attn_post_norm, g->attn_post_norm, N, a);
	linear_bwd(nn, l, a->datt, false, g->o, g->o_bias, dy, a->att, &l->o, N);
	attention_bwd(nn, m, l, b, a);
	fc_block_grow_queries(nn, c, a->dq, b, NULL);
	fc_block_rope(nn, l, a->dq, b, NULL, c->n_head, c->head_dim, true, a);
	fc_block_rope(nn, l, a->dk, b, NULL, c->n_head_kv, c->head_dim, true, a);
	float *dq = heads_bwd(nn, c, l->q_norm, g->q_norm, a->dq, a->q_raw, a->q, N, c->n_head);
	float *dk = heads_bwd(nn, c, l->k_norm, g->k_norm, a->dk, a->k_raw, a->k, N, c->n_head_kv);
	float *dnorm = a->out;
	project_bwd(nn, c, l, dnorm, dq, dk, N, a, g);
	norm_bwd(nn, c, dx, g->attn_norm, g->attn_norm_bias, dnorm, x, l->attn_norm, N, a->C);
}
