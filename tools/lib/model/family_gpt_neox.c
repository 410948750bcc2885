/* SPDX-License-Identifier: Apache-2.0 */
/* GPT-NeoX and Pythia: attention and feed-forward side by side, the first quarter of a head
 * rotates, q, k and v of a head after each other. */
#include "model/family.h"

static const struct fc_family_tensor tensors[] = {
    {FC_TENSOR_EMBED, "gpt_neox.embed_in.weight"},
    {FC_TENSOR_ATTN_NORM, "gpt_neox.layers.*.input_layernorm.weight"},
    {FC_TENSOR_ATTN_NORM_BIAS, "gpt_neox.layers.*.input_layernorm.bias"},
    {FC_TENSOR_QKV, "gpt_neox.layers.*.attention.query_key_value.weight"},
    {FC_TENSOR_QKV_BIAS, "gpt_neox.layers.*.attention.query_key_value.bias"},
    {FC_TENSOR_O, "gpt_neox.layers.*.attention.dense.weight"},
    {FC_TENSOR_O_BIAS, "gpt_neox.layers.*.attention.dense.bias"},
    {FC_TENSOR_FFN_NORM, "gpt_neox.layers.*.post_attention_layernorm.weight"},
    {FC_TENSOR_FFN_NORM_BIAS, "gpt_neox.layers.*.post_attention_layernorm.bias"},
    {FC_TENSOR_UP, "gpt_neox.layers.*.mlp.dense_h_to_4h.weight"},
    {FC_TENSOR_UP_BIAS, "gpt_neox.layers.*.mlp.dense_h_to_4h.bias"},
    {FC_TENSOR_DOWN, "gpt_neox.layers.*.mlp.dense_4h_to_h.weight"},
    {FC_TENSOR_DOWN_BIAS, "gpt_neox.layers.*.mlp.dense_4h_to_h.bias"},
    {FC_TENSOR_FINAL_NORM, "gpt_neox.final_layer_norm.weight"},
    {FC_TENSOR_FINAL_NORM_BIAS, "gpt_neox.final_layer_norm.bias"},
    {FC_TENSOR_HEAD, "embed_out.weight"},
    {0, NULL},
};

static int read_neox(struct fc_config *c, const struct fc_fields *s)
{
	return fc_fields_flag(s, "use_parallel_residual", &c->parallel);
}

const struct fc_family fc_family_gpt_neox = {
    .type = "gpt_neox",
    .architecture = "GPTNeoXForCausalLM",
    .preset = {.n_ctx = 2048,
	.norm_eps = 1e-5f,
	.layer_norm = true,
	.norm_bias = true,
	.rope.theta = 1e4,
	.act = FC_ACT_GELU,
	.qkv = FC_QKV_GROUPED,
	.qkv_bias = true,
	.o_bias = true,
	.mlp_bias = true,
	.parallel = true},
    .keys = {.norm_eps = "layer_norm_eps",
	.rope_theta = "rotary_emb_base",
	.partial_rotary = "rotary_pct",
	.attention_bias = "attention_bias"},
    .rotary_part = 0.25,
    .tensor = tensors,
    .read = read_neox,
    .trains = true,
};
