/* SPDX-License-Identifier: Apache-2.0 */
#include "model/block.h"

#include "model/block_acts.h"
#include "model/lora.h"
#include "model/shuttle.h"

static void linear(struct fc_nn *nn, const struct fc_layer *l, float *y, const float *x,
    const struct fc_weight *w, const float *bias, size_t N)
{
	struct fc_lora *adapter = fc_lora_of(l->lora, w);
	fc_linear_fwd(nn, y, x, w, N);
	if (adapter)
		fc_lora_fwd(nn, adapter, y, x, N);
	if (bias)
		fc_bias_fwd(nn, y, bias, N, w->n_out);
}

/* A linear of several that read the same. */
struct part {
	float *y;
	const struct fc_weight *w;
	const float *bias;
};

static void linears(struct fc_nn *nn, const struct fc_layer *l, const float *x,
    const struct part *part, size_t n, size_t N)
{
	float *y[FC_LINEARS] = {NULL};
	const struct fc_weight *w[FC_LINEARS] = {NULL};
	for (size_t i = 0; i < n; i++) {
		y[i] = part[i].y;
		w[i] = part[i].w;
	}
	fc_linears_fwd(nn, y, x, w, n, N);
	for (size_t i = 0; i < n; i++) {
		struct fc_lora *adapter = fc_lora_of(l->lora, w[i]);
		if (adapter)
			fc_lora_fwd(nn, adapter, y[i], x, N);
		if (part[i].bias)
			fc_bias_fwd(nn, y[i], part[i].bias, N, w[i]->n_out);
	}
}

/* w NULL: the part has no norm. */
static void norm(struct fc_nn *nn, const struct fc_config *c, float *y, const float *x,
    const float *w, const float *bias, size_t N, size_t width)
{
	if (!w)
		fc_nn_copy(nn, y, x, N * width * sizeof *y);
	else if (c->layer_norm)
		fc_layernorm_fwd(nn, y, x, w, bias, N, width, c->norm_eps);
	else
		fc_rmsnorm_fwd(nn, y, x, w, N, width, c->norm_eps, c->norm_plus_one);
}

/* The three projections of a->norm1, into q_raw and k_raw where heads are normalised. */
static void project(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l, size_t N,
    struct fc_block_acts *a)
{
	float *part[] = {c->qk_norm ? a->q_raw : a->q, c->qk_norm ? a->k_raw : a->k, a->v};
	if (c->qkv == FC_QKV_SPLIT) {
		const struct part parts[] = {{part[0], &l->q, l->q_bias},
		    {part[1], &l->k, l->k_bias}, {part[2], &l->v, l->v_bias}};
		linears(nn, l, a->norm1, parts, 3, N);
	} else {
		const struct fc_split split = fc_block_split_qkv(c);
		linear(nn, l, a->qkv, a->norm1, &l->qkv, l->qkv_bias, N);
		if (c->qkv_clip > 0)
			fc_clip(nn, a->qkv, c->qkv_clip, N * l->qkv.n_out);
		fc_split(nn, part, a->qkv, &split, N);
	}
}

/* a->out = attention of a->norm1 */
static void attention(struct fc_nn *nn, const struct fc_model *m, const struct fc_layer *l,
    const struct fc_batch *b, const struct fc_kv_seq *kv, struct fc_block_acts *a)
{
	const struct fc_config *c = &m->cfg;
	const struct fc_attn attn = fc_block_attn(m, l);
	const size_t N = b->off[b->n_seq], D = c->head_dim;
	float *out = c->post_norm ? a->attn_raw : a->out;
	if (c->n_latent) {
		fc_block_latent(nn, c, l, b, kv, a);
		fc_attn_fwd(nn, &attn, a->seq, fc_block_gather(nn, a, b, kv));
		linear(nn, l, out, fc_block_latent_out(nn, c, N, a), &l->o, NULL, N);
		return;
	}
	project(nn, c, l, N, a);
	if (c->qk_norm) {
		const size_t wide = c->qk_norm_wide;
		norm(nn, c, a->q, a->q_raw, l->q_norm, NULL, wide ? N : N * c->n_head,
		    wide ? a->HD : D);
		norm(nn, c, a->k, a->k_raw, l->k_norm, NULL, wide ? N : N * c->n_head_kv,
		    wide ? a->GD : D);
	}
	fc_block_rope(nn, l, a->q, b, kv, c->n_head, c->head_dim, false, a);
	fc_block_grow_queries(nn, c, a->q, b, kv);
	fc_block_rope(nn, l, a->k, b, kv, c->n_head_kv, c->head_dim, false, a);
	fc_attn_fwd(nn, &attn, a->seq, fc_block_gather(nn, a, b, kv));
	linear(nn, l, out, a->att, &l->o, l->o_bias, N);
	if (c->post_norm)
		norm(nn, c, a->out, out, l->attn_post_norm, NULL, N, a->C);
}

