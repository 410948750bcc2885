/* SPDX-License-Identifier: Apache-2.0 */
/* Llama with experts: Mixtral; Qwen3 of that kind. */
#include "model/family.h"

enum { MAX_EXPERT = 512 }; /* times layers: how many tensors a config may ask for */

static const struct fc_family_tensor mixtral[] = {
    {FC_TENSOR_EMBED, "model.embed_tokens.weight"},
    {FC_TENSOR_ATTN_NORM, "model.layers.*.input_layernorm.weight"},
    {FC_TENSOR_Q, "model.layers.*.self_attn.q_proj.weight"},
    {FC_TENSOR_K, "model.layers.*.self_attn.k_proj.weight"},
    {FC_TENSOR_V, "model.layers.*.self_attn.v_proj.weight"},
    {FC_TENSOR_O, "model.layers.*.self_attn.o_proj.weight"},
    {FC_TENSOR_FFN_NORM, "model.layers.*.post_attention_layernorm.weight"},
    {FC_TENSOR_ROUTER, "model.layers.*.block_sparse_moe.gate.weight"},
    {FC_TENSOR_EXPERT_GATE, "model.layers.*.block_sparse_moe.experts.*.w1.weight"},
    {FC_TENSOR_EXPERT_UP, "model.layers.*.block_sparse_moe.experts.*.w3.weight"},
    {FC_TENSOR_EXPERT_DOWN, "model.layers.*.block_sparse_moe.experts.*.w2.weight"},
    {FC_TENSOR_FINAL_NORM, "model.norm.weight"},
    {FC_TENSOR_HEAD, "lm_head.weight"},
    {0, NULL},
};

static const struct fc_family_tensor qwen3[] = {
    {FC_TENSOR_EMBED, "model.embed_tokens.weight"},
    {FC_TENSOR_ATTN_NORM, "model.layers.*.input_layernorm.weight"},
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
    {FC_TENSOR_FFN_NORM, "model.layers.*.post_attention_layernorm.weight"},
    {FC_TENSOR_ROUTER, "model.layers.*.mlp.gate.weight"},
    {FC_TENSOR_EXPERT_GATE, "model.layers.*.mlp.experts.*.gate_proj.weight"},
    {FC_TENSOR_EXPERT_UP, "model.layers.*.mlp.experts.*.up_proj.weight"},
    {FC_TENSOR_EXPERT_DOWN, "model.layers.*.mlp.experts.*.down_proj.weight"},
    {FC_TENSOR_FINAL_NORM, "model.norm.weight"},
    {FC_TENSOR_HEAD, "lm_head.weight"},
    {0, NULL},
};

/* n, used: how many there are and how many a token goes to where config.json does not say. */
static int read_experts(
    struct fc_config *c, const struct fc_fields *s, const char *key, int64_t n, int64_t used)
{
	if (fc_fields_natural(s, key, n, 1, MAX_EXPERT, &c->n_expert) < 0 ||
	    fc_fields_natural(s, "num_experts_per_tok", used, 1, MAX_EXPERT, &c->n_expert_used) < 0)
		return -1;
	if (c->n_expert_used > c->n_expert)
		return fc_fail(s->e, "%s: num_experts_per_tok: %zu of %zu experts", s->where,
		    c->n_expert_used, c->n_expert);
	return 0;
}

static int read_mixtral(struct fc_config *c, const struct fc_fields *s)
{
	return read_experts(c, s, "num_local_experts", 8, 2);
}

const struct fc_family fc_family_mixtral = {
    .type = "mixtral",
    .architecture = "MixtralForCausalLM",
    .preset = {.n_ctx = 131072, .norm_eps = 1e-5f, .rope.theta = 1e6, .gated = true},
    .keys = {.window = "sliding_window"},
    .tensor = mixtral,
    .read = read_mixtral,
    .trains = true,
};

/* The class can leave weights of experts as they are among all, have layers without experts, and a
 * window; no published model does. */
static int read_qwen3_moe(struct fc_config *c, const struct fc_fields *s)
{
	bool among_chosen = false;
	size_t step;
	const char *key = fc_fields_has(s, "num_experts") ? "num_experts" : "num_local_experts";
	if (read_experts(c, s, key, 128, 8) < 0 ||
	    fc_fields_size(s, "moe_intermediate_size", 768, 1 << 20, &c->n_ff) < 0 ||
	    fc_fields_natural(s, "decoder_sparse_step", 1, 0, INT32_MAX, &step) < 0 ||
	    fc_fields_flag(s, "norm_topk_prob", &among_chosen) < 0)
		return -1;
	if (step != 1)
		return fc_fail(
		    s->e, "%s: decoder_sparse_step other than 1 is not supported", s->where);
	if (json_array_size(json_object_get(s->o, "mlp_only_layers")))
		return fc_fail(s->e, "%s: mlp_only_layers are not supported", s->where);
	if (!among_chosen)
		return fc_fail(s->e, "%s: norm_topk_prob false is not supported", s->where);
	return fc_fields_refuse(s, "use_sliding_window");
}

const struct fc_family fc_family_qwen3_moe = {
    .type = "qwen3_moe",
    .architecture = "Qwen3MoeForCausalLM",
    .preset = {.n_ff = 6144,
	.n_ctx = 32768,
	.norm_eps = 1e-6f,
	.rope.theta = 1e4,
	.gated = true,
	.qk_norm = true},
    .keys = {.attention_bias = "attention_bias"},
    .tensor = qwen3,
    .read = read_qwen3_moe,
    .trains = true,
};
