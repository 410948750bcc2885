/* SPDX-License-Identifier: Apache-2.0 */
/* Architectures that are read as GGUF but not written: names and keys as llama.cpp's
 * convert_hf_to_gguf.py and gguf-py 0.19.0 (TENSOR_NAMES, Keys) have them. */
#include "base/mem.h"
#include "store/gguf_hf.h"
#include "store/gguf_names.h"
#include "t.h"

#include "gguf_build.h"
#include "store_files.h"

struct number {
	const char *key; /* after the architecture */
	double v;
	bool real;
};

static struct fc_err err;

/* The config of a file that has these numbers and an embedding [32, 8]; NULL with a message. */
static json_t *config_of(const char *arch, const struct number *v, size_t n)
{
	struct fc_buf b = FC_BUF_INIT;
	struct fc_gguf *g;
	put_header(&b, 3, 1, n + 1);
	put_kv_str(&b, "general.architecture", arch);
	for (size_t i = 0; i < n; i++) {
		struct fc_buf key = FC_BUF_INIT;
		fc_buf_addf(&key, "%s.%s", arch, v[i].key);
		if (v[i].real)
			put_kv_f32(&b, key.p, (float)v[i].v);
		else
			put_kv_u32(&b, key.p, (uint32_t)v[i].v);
		fc_buf_release(&key);
	}
	put_tensor(&b, "token_embd.weight", 2, (const uint64_t[]){8, 32}, 0, 0);
	put_align(&b, 32);
	put_counting(&b, 8 * 32 * 4);
	write_file("x.gguf", b.p, b.n);
	fc_buf_release(&b);
	json_t *o = NULL;
	if (fc_gguf_open(&g, scratch_path("x.gguf"), &err) == 0)
		o = fc_gguf_config(g, &err);
	fc_gguf_close(g);
	return o;
}

static double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

#define SIZES                                                                                      \
	{"context_length", 64, false}, {"embedding_length", 8, false}, {"block_count", 2, false},  \
	    {"feed_forward_length", 12, false}, {"attention.head_count", 2, false},                \
	    {"attention.head_count_kv", 1, false},                                                 \
	    {"attention.layer_norm_rms_epsilon", 1e-6, true},                                      \
	{                                                                                          \
		"rope.freq_base", 1e6, true                                                        \
	}

static void test_configs(void)
{
	static const struct number qwen3moe[] = {SIZES, {"expert_count", 4, false},
	    {"expert_used_count", 2, false}, {"expert_feed_forward_length", 5, false}};
	static const struct number granite[] = {SIZES, {"attention.scale", 0.015625, true},
	    {"embedding_scale", 12, true}, {"residual_scale", 0.22, true},
	    {"logit_scale", 8, true}};
	static const struct number smollm3[] = {SIZES};
	json_t *o = config_of("qwen3moe", qwen3moe, FC_LEN(qwen3moe));
	T_OK(o && !strcmp(json_string_value(json_object_get(o, "model_type")), "qwen3_moe") &&
		number(o, "num_experts") == 4 && number(o, "num_experts_per_tok") == 2 &&
		number(o, "moe_intermediate_size") == 5 &&
		json_is_true(json_object_get(o, "norm_topk_prob")) &&
		json_is_true(json_object_get(o, "tie_word_embeddings")),
	    "qwen3moe: experts %s", err.msg);
	json_decref(o);
	o = config_of("qwen3moe", qwen3moe, FC_LEN(qwen3moe) - 1);
	T_OK(!o && strstr(err.msg, "qwen3moe.expert_feed_forward_length is missing"),
	    "qwen3moe: without an expert's width: %s", err.msg);
	o = config_of("granite", granite, FC_LEN(granite));
	T_OK(o && number(o, "attention_multiplier") == 0.015625 &&
		number(o, "embedding_multiplier") == 12 &&
		number(o, "residual_multiplier") == 0.22 && number(o, "logits_scaling") == 8,
	    "granite: factors %s", err.msg);
	json_decref(o);
	o = config_of("granite", granite, FC_LEN(granite) - 4);
	T_OK(!o && strstr(err.msg, "granite.attention.scale is missing"),
	    "granite: without factors: %s", err.msg);
	o = config_of("smollm3", smollm3, FC_LEN(smollm3));
	T_OK(o && number(o, "rope_theta") == 1e6 && number(o, "num_key_value_heads") == 1,
	    "smollm3: as llama %s", err.msg);
	json_decref(o);
}

