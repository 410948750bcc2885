/* SPDX-License-Identifier: Apache-2.0 */
/* GLM-4 as published in the layout of transformers (glm) and GLM-4 of 2025, GLM-Z1 (glm4), which
 * also normalises what a part adds: neighbours of the first half of a head rotate, gate and up are
 * one matrix. */
#include "model/family.h"

static const struct fc_family_tensor one_norm[] = {
    {FC_TENSOR_EMBED, "model.embed_tokens.weight"},
    {FC_TENSOR_ATTN_NORM, "model.layers.*.input_layernorm.weight"},
    {FC_TENSOR_Q, "model.layers.*.self_attn.q_proj.weight"},
    {FC_TENSOR_Q_BIAS, "model.layers.*.self_attn.q_proj.bias"},
    {FC_TENSOR_K, "model.layers.*.self_attn.k_proj.weight"},
    {FC_TENSOR_K_BIAS, "model.layers.*.self_attn.k_proj.bias"},
    {FC_TENSOR_V, "model.layers.*.self_attn.v_proj.weight"},
    {FC_TENSOR_V_BIAS, "model.layers.*.self_attn.v_proj.bias"},
    {FC_TENSOR_O, "model.layers.*.self_attn.o_proj.weight"},
    {FC_TENSOR_FFN_NORM, "model.layers.*.post_attention_layernorm.weight"},
    {FC_TENSOR_GATE_UP, "model.layers.*.mlp.gate_up_proj.weight"},
    {FC_TENSOR_DOWN, "model.layers.*.mlp.down_proj.weight"},
    {FC_TENSOR_FINAL_NORM, "model.norm.weight"},
    {FC_TENSOR_HEAD, "lm_head.weight"},
    {0, NULL},
};

static const struct fc_family_tensor two_norms[] = {
    {FC_TENSOR_EMBED, "model.embed_tokens.weight"},
    {FC_TENSOR_ATTN_NORM, "model.layers.*.input_layernorm.weight"},
    {FC_TENSOR_Q, "model.layers.*.self_attn.q_proj.weight"},
    {FC_TENSOR_Q_BIAS, "model.layers.*.self_attn.q_proj.bias"},
    {FC_TENSOR_K, "model.layers.*.self_attn.k_proj.weight"},
    {FC_TENSOR_K_BIAS, "model.layers.*.self_attn.k_proj.bias"},
    {FC_TENSOR_V, "model.layers.*.self_attn.v_proj.weight"},
    {FC_TENSOR_V_BIAS, "model.layers.*.self_attn.v_proj.bias"},
    {FC_TENSOR_O, "model.layers.*.self_attn.o_proj.weight"},
    {FC_TENSOR_ATTN_POST_NORM, "model.layers.*.post_self_attn_layernorm.weight"},
    {FC_TENSOR_FFN_NORM, "model.layers.*.post_attention_layernorm.weight"},
    {FC_TENSOR_GATE_UP, "model.layers.*.mlp.gate_up_proj.weight"},
    {FC_TENSOR_DOWN, "model.layers.*.mlp.down_proj.weight"},
    {FC_TENSOR_FFN_POST_NORM, "model.layers.*.post_mlp_layernorm.weight"},
    {FC_TENSOR_FINAL_NORM, "model.norm.weight"},
    {FC_TENSOR_HEAD, "lm_head.weight"},
    {0, NULL},
};

/* attention_bias is of q, k and v only. */
static int read_glm(struct fc_config *c, const struct fc_fields *s)
{
	(void)s;
	c->o_bias = false;
	return 0;
}

const struct fc_family fc_family_glm = {
    .type = "glm",
    .architecture = "GlmForCausalLM",
    .preset = {.n_head_kv = 2,
	.n_ctx = 131072,
	.head_dim = 128,
	.norm_eps = 1.5625e-7f,
	.rope = {.theta = 1e4, .interleaved = true},
	.gated = true,
	.gate_up = true,
	.qkv_bias = true,
	.o_bias = true},
    .keys = {.attention_bias = "attention_bias", .partial_rotary = "partial_rotary_factor"},
    .rotary_part = 0.5,
    .tensor = one_norm,
    .read = read_glm,
    .trains = true,
};

const struct fc_family fc_family_glm4 = {
    .type = "glm4",
    .architecture = "Glm4ForCausalLM",
    .preset = {.n_head_kv = 2,
	.n_ctx = 131072,
	.head_dim = 128,
	.norm_eps = 1.5625e-7f,
	.rope = {.theta = 1e4, .interleaved = true},
	.gated = true,
	.gate_up = true,
	.qkv_bias = true,
	.o_bias = true,
	.post_norm = true},
    .keys = {.attention_bias = "attention_bias", .partial_rotary = "partial_rotary_factor"},
    .rotary_part = 0.5,
    .tensor = two_norms,
    .read = read_glm,
    .trains = true,
};
