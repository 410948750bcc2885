/* SPDX-License-Identifier: Apache-2.0 */
/* Command R (cohere) and Command R7B, Command A (cohere2): attention and feed-forward read what one
 * norm makes of the stream, neighbours rotate, logits have a factor.  In cohere2 the layers without
 * a window do not rotate. */
#include "base/mem.h"
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
    {FC_TENSOR_O, "model.layers.*.self_attn.o_proj.weight"},
    {FC_TENSOR_O_BIAS, "model.layers.*.self_attn.o_proj.bias"},
    {FC_TENSOR_GATE, "model.layers.*.mlp.gate_proj.weight"},
    {FC_TENSOR_UP, "model.layers.*.mlp.up_proj.weight"},
    {FC_TENSOR_DOWN, "model.layers.*.mlp.down_proj.weight"},
    {FC_TENSOR_FINAL_NORM, "model.norm.weight"},
    {FC_TENSOR_HEAD, "lm_head.weight"},
    {0, NULL},
};

static int read_logit_scale(struct fc_config *c, const struct fc_fields *s)
{
	double scale = 0.0625;
	if (fc_fields_positive(s, "logit_scale", &scale) < 0)
		return -1;
	c->logit_scale = (float)scale;
	return 0;
}

/* Command R+ normalises heads with a LayerNorm and a weight for every head. */
static int read_cohere(struct fc_config *c, const struct fc_fields *s)
{
	return read_logit_scale(c, s) < 0 ? -1 : fc_fields_refuse(s, "use_qk_norm");
}

const struct fc_family fc_family_cohere = {
    .type = "cohere",
    .architecture = "CohereForCausalLM",
    .preset = {.n_ctx = 8192,
	.norm_eps = 1e-5f,
	.layer_norm = true,
	.parallel = true,
	.shared_norm = true,
	.rope = {.theta = 1e4, .interleaved = true},
	.gated = true,
	.tied = true},
    .keys = {.norm_eps = "layer_norm_eps", .attention_bias = "attention_bias"},
    .tensor = tensors,
    .read = read_cohere,
    .trains = true,
};

static int read_cohere2(struct fc_config *c, const struct fc_fields *s)
{
	c->no_rope = FC_ARRAY(bool, c->n_layer);
	for (size_t i = 0; i < c->n_layer; i++)
		c->no_rope[i] = !c->layer_window[i];
	return read_logit_scale(c, s);
}

const struct fc_family fc_family_cohere2 = {
    .type = "cohere2",
    .architecture = "Cohere2ForCausalLM",
    .preset = {.n_ctx = 8192,
	.norm_eps = 1e-5f,
	.layer_norm = true,
	.parallel = true,
	.shared_norm = true,
	.rope = {.theta = 1e4, .interleaved = true},
	.gated = true,
	.tied = true,
	.window = 4096},
    .keys = {.norm_eps = "layer_norm_eps",
	.attention_bias = "attention_bias",
	.window = "sliding_window"},
    .window = FC_WINDOW_TURNS,
    .window_turn = 4,
    .tensor = tensors,
    .read = read_cohere2,
    .trains = true,
};
