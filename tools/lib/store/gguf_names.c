/* SPDX-License-Identifier: Apache-2.0 */
#include "store/gguf_names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define ENDS                                                                                       \
	{"token_embd", "model.embed_tokens", FC_GGUF_AS_IS},                                       \
	{                                                                                          \
		"output", "lm_head", FC_GGUF_AS_IS                                                 \
	}
#define FEED_FORWARD                                                                               \
	{"#.ffn_gate", "#.mlp.gate_proj", FC_GGUF_AS_IS},                                          \
	    {"#.ffn_up", "#.mlp.up_proj", FC_GGUF_AS_IS},                                          \
	{                                                                                          \
		"#.ffn_down", "#.mlp.down_proj", FC_GGUF_AS_IS                                     \
	}
#define VALUE_AND_OUTPUT                                                                           \
	{"#.attn_v", "#.self_attn.v_proj", FC_GGUF_AS_IS},                                         \
	{                                                                                          \
		"#.attn_output", "#.self_attn.o_proj", FC_GGUF_AS_IS                               \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, FC_GGUF_AS_IS                                                          \
	}

static const struct fc_gguf_rule pairs[] = {
    {"#.attn_q", "#.self_attn.q_proj", FC_GGUF_PAIRS_Q},
    {"#.attn_k", "#.self_attn.k_proj", FC_GGUF_PAIRS_K},
    {"rope_freqs", NULL, FC_GGUF_CONFIG},
    END,
};

static const struct fc_gguf_rule llama[] = {
    ENDS,
    {"output_norm", "model.norm", FC_GGUF_AS_IS},
    {"#.attn_norm", "#.input_layernorm", FC_GGUF_AS_IS},
    {"#.attn_q", "#.self_attn.q_proj", FC_GGUF_AS_IS},
    {"#.attn_k", "#.self_attn.k_proj", FC_GGUF_AS_IS},
    VALUE_AND_OUTPUT,
    {"#.attn_q_norm", "#.self_attn.q_norm", FC_GGUF_AS_IS},
    {"#.attn_k_norm", "#.self_attn.k_norm", FC_GGUF_AS_IS},
    {"#.ffn_norm", "#.post_attention_layernorm", FC_GGUF_AS_IS},
    FEED_FORWARD,
    {"#.ffn_gate_inp", "#.block_sparse_moe.gate", FC_GGUF_WIDE},
    {"#.ffn_gate_exps", "#.block_sparse_moe.experts.@.w1", FC_GGUF_EXPERTS},
    {"#.ffn_up_exps", "#.block_sparse_moe.experts.@.w3", FC_GGUF_EXPERTS},
    {"#.ffn_down_exps", "#.block_sparse_moe.experts.@.w2", FC_GGUF_EXPERTS},
    END,
};

static const struct fc_gguf_rule qwen3moe[] = {
    {"#.ffn_gate_inp", "#.mlp.gate", FC_GGUF_WIDE},
    {"#.ffn_gate_exps", "#.mlp.experts.@.gate_proj", FC_GGUF_EXPERTS},
    {"#.ffn_up_exps", "#.mlp.experts.@.up_proj", FC_GGUF_EXPERTS},
    {"#.ffn_down_exps", "#.mlp.experts.@.down_proj", FC_GGUF_EXPERTS},
    END,
};

/* The bias of DeepSeek-V3's choice, and of the one matrix that makes keys and values of a latent
 * what newer files have: keys transposed by heads, and values, which go with them. */
