/* SPDX-License-Identifier: Apache-2.0 */
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

/* dx +=, dw += */
static void norm_bwd(struct fc_nn *nn, const struct fc_config *c, float *dx, float *dw,
    const float *dy, const float *x, const float *w, size_t N, size_t width)
{
	fc_rmsnorm_bwd(nn, dx, dw, dy, x, w, N, width, c->norm_eps, c->norm_plus_one);
}

/* The gradient of what was normalised before it was added to the stream: dx itself where nothing
 * was. */
static const float *post_norm_bwd(struct fc_nn *nn, const struct fc_config *c, const float *dx,
    const float *raw, const float *w, float *dw, size_t N, struct fc_block_acts *a)
{
	if (!c->post_norm)
		return dx;
	fc_nn_zero(nn, a->draw, N * a->C * sizeof *a->draw);
	norm_bwd(nn, c, a->draw, dw, dx, raw, w, N, a->C);
	return a->draw;
}

/* dnorm = the gradient of norm2 from those of gate and up */
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
	linear_bwd(nn, l, dnorm, false, g->gate, g->gate_bias, dgate, a->norm2, &l->gate, N);
	linear_bwd(nn, l, dnorm, true, g->up, g->up_bias, dup, a->norm2, &l->up, N);
}

static void ffn_bwd(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l,
    float *dx, size_t N, struct fc_block_acts *a, const struct fc_layer_grad *g)
{
	float *dglu = a->glu, *dgate = a->gate, *dup = a->up, *dnorm = a->out;
	const float *dy =
	    post_norm_bwd(nn, c, dx, a->ffn_raw, l->ffn_post_norm, g->ffn_post_norm, N, a);
	linear_bwd(nn, l, dglu, false, g->down, g->down_bias, dy, a->glu, &l->down, N);
	fc_glu_bwd(nn, dgate, dup, dglu, a->gate, a->up, c->act, N, a->F);
	gate_up_bwd(nn, c, l, dnorm, dgate, dup, N, a, g);
	norm_bwd(nn, c, dx, g->ffn_norm, dnorm, a->mid, l->ffn_norm, N, a->C);
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
	const size_t D = c->head_dim;
	if (!c->qk_norm)
		return dy;
	fc_nn_zero(nn, spare, N * heads * D * sizeof *spare);
	norm_bwd(nn, c, spare, dw, dy, raw, w, N * heads, D);
	return spare;
}

/* dnorm = the gradient of norm1 from those of q, k, v */
static void project_bwd(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l,
    float *dnorm, const float *dq, const float *dk, size_t N, struct fc_block_acts *a,
    const struct fc_layer_grad *g)
{
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
	ffn_bwd(nn, c, l, dx, N, a, g);

	const float *dy =
	    post_norm_bwd(nn, c, dx, a->attn_raw, l->attn_post_norm, g->attn_post_norm, N, a);
	linear_bwd(nn, l, a->datt, false, g->o, g->o_bias, dy, a->att, &l->o, N);
	attention_bwd(nn, m, l, b, a);
	fc_block_rope(nn, l, c, a->dq, b, NULL, c->n_head, true, a);
	fc_block_rope(nn, l, c, a->dk, b, NULL, c->n_head_kv, true, a);
	float *dq = heads_bwd(nn, c, l->q_norm, g->q_norm, a->dq, a->q_raw, a->q, N, c->n_head);
	float *dk = heads_bwd(nn, c, l->k_norm, g->k_norm, a->dk, a->k_raw, a->k, N, c->n_head_kv);
	float *dnorm = a->out;
	project_bwd(nn, c, l, dnorm, dq, dk, N, a, g);
	norm_bwd(nn, c, dx, g->attn_norm, dnorm, x, l->attn_norm, N, a->C);
}
