/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/gguf_hf.h"
#include "store/gguf_rope.h"

enum kind { INTEGER, REAL, FLAG };

/* A member of config.json that stands in the metadata as "ARCH.key". */
struct member {
	const char *key, *json;
	enum kind kind;
	bool required;
};

/* Of most; the next ones are read beside it. */
static const struct member shape[] = {
    {"context_length", "max_position_embeddings", INTEGER, true},
    {"embedding_length", "hidden_size", INTEGER, true},
    {"block_count", "num_hidden_layers", INTEGER, true},
    {"feed_forward_length", "intermediate_size", INTEGER, true},
    {"attention.head_count", "num_attention_heads", INTEGER, true},
    {NULL, NULL, INTEGER, false},
};

static const struct member llama[] = {
    {"attention.head_count_kv", "num_key_value_heads", INTEGER, false},
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps", REAL, true},
    {NULL, NULL, INTEGER, false},
};

static const struct member window[] = {
    {"attention.sliding_window", "sliding_window", INTEGER, false},
    {"attn_logit_softcapping", "attn_logit_softcapping", REAL, false},
    {"final_logit_softcapping", "final_logit_softcapping", REAL, false},
    {NULL, NULL, INTEGER, false},
};

static const struct member experts[] = {
    {"expert_count", "num_local_experts", INTEGER, true},
    {"expert_used_count", "num_experts_per_tok", INTEGER, true},
    {NULL, NULL, INTEGER, false},
};

static const struct member qwen3moe[] = {
    {"expert_count", "num_experts", INTEGER, true},
    {"expert_used_count", "num_experts_per_tok", INTEGER, true},
    {"expert_feed_forward_length", "moe_intermediate_size", INTEGER, true},
    {NULL, NULL, INTEGER, false},
};

static const struct member granite[] = {
    {"attention.scale", "attention_multiplier", REAL, true},
    {"embedding_scale", "embedding_multiplier", REAL, true},
    {"residual_scale", "residual_multiplier", REAL, true},
    {"logit_scale", "logits_scaling", REAL, true},
    {NULL, NULL, INTEGER, false},
};

static const struct member cohere[] = {
    {"attention.head_count_kv", "num_key_value_heads", INTEGER, false},
    {"attention.layer_norm_epsilon", "layer_norm_eps", REAL, true},
    {"logit_scale", "logit_scale", REAL, true},
    {NULL, NULL, INTEGER, false},
};

static const struct member deepseek2[] = {
    {"attention.kv_lora_rank", "kv_lora_rank", INTEGER, true},
    {"attention.q_lora_rank", "q_lora_rank", INTEGER, false},
    {"rope.dimension_count", "qk_rope_head_dim", INTEGER, true},
    {"leading_dense_block_count", "first_k_dense_replace", INTEGER, true},
    {"expert_count", "n_routed_experts", INTEGER, true},
    {"expert_used_count", "num_experts_per_tok", INTEGER, true},
    {"expert_shared_count", "n_shared_experts", INTEGER, true},
    {"expert_feed_forward_length", "moe_intermediate_size", INTEGER, true},
    {"expert_weights_scale", "routed_scaling_factor", REAL, false},
    {"expert_group_count", "n_group", INTEGER, false},
    {"expert_group_used_count", "topk_group", INTEGER, false},
    {NULL, NULL, INTEGER, false},
};

static const struct member gpt2[] = {
    {"context_length", "n_positions", INTEGER, true},
    {"context_length", "n_ctx", INTEGER, true},
    {"embedding_length", "n_embd", INTEGER, true},
    {"block_count", "n_layer", INTEGER, true},
    {"feed_forward_length", "n_inner", INTEGER, true},
    {"attention.head_count", "n_head", INTEGER, true},
    {"attention.layer_norm_epsilon", "layer_norm_epsilon", REAL, true},
    {NULL, NULL, INTEGER, false},
};

static const struct member gptneox[] = {
    {"attention.layer_norm_epsilon", "layer_norm_eps", REAL, true},
    {"use_parallel_residual", "use_parallel_residual", FLAG, false},
    {NULL, NULL, INTEGER, false},
};