static const struct fc_gguf_rule deepseek2[] = {
    {"#.attn_q_a", "#.self_attn.q_a_proj", FC_GGUF_AS_IS},
    {"#.attn_q_a_norm", "#.self_attn.q_a_layernorm", FC_GGUF_AS_IS},
    {"#.attn_q_b", "#.self_attn.q_b_proj", FC_GGUF_AS_IS},
    {"#.attn_kv_a_mqa", "#.self_attn.kv_a_proj_with_mqa", FC_GGUF_AS_IS},
    {"#.attn_kv_a_norm", "#.self_attn.kv_a_layernorm", FC_GGUF_AS_IS},
    {"#.attn_kv_b", "#.self_attn.kv_b_proj", FC_GGUF_AS_IS},
    {"#.attn_k_b", "#.self_attn.kv_b_proj", FC_GGUF_LATENT},
    {"#.attn_v_b", NULL, FC_GGUF_CONFIG},
    {"#.ffn_gate_inp", "#.mlp.gate", FC_GGUF_WIDE},
    {"#.exp_probs_b", "#.mlp.gate.e_score_correction_bias", FC_GGUF_WHOLE_NAME},
    {"#.ffn_gate_exps", "#.mlp.experts.@.gate_proj", FC_GGUF_EXPERTS},
    {"#.ffn_up_exps", "#.mlp.experts.@.up_proj", FC_GGUF_EXPERTS},
    {"#.ffn_down_exps", "#.mlp.experts.@.down_proj", FC_GGUF_EXPERTS},
    {"#.ffn_gate_shexp", "#.mlp.shared_experts.gate_proj", FC_GGUF_AS_IS},
    {"#.ffn_up_shexp", "#.mlp.shared_experts.up_proj", FC_GGUF_AS_IS},
    {"#.ffn_down_shexp", "#.mlp.shared_experts.down_proj", FC_GGUF_AS_IS},
    END,
};

static const struct fc_gguf_rule olmo2[] = {
    {"#.post_attention_norm", "#.post_attention_layernorm", FC_GGUF_AS_IS},
    {"#.post_ffw_norm", "#.post_feedforward_layernorm", FC_GGUF_AS_IS},
    END,
};

static const struct fc_gguf_rule glm4[] = {
    {"#.post_attention_norm", "#.post_self_attn_layernorm", FC_GGUF_AS_IS},
    {"#.ffn_up", "#.mlp.gate_up_proj", FC_GGUF_AS_IS},
    {"#.post_ffw_norm", "#.post_mlp_layernorm", FC_GGUF_AS_IS},
    END,
};

static const struct fc_gguf_rule gemma[] = {
    {"output_norm", "model.norm", FC_GGUF_PLUS_ONE},
    {"#.attn_norm", "#.input_layernorm", FC_GGUF_PLUS_ONE},
    {"#.ffn_norm", "#.post_attention_layernorm", FC_GGUF_PLUS_ONE},
    END,
};

static const struct fc_gguf_rule gemma2[] = {
    {"output_norm", "model.norm", FC_GGUF_PLUS_ONE},
    {"#.attn_norm", "#.input_layernorm", FC_GGUF_PLUS_ONE},
    {"#.post_attention_norm", "#.post_attention_layernorm", FC_GGUF_PLUS_ONE},
    {"#.ffn_norm", "#.pre_feedforward_layernorm", FC_GGUF_PLUS_ONE},
    {"#.post_ffw_norm", "#.post_feedforward_layernorm", FC_GGUF_PLUS_ONE},
    {"#.attn_q_norm", "#.self_attn.q_norm", FC_GGUF_PLUS_ONE},
    {"#.attn_k_norm", "#.self_attn.k_norm", FC_GGUF_PLUS_ONE},
    END,
};

static const struct fc_gguf_rule phi3[] = {
    ENDS,
    {"output_norm", "model.norm", FC_GGUF_AS_IS},
    {"#.attn_norm", "#.input_layernorm", FC_GGUF_AS_IS},
    {"#.attn_qkv", "#.self_attn.qkv_proj", FC_GGUF_AS_IS},
    {"#.attn_output", "#.self_attn.o_proj", FC_GGUF_AS_IS},
    {"#.ffn_norm", "#.post_attention_layernorm", FC_GGUF_AS_IS},
    {"#.ffn_up", "#.mlp.gate_up_proj", FC_GGUF_AS_IS},
    {"#.ffn_down", "#.mlp.down_proj", FC_GGUF_AS_IS},
    {"rope_factors_long", NULL, FC_GGUF_CONFIG},
    {"rope_factors_short", NULL, FC_GGUF_CONFIG},
    END,
};

