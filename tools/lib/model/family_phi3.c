/* SPDX-License-Identifier: Apache-2.0 */
/* Phi-3 and Phi-3.5 mini and medium, Phi-4: Llama with fused matrices. */
#include "model/family.h"

static const struct fc_family_tensor tensors[] = {
    {FC_TENSOR_EMBED, "model.embed_tokens.weight"},
    {FC_TENSOR_ATTN_NORM, "model.layers.*.input_layernorm.weight"},
    {FC_TENSOR_QKV, "model.layers.*.self_attn.qkv_proj.weight"},
    {FC_TENSOR_O, "model.layers.*.self_attn.o_proj.weight"},
    {FC_TENSOR_FFN_NORM, "model.layers.*.post_attention_layernorm.weight"},
    {FC_TENSOR_GATE_UP, "model.layers.*.mlp.gate_up_proj.weight"},
    {FC_TENSOR_DOWN, "model.layers.*.mlp.down_proj.weight"},
    {FC_TENSOR_FINAL_NORM, "model.norm.weight"},
    {FC_TENSOR_HEAD, "lm_head.weight"},
    {0, NULL},
};

static int read_phi3(struct fc_config *c, const struct fc_fields *s)
{
	if (c->rope.scaling != FC_ROPE_PLAIN && c->rope.scaling != FC_ROPE_LONGROPE)
		return fc_fail(s->e, "%s: the rope scaling of a phi3 model is longrope", s->where);
	return 0;
}

const struct fc_family fc_family_phi3 = {
    .type = "phi3",
    .architecture = "Phi3ForCausalLM",
    .preset = {.n_ctx = 4096,
	.norm_eps = 1e-5f,
	.rope = {.theta = 1e4, .n_ctx_before = 4096},
	.gated = true,
	.qkv = FC_QKV_STACKED,
	.gate_up = true},
    .keys = {.window = "sliding_window", .partial_rotary = "partial_rotary_factor"},
    .tensor = tensors,
    .read = read_phi3,
    .trains = true,
};