static const struct member mpt[] = {
    {"context_length", "max_seq_len", INTEGER, true},
    {"embedding_length", "d_model", INTEGER, true},
    {"block_count", "n_layers", INTEGER, true},
    {"attention.head_count", "n_heads", INTEGER, true},
    {"attention.layer_norm_epsilon", "layer_norm_epsilon", REAL, true},
    {NULL, NULL, INTEGER, false},
};

struct reader {
	const struct fc_gguf *g;
	const struct fc_gguf_family *f;
	json_t *o;
	struct fc_err *e;
};

static int read_member(const struct reader *r, const struct member *m)
{
	int64_t i;
	double d;
	bool b, there;
	struct fc_buf key = FC_BUF_INIT;
	fc_buf_addf(&key, "%s.%s", r->f->arch, m->key);
	there = fc_gguf_has(r->g, key.p);
	if (!there && m->required)
		fc_fail(r->e, "%s: key %s is missing", fc_gguf_path(r->g), key.p);
	fc_buf_release(&key);
	if (!there)
		return m->required ? -1 : 0;
	switch (m->kind) {
	case INTEGER:
		if (fc_gguf_arch_int(r->g, r->f, m->key, 0, &i, r->e) < 0)
			return -1;
		json_object_set_new(r->o, m->json, json_integer(i));
		return 0;
	case REAL:
		if (fc_gguf_arch_real(r->g, r->f, m->key, 0, &d, r->e) < 0)
			return -1;
		if (!isfinite(d))
			return fc_fail(r->e, "%s: key %s.%s is not finite", fc_gguf_path(r->g),
			    r->f->arch, m->key);
		json_object_set_new(r->o, m->json, json_real(fc_gguf_decimal(d)));
		return 0;
	case FLAG:
		break;
	}
	if (fc_gguf_arch_bool(r->g, r->f, m->key, false, &b, r->e) < 0)
		return -1;
	json_object_set_new(r->o, m->json, json_boolean(b));
	return 0;
}

static int read_members(const struct reader *r, const struct member *m)
{
	for (; m->key; m++)
		if (read_member(r, m) < 0)
			return -1;
	return 0;
}

static int read_shaped(const struct reader *r, const struct member *m)
{
	return read_members(r, shape) < 0 ? -1 : read_members(r, m);
}

static void set_text(const struct reader *r, const char *key, const char *value)
{
	json_object_set_new(r->o, key, json_string(value));
}

static void set_type(const struct reader *r, const char *model_type, const char *architecture)
{
	set_text(r, "model_type", model_type);
	json_object_set_new(r->o, "architectures", json_pack("[s]", architecture));
}

static double number(const struct reader *r, const char *key)
{
	return json_number_value(json_object_get(r->o, key));
}

/* The size of a head and how much of it rotates; hidden, heads: the members' names. */
static int read_heads(const struct reader *r, const char *hidden, const char *heads,
    int64_t *head_dim, int64_t *n_rot)
{
	int64_t value;
	const double n_head = number(r, heads);
	const int64_t whole = n_head >= 1 ? (int64_t)(number(r, hidden) / n_head) : 0;
	if (fc_gguf_arch_int(r->g, r->f, "attention.key_length", whole, head_dim, r->e) < 0 ||
	    fc_gguf_arch_int(r->g, r->f, "attention.value_length", *head_dim, &value, r->e) < 0 ||
	    fc_gguf_arch_int(r->g, r->f, "rope.dimension_count", *head_dim, n_rot, r->e) < 0)
		return -1;
	if (*head_dim < 1 || value != *head_dim)
		return fc_fail(r->e,
		    "%s: keys of %" PRId64 " and values of %" PRId64
		    " components a head are not supported",
		    fc_gguf_path(r->g), *head_dim, value);
	if (*n_rot < 1 || *n_rot > *head_dim)
		return fc_fail(r->e, "%s: %" PRId64 " of %" PRId64 " components of a head rotate",
		    fc_gguf_path(r->g), *n_rot, *head_dim);
	return 0;
}

static bool has_tensor(const struct reader *r, const char *name)
{
	return fc_gguf_tensor(r->g, name) != NULL;
}

