/* SPDX-License-Identifier: Apache-2.0 */
/* OLMo 2 and 3: a part reads the stream as it is and its result is normalised; queries and keys are
 * normalised over all heads together.  OLMo 3 has a window in three of four layers. */
#include "model/family.h"

static const struct fc_family_tensor tensors[] = {
    {FC_TENSOR_EMBED, "model.embed_tokens.weight"},
    {FC_TENSOR_Q, "model.layers.*.self_attn.q_proj.weight"},
    {FC_TENSOR_Q_BIAS, "model.layers.*.self_attn.q_proj.bias"},
    {FC_TENSOR_K, "model.layers.*.self_attn.k_proj.weight"},
    {FC_TENSOR_K_BIAS, "model.layers.*.self_attn.k_proj.bias"},
    {FC_TENSOR_V, "model.layers.*.self_attn.v_proj.weight"},
    {FC_TENSOR_V_BIAS, "model.layers.*.self_attn.v_proj.bias"},
    {FC_TENSOR_Q_NORM, "model.layers.*.self_attn.q_norm.weight"},
    {FC_TENSOR_K_NORM, "model.layers.*.self_attn.k_norm.weight"},
    {FC_TENSOR_O, "model.layers.*.self_attn.o_proj.weight"},
    {FC_TENSOR_O_BIAS, "model.layers.*.self_attn.o_proj.bias"},
    {FC_TENSOR_ATTN_POST_NORM, "model.layers.*.post_attention_layernorm.weight"},
    {FC_TENSOR_GATE, "model.layers.*.mlp.gate_proj.weight"},
    {FC_TENSOR_UP, "model.layers.*.mlp.up_proj.weight"},
    {FC_TENSOR_DOWN, "model.layers.*.mlp.down_proj.weight"},
    {FC_TENSOR_FFN_POST_NORM, "model.layers.*.post_feedforward_layernorm.weight"},
    {FC_TENSOR_FINAL_NORM, "model.norm.weight"},
    {FC_TENSOR_HEAD, "lm_head.weight"},
    {0, NULL},
};

const struct fc_family fc_family_olmo2 = {
    .type = "olmo2",
    .architecture = "Olmo2ForCausalLM",
    .preset = {.n_ctx = 2048,
	.norm_eps = 1e-5f,
	.rope.theta = 1e4,
	.gated = true,
	.no_pre_norm = true,
	.post_norm = true,
	.qk_norm = true,
	.qk_norm_wide = true},
    .keys = {.attention_bias = "attention_bias"},
    .tensor = tensors,
    .trains = true,
};

/* The scaling of rotations is that of layers without a window, as its makers' code has it
 * (OLMo-core; transformers up to 4.57). */
static int read_olmo3(struct fc_config *c, const struct fc_fields *s)
{
	const struct fc_fields both = {json_object_get(s->o, "rope_parameters"), s->where, s->e};
	c->rope_sliding.theta = c->rope.theta;
	const char *key = fc_fields_has(&both, "sliding_attention") ? "sliding_attention" : NULL;
	return fc_ropespec_read(&c->rope_sliding, &both, key);
}

const struct fc_family fc_family_olmo3 = {
    .type = "olmo3",
    .architecture = "Olmo3ForCausalLM",
    .preset = {.n_ctx = 2048,
	.norm_eps = 1e-5f,
	.rope.theta = 1e4,
	.two_ropes = true,
	.gated = true,
	.no_pre_norm = true,
	.post_norm = true,
	.qk_norm = true,
	.qk_norm_wide = true,
	.window = 4096},
    .keys = {.attention_bias = "attention_bias", .window = "sliding_window"},
    .window = FC_WINDOW_TURNS,
    .window_turn = 4,
    .tensor = tensors,
    .read = read_olmo3,
    .trains = true,
};