static const struct fc_gguf_rule gpt2[] = {
    {"token_embd", "transformer.wte", FC_GGUF_AS_IS},
    {"position_embd", "transformer.wpe", FC_GGUF_WIDE},
    {"output_norm", "transformer.ln_f", FC_GGUF_AS_IS},
    {"output", "lm_head", FC_GGUF_AS_IS},
    {"#.attn_norm", "#.ln_1", FC_GGUF_AS_IS},
    {"#.attn_qkv", "#.attn.c_attn", FC_GGUF_TRANSPOSED},
    {"#.attn_output", "#.attn.c_proj", FC_GGUF_TRANSPOSED},
    {"#.ffn_norm", "#.ln_2", FC_GGUF_AS_IS},
    {"#.ffn_up", "#.mlp.c_fc", FC_GGUF_TRANSPOSED},
    {"#.ffn_down", "#.mlp.c_proj", FC_GGUF_TRANSPOSED},
    END,
};

static const struct fc_gguf_rule gptneox[] = {
    {"token_embd", "gpt_neox.embed_in", FC_GGUF_AS_IS},
    {"output_norm", "gpt_neox.final_layer_norm", FC_GGUF_AS_IS},
    {"output", "embed_out", FC_GGUF_AS_IS},
    {"#.attn_norm", "#.input_layernorm", FC_GGUF_AS_IS},
    {"#.attn_qkv", "#.attention.query_key_value", FC_GGUF_QKV},
    {"#.attn_output", "#.attention.dense", FC_GGUF_AS_IS},
    {"#.ffn_norm", "#.post_attention_layernorm", FC_GGUF_AS_IS},
    {"#.ffn_up", "#.mlp.dense_h_to_4h", FC_GGUF_AS_IS},
    {"#.ffn_down", "#.mlp.dense_4h_to_h", FC_GGUF_AS_IS},
    END,
};

static const struct fc_gguf_rule mpt[] = {
    {"token_embd", "transformer.wte", FC_GGUF_AS_IS},
    {"output_norm", "transformer.norm_f", FC_GGUF_AS_IS},
    {"output", "lm_head", FC_GGUF_AS_IS},
    {"#.attn_norm", "#.norm_1", FC_GGUF_AS_IS},
    {"#.attn_qkv", "#.attn.Wqkv", FC_GGUF_AS_IS},
    {"#.attn_output", "#.attn.out_proj", FC_GGUF_AS_IS},
    {"#.ffn_norm", "#.norm_2", FC_GGUF_AS_IS},
    {"#.ffn_up", "#.ffn.up_proj", FC_GGUF_AS_IS},
    {"#.ffn_down", "#.ffn.down_proj", FC_GGUF_AS_IS},
    END,
};

/* A file of InternLM2 has the tensors of its makers' conversion to Llama. */
static const struct fc_gguf_family families[] = {
    {"llama", "llama", "model.layers.", {pairs, llama}},
    {"internlm2", "llama", "model.layers.", {pairs, llama}},
    {"qwen2", "qwen2", "model.layers.", {llama}},
    {"qwen3", "qwen3", "model.layers.", {llama}},
    {"qwen3moe", "qwen3_moe", "model.layers.", {qwen3moe, llama}},
    {"granite", "granite", "model.layers.", {pairs, llama}},
    {"smollm3", "smollm3", "model.layers.", {pairs, llama}},
    {"olmo2", "olmo2", "model.layers.", {olmo2, llama}},
    {"command-r", "cohere", "model.layers.", {llama}},
    {"cohere2", "cohere2", "model.layers.", {llama}},
    {"glm4", "glm4", "model.layers.", {glm4, llama}},
    {"deepseek2", "deepseek_v2", "model.layers.", {deepseek2, llama}},
    {"gemma", "gemma", "model.layers.", {gemma, llama}},
    {"gemma2", "gemma2", "model.layers.", {gemma2, llama}},
    {"gemma3", "gemma3_text", "model.layers.", {gemma2, llama}},
    {"phi3", "phi3", "model.layers.", {phi3}},
    {"gpt2", "gpt2", "transformer.h.", {gpt2}},
    {"gptneox", "gpt_neox", "gpt_neox.layers.", {gptneox}},
    {"mpt", "mpt", "transformer.blocks.", {mpt}},
};