static int read_theta(const struct reader *r, const char *name)
{
	double theta;
	if (fc_gguf_arch_real(r->g, r->f, "rope.freq_base", 10000, &theta, r->e) < 0)
		return -1;
	json_object_set_new(r->o, name, json_real(fc_gguf_decimal(theta)));
	return 0;
}

/* Mixtral is called llama too. */
static int read_experts(const struct reader *r)
{
	int64_t n;
	if (fc_gguf_arch_int(r->g, r->f, "expert_count", 0, &n, r->e) < 0)
		return -1;
	if (n == 0)
		return 0;
	if (!strcmp(r->f->arch, "qwen3moe")) {
		json_object_set_new(r->o, "norm_topk_prob", json_true());
		return read_members(r, qwen3moe);
	}
	if (strcmp(r->f->model_type, "llama"))
		return fc_fail(r->e, "%s: experts in a model of architecture %s are not supported",
		    fc_gguf_path(r->g), r->f->arch);
	set_type(r, "mixtral", "MixtralForCausalLM");
	json_object_set_new(r->o, "sliding_window", json_null());
	return read_members(r, experts);
}

static int read_llama(const struct reader *r)
{
	int64_t head_dim, n_rot;
	if (read_shaped(r, llama) < 0 ||
	    read_heads(r, "hidden_size", "num_attention_heads", &head_dim, &n_rot) < 0)
		return -1;
	json_object_set_new(r->o, "head_dim", json_integer(head_dim));
	if (n_rot != head_dim && strcmp(r->f->arch, "phi3") && strcmp(r->f->arch, "glm4"))
		return fc_fail(r->e,
		    "%s: %" PRId64 " of %" PRId64 " components of a head rotate, expected all",
		    fc_gguf_path(r->g), n_rot, head_dim);
	if (n_rot != head_dim)
		json_object_set_new(
		    r->o, "partial_rotary_factor", json_real((double)n_rot / (double)head_dim));
	if (read_theta(r, "rope_theta") < 0)
		return -1;
	set_text(r, "hidden_act", "silu");
	if (has_tensor(r, "blk.0.attn_output.bias"))
		json_object_set_new(r->o, "attention_bias", json_true());
	if (has_tensor(r, "blk.0.ffn_gate.bias"))
		json_object_set_new(r->o, "mlp_bias", json_true());
	if (!strcmp(r->f->arch, "phi3") && read_members(r, window) < 0)
		return -1;
	if (!strncmp(r->f->arch, "qwen", 4))
		json_object_set_new(r->o, "use_sliding_window", json_false());
	return read_experts(r);
}

/* The scale of the scores is in no key; llama.cpp knows the 27B models by their layers. */
static int read_gemma(const struct reader *r)
{
	const bool second = !strcmp(r->f->arch, "gemma2"), third = !strcmp(r->f->arch, "gemma3");
	double local;
	int64_t turn;
	if (read_llama(r) < 0)
		return -1;
	set_text(r, "hidden_act", "gelu_pytorch_tanh");
	set_text(r, "hidden_activation", "gelu_pytorch_tanh");
	if (!second && !third)
		return 0;
	const bool wide = number(r, "num_hidden_layers") == (second ? 46 : 62);
	const double scalar = wide ? number(r, "hidden_size") / number(r, "num_attention_heads")
				   : number(r, "head_dim");
	json_object_set_new(r->o, "query_pre_attn_scalar", json_integer((json_int_t)scalar));
	json_object_set_new(r->o, "attn_logit_softcapping", json_null());
	json_object_set_new(r->o, "final_logit_softcapping", json_null());
	if (read_members(r, window) < 0)
		return -1;
	if (!third)
		return 0;
	if (fc_gguf_arch_real(r->g, r->f, "rope.freq_base_swa", 10000, &local, r->e) < 0 ||
	    fc_gguf_arch_int(r->g, r->f, "attention.sliding_window_pattern", 6, &turn, r->e) < 0)
		return -1;
	json_object_set_new(r->o, "rope_local_base_freq", json_real(fc_gguf_decimal(local)));
	json_object_set_new(r->o, "sliding_window_pattern", json_integer(turn));
	return 0;
}