/* a->glu of a->norm2, [N,F] */
static void dense_glu(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l,
    size_t N, size_t F, struct fc_block_acts *a)
{
	if (c->gate_up) {
		const struct fc_split split = fc_block_split_gate_up(c);
		linear(nn, l, a->gate_up, a->norm2, &l->gate_up, NULL, N);
		fc_split(nn, (float *[]){a->gate, a->up}, a->gate_up, &split, N);
	} else {
		const struct part parts[] = {
		    {a->up, &l->up, l->up_bias}, {a->gate, &l->gate, l->gate_bias}};
		linears(nn, l, a->norm2, parts, c->gated ? 2 : 1, N);
	}
	if (c->gated)
		fc_glu_fwd(nn, a->glu, a->gate, a->up, c->act, N, F);
	else
		fc_act_fwd(nn, a->glu, a->up, c->act, N, F);
}

/* Nothing comes between the products of a gated network, and nobody wants what they give. */
static bool is_plain_glu(const struct fc_config *c, const struct fc_layer *l, enum fc_pass pass)
{
	return pass == FC_PASS_ONLY && c->gated && !c->gate_up && !l->lora && !l->up_bias &&
	    !l->gate_bias && !l->down_bias;
}

/* a->out = the sum of the experts, and of the network beside them where there is one */
static void experts(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l, size_t N,
    enum fc_pass pass, struct fc_block_acts *a)
{
	fc_block_moe(nn, c, l, N, pass, a);
	if (!l->down.n_in)
		return;
	dense_glu(nn, c, l, N, l->down.n_in, a);
	linear(nn, l, a->expert_x, a->glu, &l->down, NULL, N);
	fc_add(nn, a->out, a->expert_x, N * a->C);
}

/* a->out = the feed-forward network of a->norm2; up to its last product in a pass that only fills
 * acts, unless the way back needs that. */
static void feed_forward(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l,
    size_t N, enum fc_pass pass, struct fc_block_acts *a)
{
	float *out = c->post_norm ? a->ffn_raw : a->out;
	if (l->expert) {
		experts(nn, c, l, N, pass, a);
		return;
	}
	if (is_plain_glu(c, l, pass)) {
		fc_linear_glu_fwd(nn, out, a->norm2,
		    (const struct fc_weight *const[]){&l->gate, &l->up, &l->down}, c->act,
		    (float *const[]){a->gate, a->up, a->glu}, N);
		if (c->post_norm)
			norm(nn, c, a->out, out, l->ffn_post_norm, NULL, N, a->C);
		return;
	}
	dense_glu(nn, c, l, N, l->down.n_in, a);
	const struct fc_lora *adapter = fc_lora_of(l->lora, &l->down);
	if (pass == FC_PASS_AGAIN && !c->post_norm && !(adapter && adapter->m))
		return;
	linear(nn, l, out, a->glu, &l->down, l->down_bias, N);
	if (c->post_norm)
		norm(nn, c, a->out, out, l->ffn_post_norm, NULL, N, a->C);
}

/* out is spent. */
static void add_part(struct fc_nn *nn, const struct fc_config *c, float *x, float *out, size_t n)
{
	if (c->residual_scale > 0)
		fc_scale(nn, out, c->residual_scale, n);
	fc_add(nn, x, out, n);
}

void fc_block_fwd(struct fc_nn *nn, const struct fc_model *m, size_t layer, float *x,
    const struct fc_batch *b, const struct fc_kv_seq *kv, enum fc_pass pass,
    struct fc_block_acts *a)
{
	const struct fc_config *c = &m->cfg;
	const struct fc_layer *l = &m->layer[layer];
	const size_t N = b->off[b->n_seq], C = a->C;
	if (m->shuttle)
		fc_shuttle_bring(m->shuttle, layer);
	fc_block_acts_reserve(nn, a, c, N, b->n_seq, pass != FC_PASS_ONLY);
	if (l->lora)
		fc_lora_begin(nn, l->lora, N, pass != FC_PASS_ONLY);

	norm(nn, c, a->norm1, x, l->attn_norm, l->attn_norm_bias, N, C);
	if (c->parallel && !c->shared_norm)
		norm(nn, c, a->norm2, x, l->ffn_norm, l->ffn_norm_bias, N, C);
	attention(nn, m, l, b, kv, a);
	add_part(nn, c, x, a->out, N * C);
	if (pass != FC_PASS_ONLY)
		fc_nn_copy(nn, a->mid, x, N * C * sizeof *x);

	if (!c->parallel)
		norm(nn, c, a->norm2, x, l->ffn_norm, l->ffn_norm_bias, N, C);
	feed_forward(nn, c, l, N, pass, a);
	if (pass != FC_PASS_AGAIN)
		add_part(nn, c, x, a->out, N * C);
}
