/* SPDX-License-Identifier: Apache-2.0 */
/* gpt-oss: experts with biases and a clamped unit, a number a head that takes part in attention's
 * sum without a value ("sink"), a window in every other layer. */
#include "model/family.h"

static const struct fc_family_tensor tensors[] = {
    {FC_TENSOR_EMBED, "model.embed_tokens.weight"},
    {FC_TENSOR_ATTN_NORM, "model.layers.*.input_layernorm.weight"},
    {FC_TENSOR_Q, "model.layers.*.self_attn.q_proj.weight"},
    {FC_TENSOR_Q_BIAS, "model.layers.*.self_attn.q_proj.bias"},
    {FC_TENSOR_K, "model.layers.*.self_attn.k_proj.weight"},
    {FC_TENSOR_K_BIAS, "model.layers.*.self_attn.k_proj.bias"},
    {FC_TENSOR_V, "model.layers.*.self_attn.v_proj.weight"},
    {FC_TENSOR_V_BIAS, "model.layers.*.self_attn.v_proj.bias"},
    {FC_TENSOR_SINK, "model.layers.*.self_attn.sinks"},
    {FC_TENSOR_O, "model.layers.*.self_attn.o_proj.weight"},
    {FC_TENSOR_O_BIAS, "model.layers.*.self_attn.o_proj.bias"},
    {FC_TENSOR_FFN_NORM, "model.layers.*.post_attention_layernorm.weight"},
    {FC_TENSOR_ROUTER, "model.layers.*.mlp.router.weight"},
    {FC_TENSOR_ROUTER_BIAS, "model.layers.*.mlp.router.bias"},
    {FC_TENSOR_EXPERTS_GATE_UP, "model.layers.*.mlp.experts.gate_up_proj"},
    {FC_TENSOR_EXPERTS_GATE_UP_BIAS, "model.layers.*.mlp.experts.gate_up_proj_bias"},
    {FC_TENSOR_EXPERTS_DOWN, "model.layers.*.mlp.experts.down_proj"},
    {FC_TENSOR_EXPERTS_DOWN_BIAS, "model.layers.*.mlp.experts.down_proj_bias"},
    {FC_TENSOR_FINAL_NORM, "model.norm.weight"},
    {FC_TENSOR_HEAD, "lm_head.weight"},
    {0, NULL},
};

static int read_gpt_oss(struct fc_config *c, const struct fc_fields *s)
{
	double alpha = 1.702, limit = 7;
	if (fc_fields_natural(s, "num_local_experts", 128, 1, 512, &c->n_expert) < 0 ||
	    fc_fields_natural(s, "num_experts_per_tok", 4, 1, 512, &c->n_expert_used) < 0 ||
	    fc_fields_positive(s, "swiglu_alpha", &alpha) < 0 ||
	    fc_fields_positive(s, "swiglu_limit", &limit) < 0)
		return -1;
	if (c->n_expert_used > c->n_expert)
		return fc_fail(s->e, "%s: num_experts_per_tok: %zu of %zu experts", s->where,
		    c->n_expert_used, c->n_expert);
	if (alpha != 1.702 || limit != 7 || c->act != FC_ACT_SILU)
		return fc_fail(
		    s->e, "%s: another unit than gpt-oss has is not supported", s->where);
	c->act = FC_ACT_CLAMPED;
	return 0;
}

const struct fc_family fc_family_gpt_oss = {
    .type = "gpt_oss",
    .architecture = "GptOssForCausalLM",
    .preset = {.n_head_kv = 8,
	.n_ctx = 131072,
	.head_dim = 64,
	.norm_eps = 1e-5f,
	.rope.theta = 150000,
	.gated = true,
	.qkv_bias = true,
	.o_bias = true,
	.window = 128},
    .keys = {.attention_bias = "attention_bias", .window = "sliding_window"},
    .window = FC_WINDOW_TURNS,
    .window_turn = 2,
    .tensor = tensors,
    .read = read_gpt_oss,
};