/* Scores, embeddings, what a part adds, and logits have factors; logits are divided by theirs. */
static int read_granite(const struct reader *r)
{
	return read_llama(r) < 0 ? -1 : read_members(r, granite);
}

/* The window, and which layers have it where the file says so. */
static int read_sliding(const struct reader *r, bool *slides)
{
	struct fc_gguf_array a = {.n = 0};
	struct fc_buf key = FC_BUF_INIT;
	int64_t size, flag;
	fc_buf_addf(&key, "%s.attention.sliding_window_pattern", r->f->arch);
	int ret = fc_gguf_arch_int(r->g, r->f, "attention.sliding_window", 0, &size, r->e);
	if (ret == 0 && size > 0 && fc_gguf_has(r->g, key.p))
		ret = fc_gguf_array(r->g, key.p, &a, r->e);
	fc_buf_release(&key);
	*slides = size > 0;
	if (ret < 0 || !*slides)
		return ret;
	json_object_set_new(r->o, "sliding_window", json_integer(size));
	json_t *types = a.n ? json_array() : NULL;
	while (fc_gguf_next_int(&a, &flag))
		json_array_append_new(
		    types, json_string(flag ? "sliding_attention" : "full_attention"));
	if (types)
		json_object_set_new(r->o, "layer_types", types);
	return 0;
}

/* OLMo 3 is called OLMo 2 with a window. */
static int read_olmo2(const struct reader *r)
{
	bool slides;
	if (read_llama(r) < 0 || read_sliding(r, &slides) < 0)
		return -1;
	if (slides)
		set_type(r, "olmo3", "Olmo3ForCausalLM");
	return 0;
}

static int read_cohere(const struct reader *r)
{
	int64_t head_dim, n_rot;
	bool slides;
	if (read_shaped(r, cohere) < 0 ||
	    read_heads(r, "hidden_size", "num_attention_heads", &head_dim, &n_rot) < 0 ||
	    read_theta(r, "rope_theta") < 0 || read_sliding(r, &slides) < 0)
		return -1;
	if (n_rot != head_dim)
		return fc_fail(r->e,
		    "%s: %" PRId64 " of %" PRId64 " components of a head rotate, expected all",
		    fc_gguf_path(r->g), n_rot, head_dim);
	json_object_set_new(r->o, "head_dim", json_integer(head_dim));
	json_object_set_new(
	    r->o, "attention_bias", json_boolean(has_tensor(r, "blk.0.attn_output.bias")));
	json_object_set_new(
	    r->o, "use_qk_norm", json_boolean(has_tensor(r, "blk.0.attn_q_norm.weight")));
	set_text(r, "hidden_act", "silu");
	return 0;
}

static int read_glm4(const struct reader *r)
{
	if (read_llama(r) < 0)
		return -1;
	json_object_set_new(
	    r->o, "attention_bias", json_boolean(has_tensor(r, "blk.0.attn_q.bias")));
	return 0;
}

/* Newer files call heads what attention over latents has, and say theirs in keys of their own. */
static int read_latent_heads(const struct reader *r)
{
	const int64_t n_rot = (int64_t)number(r, "qk_rope_head_dim");
	int64_t key, value;
	if (fc_gguf_arch_int(r->g, r->f, "attention.key_length", 0, &key, r->e) < 0 ||
	    fc_gguf_arch_int(r->g, r->f, "attention.value_length", 0, &value, r->e) < 0 ||
	    fc_gguf_arch_int(r->g, r->f, "attention.key_length_mla", key, &key, r->e) < 0 ||
	    fc_gguf_arch_int(r->g, r->f, "attention.value_length_mla", value, &value, r->e) < 0)
		return -1;
	if (n_rot < 1 || key <= n_rot || value < 1)
		return fc_fail(r->e,
		    "%s: heads of %" PRId64 " components of which %" PRId64
		    " rotate, with values of %" PRId64,
		    fc_gguf_path(r->g), key, n_rot, value);
	json_object_set_new(r->o, "qk_nope_head_dim", json_integer(key - n_rot));
	json_object_set_new(r->o, "v_head_dim", json_integer(value));
	return 0;
}

