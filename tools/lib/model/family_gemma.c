/* SPDX-License-Identifier: Apache-2.0 */
/* Gemma 1 to 3.  The text part of a Gemma 3 that also sees images is the same model with other
 * names; config.c has taken its text_config out. */
#include "model/family.h"

#include <string.h>

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
    {FC_TENSOR_O_BIAS, "model.layers.*.self_attn.o_proj.bias"},
    {FC_TENSOR_FFN_NORM, "model.layers.*.post_attention_layernorm.weight"},
    {FC_TENSOR_GATE, "model.layers.*.mlp.gate_proj.weight"},
    {FC_TENSOR_UP, "model.layers.*.mlp.up_proj.weight"},
    {FC_TENSOR_DOWN, "model.layers.*.mlp.down_proj.weight"},
    {FC_TENSOR_FINAL_NORM, "model.norm.weight"},
    {FC_TENSOR_HEAD, "lm_head.weight"},
    {0, NULL},
};

/* "post_attention_layernorm" is what it says here, and was the feed-forward's norm before. */
static const struct fc_family_tensor two_norms[] = {
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
    {FC_TENSOR_ATTN_POST_NORM, "model.layers.*.post_attention_layernorm.weight"},
    {FC_TENSOR_FFN_NORM, "model.layers.*.pre_feedforward_layernorm.weight"},
    {FC_TENSOR_GATE, "model.layers.*.mlp.gate_proj.weight"},
    {FC_TENSOR_UP, "model.layers.*.mlp.up_proj.weight"},
    {FC_TENSOR_DOWN, "model.layers.*.mlp.down_proj.weight"},
    {FC_TENSOR_FFN_POST_NORM, "model.layers.*.post_feedforward_layernorm.weight"},
    {FC_TENSOR_FINAL_NORM, "model.norm.weight"},
    {FC_TENSOR_HEAD, "lm_head.weight"},
    {0, NULL},
};

/* Gemma was published with "gelu" in hidden_act while trained with the tanh form; hidden_activation
 * means what it says. */
static int read_gemma(struct fc_config *c, const struct fc_fields *s)
{
	const char *act;
	if (fc_json_str(s->o, "hidden_act", "", &act, s->where, s->e) < 0)
		return -1;
	if (!fc_fields_has(s, "hidden_activation") && !strcmp(act, "gelu"))
		c->act = FC_ACT_GELU_TANH;
	return fc_fields_refuse(s, "use_bidirectional_attention");
}

const struct fc_family fc_family_gemma = {
    .type = "gemma",
    .architecture = "GemmaForCausalLM",
    .preset = {.n_ctx = 8192,
	.norm_eps = 1e-6f,
	.rope.theta = 1e4,
	.gated = true,
	.act = FC_ACT_GELU_TANH,
	.head_dim = 256,
	.norm_plus_one = true,
	.scaled_embed = true,
	.tied = true},
    .keys = {.act = "hidden_activation", .attention_bias = "attention_bias"},
    .tensor = one_norm,
    .read = read_gemma,
    .trains = true,
};

/* A number that null turns off. */
static int read_cap(const struct fc_fields *s, const char *key, float *cap)
{
	double v = (double)*cap;
	const json_t *o = json_object_get(s->o, key);
	if (o && json_is_null(o))
		*cap = 0;
	else if (fc_fields_positive(s, key, &v) < 0)
		return -1;
	else
		*cap = (float)v;
	return 0;
}

static int read_gemma2(struct fc_config *c, const struct fc_fields *s)
{
	if (read_cap(s, "attn_logit_softcapping", &c->attn_softcap) < 0 ||
	    read_cap(s, "final_logit_softcapping", &c->logit_softcap) < 0 ||
	    fc_fields_positive(s, "query_pre_attn_scalar", &c->query_scale) < 0)
		return -1;
	return read_gemma(c, s);
}

const struct fc_family fc_family_gemma2 = {
    .type = "gemma2",
    .architecture = "Gemma2ForCausalLM",
    .preset = {.n_ctx = 8192,
	.norm_eps = 1e-6f,
	.rope.theta = 1e4,
	.gated = true,
	.act = FC_ACT_GELU_TANH,
	.head_dim = 256,
	.query_scale = 256,
	.norm_plus_one = true,
	.post_norm = true,
	.scaled_embed = true,
	.tied = true,
	.attn_softcap = 50,
	.logit_softcap = 30,
	.window = 4096},
    .keys = {.act = "hidden_activation",
	.attention_bias = "attention_bias",
	.window = "sliding_window"},
    .window = FC_WINDOW_TURNS,
    .window_turn = 2,
    .tensor = two_norms,
    .read = read_gemma2,
    .trains = true,
};

/* Layers with a window have a rotary base of their own, and no scaling. */
static int read_gemma3(struct fc_config *c, const struct fc_fields *s)
{
	struct fc_ropespec *r = &c->rope_sliding;
	const struct fc_fields both = {json_object_get(s->o, "rope_parameters"), s->where, s->e};
	r->theta = 1e4;
	if (fc_fields_positive(s, "rope_local_base_freq", &r->theta) < 0)
		return -1;
	const char *key = fc_fields_has(&both, "sliding_attention") ? "sliding_attention" : NULL;
	return fc_ropespec_read(r, &both, key) < 0 ? -1 : read_gemma2(c, s);
}

/* Other names: with images, by transformers 4 and 5; without a head. */
static const char *const gemma3_prefixes[] = {
    "model.", "language_model.model.", "model.language_model.", "", NULL};

const struct fc_family fc_family_gemma3 = {
    .type = "gemma3_text",
    .architecture = "Gemma3ForCausalLM",
    .preset = {.n_vocab = 262208,
	.n_embd = 2304,
	.n_ff = 9216,
	.n_layer = 26,
	.n_head = 8,
	.n_head_kv = 4,
	.n_ctx = 131072,
	.norm_eps = 1e-6f,
	.rope.theta = 1e6,
	.gated = true,
	.act = FC_ACT_GELU_TANH,
	.head_dim = 256,
	.query_scale = 256,
	.norm_plus_one = true,
	.two_ropes = true,
	.qk_norm = true,
	.post_norm = true,
	.scaled_embed = true,
	.tied = true,
	.window = 4096},
    .keys = {.act = "hidden_activation",
	.attention_bias = "attention_bias",
	.window = "sliding_window"},
    .window = FC_WINDOW_TURNS,
    .window_turn = 6,
    .tensor = two_norms,
    .prefixes = gemma3_prefixes,
    .read = read_gemma3,
    .trains = true,
};