/* What no golden model has (model_gguf.c opens the others). */
static void test_refused(void)
{
	static const struct number deepseek2[] = {SIZES, {"attention.kv_lora_rank", 4, false},
	    {"rope.dimension_count", 4, false}, {"leading_dense_block_count", 1, false},
	    {"expert_count", 4, false}, {"expert_used_count", 2, false},
	    {"expert_shared_count", 1, false}, {"expert_feed_forward_length", 5, false},
	    {"attention.key_length", 4, false}, {"attention.value_length", 4, false}};
	static const struct number gated[] = {SIZES, {"attention.kv_lora_rank", 4, false},
	    {"rope.dimension_count", 4, false}, {"leading_dense_block_count", 1, false},
	    {"expert_count", 4, false}, {"expert_used_count", 2, false},
	    {"expert_shared_count", 1, false}, {"expert_feed_forward_length", 5, false},
	    {"attention.key_length", 8, false}, {"attention.value_length", 4, false},
	    {"expert_gating_func", 3, false}};
	static const struct number cohere2[] = {{"context_length", 64, false},
	    {"embedding_length", 8, false}, {"block_count", 2, false},
	    {"feed_forward_length", 12, false}, {"attention.head_count", 2, false},
	    {"attention.layer_norm_epsilon", 1e-5, true}, {"logit_scale", 0.25, true},
	    {"attention.sliding_window", 7, false}, {"rope.dimension_count", 2, false}};
	json_t *o = config_of("deepseek2", deepseek2, FC_LEN(deepseek2));
	T_OK(!o && strstr(err.msg, "heads of 4 components of which 4 rotate"),
	    "deepseek2: nothing but rotation: %s", err.msg);
	o = config_of("deepseek2", gated, FC_LEN(gated));
	T_OK(
	    !o && strstr(err.msg, "expert_gating_func: 3"), "deepseek2: another gate: %s", err.msg);
	o = config_of("deepseek2", gated, FC_LEN(gated) - 1);
	T_OK(o && number(o, "qk_nope_head_dim") == 4 && number(o, "routed_scaling_factor") == 1 &&
		number(o, "n_group") == 1 && json_is_null(json_object_get(o, "q_lora_rank")) &&
		!strcmp(json_string_value(json_object_get(o, "topk_method")), "greedy"),
	    "deepseek2: what an old file leaves out %s", err.msg);
	json_decref(o);
	o = config_of("cohere2", cohere2, FC_LEN(cohere2));
	T_OK(!o && strstr(err.msg, "2 of 4 components of a head rotate"),
	    "cohere2: heads of which a part rotates: %s", err.msg);
	o = config_of("cohere2", cohere2, FC_LEN(cohere2) - 1);
	T_OK(o && number(o, "sliding_window") == 7 && number(o, "logit_scale") == 0.25 &&
		number(o, "layer_norm_eps") == 1e-5,
	    "cohere2: read %s", err.msg);
	json_decref(o);
}

static void test_names(void)
{
	static const struct {
		const char *arch, *gguf, *hf;
		enum fc_gguf_change change;
	} names[] = {{"qwen3moe", "blk.1.ffn_gate_inp.weight", "model.layers.1.mlp.gate.weight",
			 FC_GGUF_WIDE},
	    {"qwen3moe", "blk.1.ffn_gate_exps.weight",
		"model.layers.1.mlp.experts.@.gate_proj.weight", FC_GGUF_EXPERTS},
	    {"qwen3moe", "blk.1.ffn_up_exps.weight", "model.layers.1.mlp.experts.@.up_proj.weight",
		FC_GGUF_EXPERTS},
	    {"qwen3moe", "blk.1.ffn_down_exps.weight",
		"model.layers.1.mlp.experts.@.down_proj.weight", FC_GGUF_EXPERTS},
	    {"qwen3moe", "blk.1.attn_q_norm.weight", "model.layers.1.self_attn.q_norm.weight",
		FC_GGUF_AS_IS},
	    {"qwen3moe", "blk.1.attn_q.weight", "model.layers.1.self_attn.q_proj.weight",
		FC_GGUF_AS_IS},
	    {"granite", "blk.0.attn_q.weight", "model.layers.0.self_attn.q_proj.weight",
		FC_GGUF_PAIRS_Q},
	    {"granite", "blk.0.attn_k.weight", "model.layers.0.self_attn.k_proj.weight",
		FC_GGUF_PAIRS_K},
	    {"smollm3", "blk.0.attn_k.weight", "model.layers.0.self_attn.k_proj.weight",
		FC_GGUF_PAIRS_K},
	    {"smollm3", "blk.0.ffn_norm.weight", "model.layers.0.post_attention_layernorm.weight",
		FC_GGUF_AS_IS}};
	for (size_t i = 0; i < FC_LEN(names); i++) {
		struct fc_buf hf = FC_BUF_INIT;
		const struct fc_gguf_rule *r =
		    fc_gguf_name_in(fc_gguf_family(names[i].arch), names[i].gguf, &hf);
		T_OK(r && r->change == names[i].change && !strcmp(hf.p, names[i].hf),
		    "%s: %s is %s", names[i].arch, names[i].gguf, names[i].hf);
		fc_buf_release(&hf);
	}
}

int main(void)
{
	scratch_make();
	test_configs();
	test_refused();
	test_names();
	scratch_remove();
	return t_done();
}