/* What the classes would have in the place of a missing key. */
static void set_missing(const struct reader *r)
{
	if (!json_object_get(r->o, "q_lora_rank"))
		json_object_set_new(r->o, "q_lora_rank", json_null());
	if (!json_object_get(r->o, "routed_scaling_factor"))
		json_object_set_new(r->o, "routed_scaling_factor", json_real(1));
	if (!json_object_get(r->o, "n_group")) {
		json_object_set_new(r->o, "n_group", json_integer(1));
		json_object_set_new(r->o, "topk_group", json_integer(1));
	}
}

/* DeepSeek-V2 and, with sigmoids, V3.  Files from before there were keys for groups have none:
 * their experts are chosen among all, as llama.cpp does. */
static int read_deepseek2(const struct reader *r)
{
	enum { SOFTMAX = 1, SIGMOID = 2 };
	int64_t gate;
	bool normalised;
	if (read_shaped(r, llama) < 0 || read_members(r, deepseek2) < 0 ||
	    read_latent_heads(r) < 0 || read_theta(r, "rope_theta") < 0 ||
	    fc_gguf_arch_int(r->g, r->f, "expert_gating_func", SOFTMAX, &gate, r->e) < 0 ||
	    fc_gguf_arch_bool(r->g, r->f, "expert_weights_norm", false, &normalised, r->e) < 0)
		return -1;
	if (gate != SOFTMAX && gate != SIGMOID)
		return fc_fail(r->e, "%s: key %s.expert_gating_func: %" PRId64 " is not supported",
		    fc_gguf_path(r->g), r->f->arch, gate);
	json_object_set(r->o, "num_key_value_heads", json_object_get(r->o, "num_attention_heads"));
	json_object_set_new(r->o, "norm_topk_prob", json_boolean(normalised));
	set_missing(r);
	set_text(r, "hidden_act", "silu");
	if (gate == SIGMOID)
		set_type(r, "deepseek_v3", "DeepseekV3ForCausalLM");
	else
		set_text(
		    r, "topk_method", number(r, "n_group") > 1 ? "group_limited_greedy" : "greedy");
	return 0;
}

static int read_gpt2(const struct reader *r)
{
	set_text(r, "activation_function", "gelu_new");
	return read_members(r, gpt2);
}

static int read_neox(const struct reader *r)
{
	int64_t head_dim, n_rot;
	if (read_shaped(r, gptneox) < 0 ||
	    read_heads(r, "hidden_size", "num_attention_heads", &head_dim, &n_rot) < 0)
		return -1;
	json_object_set_new(r->o, "rotary_pct", json_real((double)n_rot / (double)head_dim));
	set_text(r, "hidden_act", "gelu");
	json_object_set_new(
	    r->o, "attention_bias", json_boolean(has_tensor(r, "blk.0.attn_qkv.bias")));
	return read_theta(r, "rotary_emb_base");
}

static int read_mpt(const struct reader *r)
{
	double slope, clip;
	int64_t n_ff;
	if (read_members(r, mpt) < 0 ||
	    fc_gguf_arch_real(r->g, r->f, "attention.max_alibi_bias", 0, &slope, r->e) < 0 ||
	    fc_gguf_arch_real(r->g, r->f, "attention.clamp_kqv", 0, &clip, r->e) < 0 ||
	    fc_gguf_arch_int(r->g, r->f, "feed_forward_length", 0, &n_ff, r->e) < 0)
		return -1;
	const double ratio = (double)n_ff / fmax(1, number(r, "d_model"));
	if (ratio < 1 || ratio != floor(ratio))
		return fc_fail(r->e, "%s: a feed-forward width of %" PRId64 " in a model of %g",
		    fc_gguf_path(r->g), n_ff, number(r, "d_model"));
	json_t *attn = json_pack("{s:b, s:o}", "alibi", slope > 0, "clip_qkv",
	    clip > 0 ? json_real(fc_gguf_decimal(clip)) : json_null());
	if (slope > 0)
		json_object_set_new(attn, "alibi_bias_max", json_real(fc_gguf_decimal(slope)));
	json_object_set_new(r->o, "attn_config", attn);
	json_object_set_new(r->o, "expansion_ratio", json_integer((json_int_t)ratio));
	json_object_set_new(r->o, "no_bias", json_true());
	return 0;
}

