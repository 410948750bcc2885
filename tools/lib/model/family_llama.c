/* SPDX-License-Identifier: Apache-2.0 */
/* Llama (also SOLAR, Yi, Vicuna, the converted InternLM2), and those that differ from it by a flag
 * or a number: Mistral and Ministral, Qwen2 (and Qwen1.5), Qwen3, Granite, SmolLM3. */
#include "base/mem.h"
#include "model/family.h"

static const struct fc_family_tensor dense[] = {
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
    {FC_TENSOR_GATE, "model.layers.*.mlp.gate_proj.weight"},
    {FC_TENSOR_GATE_BIAS, "model.layers.*.mlp.gate_proj.bias"},
    {FC_TENSOR_UP, "model.layers.*.mlp.up_proj.weight"},
    {FC_TENSOR_UP_BIAS, "model.layers.*.mlp.up_proj.bias"},
    {FC_TENSOR_DOWN, "model.layers.*.mlp.down_proj.weight"},
    {FC_TENSOR_DOWN_BIAS, "model.layers.*.mlp.down_proj.bias"},
    {FC_TENSOR_FINAL_NORM, "model.norm.weight"},
    {FC_TENSOR_HEAD, "lm_head.weight"},
    {0, NULL},
};

/* As the text part of a model that sees images: written by transformers 4 and 5. */
static const char *const mistral_prefixes[] = {
    "model.", "language_model.model.", "model.language_model.", "", NULL};

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
    .prefixes = mistral_prefixes,
    .trains = true,
};

/* Mistral whose layers say which of them have the window. */
const struct fc_family fc_family_ministral = {
    .type = "ministral",
    .architecture = "MinistralForCausalLM",
    .preset =
	{.n_ctx = 131072, .norm_eps = 1e-6f, .rope.theta = 1e4, .gated = true, .window = 4096},
    .keys = {.window = "sliding_window"},
    .tensor = dense,
    .trains = true,
};

/* Without a scaling of its own the class has one; files always say theirs. */
static int read_ministral3(struct fc_config *c, const struct fc_fields *s)
{
	const struct fc_fields rope = {json_object_get(s->o, "rope_parameters"), s->where, s->e};
	double beta = 0;
	if (!fc_fields_has(s, "rope_parameters"))
		return fc_fail(s->e, "%s: rope_parameters is missing", s->where);
	if (fc_fields_positive(&rope, "llama_4_scaling_beta", &beta) < 0)
		return -1;
	c->query_log = (float)beta;
	return 0;
}

const struct fc_family fc_family_ministral3 = {
    .type = "ministral3",
    .architecture = "Ministral3ForCausalLM",
    .preset =
	{.n_ctx = 262144, .head_dim = 128, .norm_eps = 1e-5f, .rope.theta = 1e6, .gated = true},
    .keys = {.window = "sliding_window"},
    .tensor = dense,
    .prefixes = mistral_prefixes,
    .read = read_ministral3,
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

/* Numbers by which embeddings, scores, what a part adds to the stream, and logits are multiplied.
 */
static int read_granite(struct fc_config *c, const struct fc_fields *s)
{
	double embed = 1, scores = 1, part = 1, logits = 1;
	if (fc_fields_positive(s, "embedding_multiplier", &embed) < 0 ||
	    fc_fields_positive(s, "attention_multiplier", &scores) < 0 ||
	    fc_fields_positive(s, "residual_multiplier", &part) < 0 ||
	    fc_fields_positive(s, "logits_scaling", &logits) < 0)
		return -1;
	c->embed_scale = (float)embed;
	c->query_scale = 1 / (scores * scores);
	c->residual_scale = (float)part;
	c->logit_scale = (float)(1 / logits);
	return 0;
}

const struct fc_family fc_family_granite = {
    .type = "granite",
    .architecture = "GraniteForCausalLM",
    .preset = {.n_ctx = 2048, .norm_eps = 1e-6f, .rope.theta = 1e4, .gated = true},
    .keys = {.attention_bias = "attention_bias", .mlp_bias = "mlp_bias"},
    .tensor = dense,
    .read = read_granite,
    .trains = true,
};

/* Every fourth layer does not rotate: no_rope_layers says 1 for those that do. */
static int read_smollm3(struct fc_config *c, const struct fc_fields *s)
{
	const json_t *list = json_object_get(s->o, "no_rope_layers");
	size_t turn;
	if (fc_fields_natural(s, "no_rope_layer_interval", 4, 1, INT32_MAX, &turn) < 0)
		return -1;
	if (fc_fields_has(s, "no_rope_layers") && json_array_size(list) < c->n_layer)
		return fc_fail(
		    s->e, "%s: no_rope_layers: expected %zu numbers", s->where, c->n_layer);
	c->no_rope = FC_ARRAY(bool, c->n_layer);
	for (size_t i = 0; i < c->n_layer; i++) {
		const json_t *v = json_array_get(list, i);
		if (v && !json_is_integer(v) && !json_is_boolean(v))
			return fc_fail(
			    s->e, "%s: no_rope_layers: number %zu is not 0 or 1", s->where, i);
		c->no_rope[i] =
		    v ? !json_is_true(v) && !json_integer_value(v) : (i + 1) % turn == 0;
	}
	return fc_fields_refuse(s, "use_sliding_window");
}

const struct fc_family fc_family_smollm3 = {
    .type = "smollm3",
    .architecture = "SmolLM3ForCausalLM",
    .preset = {.n_head_kv = 4,
	.n_ctx = 32768,
	.norm_eps = 1e-6f,
	.rope.theta = 2e6,
	.gated = true,
	.tied = true},
    .keys = {.attention_bias = "attention_bias", .mlp_bias = "mlp_bias"},
    .tensor = dense,
    .read = read_smollm3,
    .trains = true,
};
