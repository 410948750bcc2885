/* SPDX-License-Identifier: Apache-2.0 */
/* Llama (also SOLAR, Yi, Vicuna, the converted InternLM2), and those that differ from it by a flag:
 * Mistral, Qwen2 (and Qwen1.5), Qwen3; Mixtral has experts. */
#include "model/family.h"

enum { MAX_EXPERT = 128 }; /* times layers: how many tensors a config may ask for */

/* The tensors before the feed-forward network. */
#define ATTENTION                                                                                  \
	{FC_TENSOR_EMBED, "model.embed_tokens.weight"},                                            \
	    {FC_TENSOR_ATTN_NORM, "model.layers.*.input_layernorm.weight"},                        \
	    {FC_TENSOR_Q, "model.layers.*.self_attn.q_proj.weight"},                               \
	    {FC_TENSOR_Q_BIAS, "model.layers.*.self_attn.q_proj.bias"},                            \
	    {FC_TENSOR_K, "model.layers.*.self_attn.k_proj.weight"},                               \
	    {FC_TENSOR_K_BIAS, "model.layers.*.self_attn.k_proj.bias"},                            \
	    {FC_TENSOR_V, "model.layers.*.self_attn.v_proj.weight"},                               \
	    {FC_TENSOR_V_BIAS, "model.layers.*.self_attn.v_proj.bias"},                            \
	    {FC_TENSOR_Q_NORM, "model.layers.*.self_attn.q_norm.weight"},                          \
	    {FC_TENSOR_K_NORM, "model.layers.*.self_attn.k_norm.weight"},                          \
	    {FC_TENSOR_O, "model.layers.*.self_attn.o_proj.weight"},                               \
	    {FC_TENSOR_O_BIAS, "model.layers.*.self_attn.o_proj.bias"},                            \
	{                                                                                          \
		FC_TENSOR_FFN_NORM, "model.layers.*.post_attention_layernorm.weight"               \
	}
#define LAST                                                                                       \
	{FC_TENSOR_FINAL_NORM, "model.norm.weight"}, {FC_TENSOR_HEAD, "lm_head.weight"},           \
	{                                                                                          \
		0, NULL                                                                            \
	}

static const struct fc_family_tensor dense[] = {
    ATTENTION,
    {FC_TENSOR_GATE, "model.layers.*.mlp.gate_proj.weight"},
    {FC_TENSOR_GATE_BIAS, "model.layers.*.mlp.gate_proj.bias"},
    {FC_TENSOR_UP, "model.layers.*.mlp.up_proj.weight"},
    {FC_TENSOR_UP_BIAS, "model.layers.*.mlp.up_proj.bias"},
    {FC_TENSOR_DOWN, "model.layers.*.mlp.down_proj.weight"},
    {FC_TENSOR_DOWN_BIAS, "model.layers.*.mlp.down_proj.bias"},
    LAST,
};

static const struct fc_family_tensor experts[] = {
    ATTENTION,
    {FC_TENSOR_ROUTER, "model.layers.*.block_sparse_moe.gate.weight"},
    {FC_TENSOR_EXPERT_GATE, "model.layers.*.block_sparse_moe.experts.*.w1.weight"},
    {FC_TENSOR_EXPERT_UP, "model.layers.*.block_sparse_moe.experts.*.w3.weight"},
    {FC_TENSOR_EXPERT_DOWN, "model.layers.*.block_sparse_moe.experts.*.w2.weight"},
    LAST,
};

const struct fc_family fc_family_llama = {
    .type = "llama",
    .architecture = "LlamaForCausalLM",
    .preset = {.n_ctx = 2048, .norm_eps = 1e-6f, .rope.theta = 1e4, .gated = true},
    .keys = {.attention_bias = "attention_bias", .mlp_bias = "mlp_bias"},
    .tensor = dense,
    .trains = true,
};

const struct fc_family fc_family_mistral = {
    .type = "mistral",
    .architecture = "MistralForCausalLM",
    .preset =
	{.n_ctx = 131072, .norm_eps = 1e-6f, .rope.theta = 1e4, .gated = true, .window = 4096},
    .keys = {.window = "sliding_window"},
    .tensor = dense,
    .trains = true,
};

const struct fc_family fc_family_qwen2 = {
    .type = "qwen2",
    .architecture = "Qwen2ForCausalLM",
    .preset = {.n_ctx = 32768,
	.norm_eps = 1e-6f,
	.rope.theta = 1e4,
	.gated = true,
	.qkv_bias = true,
	.window = 4096},
    .keys = {.window = "sliding_window"},
    .window = FC_WINDOW_UPPER,
    .tensor = dense,
    .trains = true,
};

const struct fc_family fc_family_qwen3 = {
    .type = "qwen3",
    .architecture = "Qwen3ForCausalLM",
    .preset = {.n_ctx = 32768,
	.norm_eps = 1e-6f,
	.rope.theta = 1e4,
	.gated = true,
	.head_dim = 128,
	.qk_norm = true,
	.window = 4096},
    .keys = {.attention_bias = "attention_bias", .window = "sliding_window"},
    .window = FC_WINDOW_UPPER,
    .tensor = dense,
    .trains = true,
};

static int read_mixtral(struct fc_config *c, const struct fc_fields *s)
{
	if (fc_fields_natural(s, "num_local_experts", 8, 1, MAX_EXPERT, &c->n_expert) < 0 ||
	    fc_fields_natural(s, "num_experts_per_tok", 2, 1, MAX_EXPERT, &c->n_expert_used) < 0)
		return -1;
	if (c->n_expert_used > c->n_expert)
		return fc_fail(s->e, "%s: num_experts_per_tok: %zu of %zu experts", s->where,
		    c->n_expert_used, c->n_expert);
	return 0;
}

const struct fc_family fc_family_mixtral = {
    .type = "mixtral",
    .architecture = "MixtralForCausalLM",
    .preset = {.n_ctx = 131072, .norm_eps = 1e-5f, .rope.theta = 1e6, .gated = true},
    .keys = {.window = "sliding_window"},
    .tensor = experts,
    .read = read_mixtral,
};