static const struct {
	const char *arch, *architecture;
	int (*read)(const struct reader *r);
	bool rotary;
} families[] = {
    {"llama", "LlamaForCausalLM", read_llama, true},
    {"internlm2", "LlamaForCausalLM", read_llama, true},
    {"qwen2", "Qwen2ForCausalLM", read_llama, true},
    {"qwen3", "Qwen3ForCausalLM", read_llama, true},
    {"qwen3moe", "Qwen3MoeForCausalLM", read_llama, true},
    {"granite", "GraniteForCausalLM", read_granite, true},
    {"smollm3", "SmolLM3ForCausalLM", read_llama, true},
    {"olmo2", "Olmo2ForCausalLM", read_olmo2, true},
    {"command-r", "CohereForCausalLM", read_cohere, true},
    {"cohere2", "Cohere2ForCausalLM", read_cohere, true},
    {"glm4", "Glm4ForCausalLM", read_glm4, true},
    {"deepseek2", "DeepseekV2ForCausalLM", read_deepseek2, true},
    {"gemma", "GemmaForCausalLM", read_gemma, true},
    {"gemma2", "Gemma2ForCausalLM", read_gemma, true},
    {"gemma3", "Gemma3ForCausalLM", read_gemma, true},
    {"phi3", "Phi3ForCausalLM", read_llama, true},
    {"gpt2", "GPT2LMHeadModel", read_gpt2, false},
    {"gptneox", "GPTNeoXForCausalLM", read_neox, true},
    {"mpt", "MptForCausalLM", read_mpt, false},
};

/* What is alike in all: the vocabulary's size, tying, the type, special tokens. */
static int read_rest(const struct reader *r)
{
	static const struct {
		const char *key, *json;
	} ids[] = {{"tokenizer.ggml.bos_token_id", "bos_token_id"},
	    {"tokenizer.ggml.eos_token_id", "eos_token_id"},
	    {"tokenizer.ggml.padding_token_id", "pad_token_id"}};
	const struct fc_tensor *embed = fc_gguf_tensor(r->g, "token_embd.weight");
	if (!embed || embed->n_dim != 2)
		return fc_fail(r->e, "%s: tensor token_embd.weight is missing or no matrix",
		    fc_gguf_path(r->g));
	json_object_set_new(r->o, "vocab_size", json_integer(embed->dim[0]));
	json_object_set_new(r->o, "tie_word_embeddings", json_boolean(fc_gguf_tied(r->g)));
	set_text(r, "torch_dtype",
	    embed->dtype == FC_BF16      ? "bfloat16"
		: embed->dtype == FC_F16 ? "float16"
					 : "float32");
	for (size_t i = 0; i < FC_LEN(ids); i++) {
		int64_t id;
		if (fc_gguf_int(r->g, ids[i].key, -1, &id, r->e) < 0)
			return -1;
		if (id >= 0)
			json_object_set_new(r->o, ids[i].json, json_integer(id));
	}
	return 0;
}

json_t *fc_gguf_config(const struct fc_gguf *g, struct fc_err *e)
{
	struct reader r = {.g = g, .f = fc_gguf_family_of(g, e), .e = e};
	size_t i = 0;
	if (!r.f)
		return NULL;
	while (strcmp(families[i].arch, r.f->arch))
		i++;
	r.o = json_object();
	set_text(&r, "model_type", r.f->model_type);
	json_object_set_new(r.o, "architectures", json_pack("[s]", families[i].architecture));
	int ret = families[i].read(&r);
	if (ret == 0 && families[i].rotary)
		ret = fc_gguf_rope(g, r.f, r.o, e);
	if (ret == 0)
		ret = read_rest(&r);
	if (ret < 0) {
		json_decref(r.o);
		return NULL;
	}
	return r.o;
}