const struct fc_gguf_family *fc_gguf_family(const char *arch)
{
	for (size_t i = 0; i < FC_LEN(families); i++)
		if (!strcmp(arch, families[i].arch))
			return &families[i];
	return NULL;
}

void fc_gguf_family_names(struct fc_buf *buf)
{
	for (size_t i = 0; i < FC_LEN(families); i++)
		fc_buf_addf(buf, "%s%s", i ? ", " : "", families[i].arch);
}

/* The digits of a number without leading zeros at s; 0: none. */
static size_t number_at(const char *s)
{
	size_t n = 0;
	while (isdigit((unsigned char)s[n]))
		n++;
	return n > 9 || (n > 1 && *s == '0') ? 0 : n;
}

/* name is pattern: "#" a layer's prefix and number, "@" a number.  On success *rest is what follows
 * in name, and the numbers begin at *layer and *expert. */
static bool fits(const char *name, const char *pattern, const char *prefix, const char **rest,
    const char **layer, const char **expert)
{
	for (; *pattern; pattern++) {
		size_t n = 1;
		if (*pattern == '#') {
			const size_t k = strlen(prefix);
			if (strncmp(name, prefix, k) || !(n = number_at(name + k)))
				return false;
			*layer = name + k;
			n += k;
		} else if (*pattern == '@') {
			if (!(n = number_at(name)))
				return false;
			*expert = name;
		} else if (*name != *pattern) {
			return false;
		}
		name += n;
	}
	*rest = name;
	return *name == '.';
}

static void expand(struct fc_buf *to, const char *pattern, const char *prefix, const char *layer)
{
	for (; *pattern; pattern++) {
		if (*pattern == '#') {
			fc_buf_adds(to, prefix);
			fc_buf_add(to, layer, number_at(layer));
		} else {
			fc_buf_addc(to, *pattern);
		}
	}
}

static bool is_suffix(const char *s)
{
	return !strcmp(s, ".weight") || !strcmp(s, ".bias");
}

const struct fc_gguf_rule *fc_gguf_name_in(
    const struct fc_gguf_family *f, const char *gguf, struct fc_buf *hf)
{
	const char *rest, *layer = "", *expert;
	for (size_t i = 0; i < FC_LEN(f->rules) && f->rules[i]; i++)
		for (const struct fc_gguf_rule *r = f->rules[i]; r->gguf; r++) {
			if (!fits(gguf, r->gguf, "blk.", &rest, &layer, &expert) ||
			    !is_suffix(rest))
				continue;
			if (r->hf) {
				expand(hf, r->hf, f->layer, layer);
				if (r->change != FC_GGUF_WHOLE_NAME)
					fc_buf_adds(hf, rest);
			}
			return r;
		}
	return NULL;
}

const struct fc_gguf_rule *fc_gguf_name_out(
    const struct fc_gguf_family *f, const char *hf, struct fc_buf *gguf, size_t *expert)
{
	const char *rest, *layer = "", *number = NULL;
	for (size_t i = 0; i < FC_LEN(f->rules) && f->rules[i]; i++)
		for (const struct fc_gguf_rule *r = f->rules[i]; r->gguf; r++) {
			if (!r->hf || !fits(hf, r->hf, f->layer, &rest, &layer, &number) ||
			    !is_suffix(rest))
				continue;
			expand(gguf, r->gguf, "blk.", layer);
			fc_buf_adds(gguf, rest);
			*expert = number ? strtoul(number, NULL, 10) : 0;
			return r;
		}
	return NULL;
}
