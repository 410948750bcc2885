/* SPDX-License-Identifier: Apache-2.0 */
/* config.json as the makers of the families beyond Llama publish it: their keys, their defaults,
 * what they mean, and what is refused. */
#include "base/mem.h"
#include "model/family.h"
#include "t.h"

static struct fc_err err;

static int read_text(struct fc_config *c, const char *text)
{
	json_t *o = json_loads(text, 0, NULL);
	err.msg[0] = 0;
	int ret = o ? fc_config_read(c, o, "x.json", &err) : -1;
	json_decref(o);
	return ret;
}

#define LLAMA                                                                                      \
	"\"vocab_size\": 100, \"hidden_size\": 48, \"intermediate_size\": 64, "                    \
	"\"num_hidden_layers\": 4, \"num_attention_heads\": 6"

#define DEEPSEEK ", \"moe_intermediate_size\": 8"

static void test_phi3(void)
{
	struct fc_config c;
	T_OK(read_text(&c,
		 "{\"model_type\": \"phi3\", " LLAMA ", \"max_position_embeddings\": 131072, "
		 "\"original_max_position_embeddings\": 4096, \"sliding_window\": 262144, "
		 "\"rope_scaling\": {\"type\": \"su\", \"short_factor\": [1, 1, 1, 2], "
		 "\"long_factor\": [1, 2, 3, 4]}}") == 0,
	    "phi3: \"su\" %s", err.msg);
	T_OK(c.rope.scaling == FC_ROPE_LONGROPE && c.rope.long_by[3] == 4 &&
		c.rope.short_by[3] == 2 && c.rope.n_ctx_before == 4096,
	    "phi3: factors by length");
	/* sqrt(1 + ln 32 / ln 4096) */
	T_NEAR(c.rope.attention_factor, 1.190238, 1e-6, "phi3: the published attention factor");
	T_OK(c.qkv == FC_QKV_STACKED && c.gate_up && c.window == 262144 && !c.tied &&
		c.norm_eps == 1e-5f,
	    "phi3: fused, a window in every layer");
	float freq[4];
	struct fc_rope r = fc_ropespec_rope(&c.rope, 4096, freq);
	T_OK(freq[0] == 1 && t_near((double)freq[3], 1e-3 / 2, 1e-6), "phi3: short");
	r = fc_ropespec_rope(&c.rope, 4097, freq);
	T_OK(t_near((double)freq[3], 1e-3 / 4, 1e-6) && t_near((double)r.scale, 1.190238, 1e-6),
	    "phi3: long");
	T_OK(fc_ropespec_same(&c.rope, 1, 4096) && !fc_ropespec_same(&c.rope, 4096, 4097) &&
		fc_ropespec_same(&c.rope, 4097, 99999),
	    "phi3: the change");
	fc_config_release(&c);
	T_OK(read_text(&c,
		 "{\"model_type\": \"phi3\", " LLAMA ", \"partial_rotary_factor\": 0.5}") == 0 &&
		c.rope.n_rot == 4 && !c.window && c.rope.scaling == FC_ROPE_PLAIN,
	    "phi3: half a head rotates");
	fc_config_release(&c);
}

static void test_internlm2(void)
{
	struct fc_config c;
	T_OK(read_text(&c,
		 "{\"model_type\": \"internlm2\", " LLAMA
		 ", \"num_key_value_heads\": 2, \"bias\": false, \"rope_theta\": 1000000, "
		 "\"attn_implementation\": \"eager\", \"max_position_embeddings\": 32768, "
		 "\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2.0}}") == 0,
	    "internlm2: opens %s", err.msg);
	T_OK(c.qkv == FC_QKV_GROUPED && !c.qkv_bias && !c.o_bias &&
		c.rope.scaling == FC_ROPE_DYNAMIC,
	    "internlm2: grouped projections without bias, dynamic scaling");
	T_OK(fc_ropespec_same(&c.rope, 1, 32768) && !fc_ropespec_same(&c.rope, 1, 32769) &&
		!fc_ropespec_same(&c.rope, 40000, 40001),
	    "internlm2: every token beyond the context changes the scaling");
	float freq[4];
	fc_ropespec_rope(&c.rope, 65536, freq);
	/* base * (2 * 65536 / 32768 - 1)^(8 / 6) */
	T_NEAR((double)freq[1], pow(1e6 * pow(3, 8.0 / 6), -0.25), 1e-6,
	    "internlm2: twice the context");
	fc_config_release(&c);
}

static void test_gemma(void)
{
	struct fc_config c;
	T_OK(read_text(&c,
		 "{\"model_type\": \"gemma2\", " LLAMA
		 ", \"num_key_value_heads\": 2, \"head_dim\": 16, "
		 "\"hidden_act\": \"gelu_pytorch_tanh\", \"query_pre_attn_scalar\": 144, "
		 "\"sliding_window\": 9}") == 0,
	    "gemma2: opens %s", err.msg);
	T_OK(c.attn_softcap == 50 && c.logit_softcap == 30 && c.query_scale == 144 && c.tied &&
		c.post_norm && c.norm_plus_one && c.act == FC_ACT_GELU_TANH,
	    "gemma2: caps and norms");
	T_OK(c.layer_window[0] == 9 && c.layer_window[1] == 0 && c.layer_window[2] == 9,
	    "gemma2: every other layer slides");
	fc_config_release(&c);
	T_OK(read_text(&c,
		 "{\"model_type\": \"gemma3\", \"torch_dtype\": \"bfloat16\", \"text_config\": {"
		 "\"model_type\": \"gemma3_text\", \"hidden_size\": 2560, "
		 "\"intermediate_size\": 10240, \"num_hidden_layers\": 34, "
		 "\"sliding_window\": 1024, \"rope_scaling\": {\"factor\": 8.0, "
		 "\"rope_type\": \"linear\"}}, \"vision_config\": {}}") == 0,
	    "gemma3: 4B as published %s", err.msg);
	T_OK(c.text_part && c.n_head == 8 && c.n_head_kv == 4 && c.head_dim == 256 &&
		c.n_vocab == 262208 && c.n_ctx == 131072,
	    "gemma3: sizes that its config.json leaves to the class");
	T_OK(c.dtype == FC_BF16 && c.embed_scale == 50.5f, "gemma3: sqrt(2560) in bfloat16");
	T_OK(c.rope.theta == 1e6 && c.rope.scaling == FC_ROPE_LINEAR &&
		c.rope_sliding.theta == 1e4 && c.rope_sliding.scaling == FC_ROPE_PLAIN &&
		c.two_ropes,
	    "gemma3: two rotary bases, one of them scaled");
	T_OK(c.layer_window[4] == 1024 && c.layer_window[5] == 0 && c.layer_window[6] == 1024,
	    "gemma3: every sixth layer sees everything");
	T_OK(!c.attn_softcap && !c.logit_softcap && c.qk_norm, "gemma3: no caps, norms of heads");
	fc_config_release(&c);
	T_OK(read_text(&c,
		 "{\"model_type\": \"gemma3_text\", " LLAMA
		 ", \"num_key_value_heads\": 2, \"_sliding_window_pattern\": 6, "
		 "\"rope_local_base_freq\": 500, \"rope_theta\": 7000, "
		 "\"final_logit_softcapping\": 5, "
		 "\"layer_types\": [\"full_attention\", \"sliding_attention\", \"full_attention\", "
		 "\"sliding_attention\"]}") == 0 &&
		c.rope_sliding.theta == 500 && c.rope.theta == 7000 && c.logit_softcap == 5 &&
		!c.layer_window[0] && c.layer_window[1] == 4096,
	    "gemma3: layer_types and bases of its own %s", err.msg);
	fc_config_release(&c);
}

/* The published config.json of DeepSeek-V2-Lite, V3 and Kimi K2, of what decides shapes and
 * results. */
static void test_deepseek(void)
{
	struct fc_config c;
	T_OK(read_text(&c,
		 "{\"model_type\": \"deepseek_v2\", \"vocab_size\": 102400, \"hidden_size\": 2048, "
		 "\"intermediate_size\": 10944, \"num_hidden_layers\": 27, "
		 "\"num_attention_heads\": 16, \"num_key_value_heads\": 16, "
		 "\"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, \"q_lora_rank\": null, "
		 "\"moe_intermediate_size\": 1408, \"n_group\": 1, \"n_routed_experts\": 64, "
		 "\"n_shared_experts\": 2, \"norm_topk_prob\": false, \"num_experts_per_tok\": 6, "
		 "\"qk_nope_head_dim\": 128, \"qk_rope_head_dim\": 64, \"v_head_dim\": 128, "
		 "\"max_position_embeddings\": 163840, \"rms_norm_eps\": 1e-06, "
		 "\"rope_scaling\": {\"beta_fast\": 32, \"beta_slow\": 1, \"factor\": 40, "
		 "\"mscale\": 0.707, \"mscale_all_dim\": 0.707, "
		 "\"original_max_position_embeddings\": 4096, \"type\": \"yarn\"}, "
		 "\"routed_scaling_factor\": 1.0, \"scoring_func\": \"softmax\", "
		 "\"topk_group\": 1, \"topk_method\": \"greedy\", \"moe_layer_freq\": 1, "
		 "\"attention_bias\": false}") == 0,
	    "deepseek_v2: the Lite as published %s", err.msg);
	T_OK(c.head_dim == 192 && c.head_rotary == 64 && c.rope.n_rot == 64 &&
		c.head_value == 128 && c.n_latent == 512 && !c.latent_q && c.rope.interleaved,
	    "deepseek_v2: heads and latents");
	T_OK(c.n_ff == 1408 && c.n_ff_dense == 10944 && c.n_ff_shared == 2816 && c.n_dense == 1 &&
		c.n_expert == 64 && c.n_expert_used == 6 && !c.router.n_group && !c.choice_bias &&
		c.router.score == FC_ROUTER_SOFTMAX && !c.router.normalised,
	    "deepseek_v2: experts");
	/* 192^-1/2 (0.1 * 0.707 ln 40 + 1)^2 */
	T_NEAR(1 / sqrt(c.query_scale), 0.114721, 1e-6, "deepseek_v2: the scale of the scores");
	T_OK(c.rope.attention_factor == 1, "deepseek_v2: angles are not scaled");
	fc_config_release(&c);
	for (int kimi = 0; kimi < 2; kimi++) {
		T_OK(
		    read_text(&c,
			kimi ? "{\"model_type\": \"kimi_k2\", " LLAMA
			       ", \"moe_intermediate_size\": 2048, \"n_group\": 1, "
			       "\"topk_group\": 1, \"n_routed_experts\": 384, "
			       "\"routed_scaling_factor\": 2.827, \"num_nextn_predict_layers\": 0, "
			       "\"topk_method\": \"noaux_tc\", \"scoring_func\": \"sigmoid\", "
			       "\"norm_topk_prob\": true, \"q_lora_rank\": 1536}"
			     : "{\"model_type\": \"deepseek_v3\", " LLAMA
			       ", \"moe_intermediate_size\": 2048, \"n_group\": 8, "
			       "\"topk_group\": 4, \"n_routed_experts\": 256, "
			       "\"routed_scaling_factor\": 2.5, \"num_nextn_predict_layers\": 1, "
			       "\"topk_method\": \"noaux_tc\", \"scoring_func\": \"sigmoid\", "
			       "\"norm_topk_prob\": true, \"q_lora_rank\": 1536}") == 0,
		    "deepseek_v3, kimi_k2: as published %s", err.msg);
		T_OK(c.router.score == FC_ROUTER_SIGMOID && c.router.normalised && c.choice_bias &&
			c.router.n_group == (kimi ? 0 : 8) && c.router.n_group_best == 2 &&
			c.n_extra_layer == (kimi ? 0 : 1) && c.latent_q &&
			c.n_query_latent == 1536 && c.router.scale == (kimi ? 2.827f : 2.5f),
		    "deepseek_v3, kimi_k2: experts");
		fc_config_release(&c);
	}
}

static void test_others(void)
{
	struct fc_config c;
	T_OK(read_text(&c,
		 "{\"model_type\": \"mixtral\", " LLAMA
		 ", \"num_key_value_heads\": 2, \"num_local_experts\": 8, "
		 "\"num_experts_per_tok\": 2, \"output_router_logits\": false, "
		 "\"router_aux_loss_coef\": 0.02, \"sliding_window\": null}") == 0 &&
		c.n_expert == 8 && c.n_expert_used == 2 && !c.window && c.rope.theta == 1e6,
	    "mixtral %s", err.msg);
	fc_config_release(&c);
	T_OK(read_text(&c,
		 "{\"model_type\": \"gpt2\", \"vocab_size\": 50257, \"n_embd\": 768, \"n_head\": "
		 "12, "
		 "\"n_layer\": 12, \"n_positions\": 1024, \"n_ctx\": 1024, \"n_inner\": null, "
		 "\"layer_norm_epsilon\": 1e-05, \"activation_function\": \"gelu_new\"}") == 0,
	    "gpt2: opens %s", err.msg);
	T_OK(c.n_ff == 3072 && c.n_head_kv == 12 && c.head_dim == 64 && c.tied && c.layer_norm &&
		c.norm_bias && c.position == FC_POS_LEARNED && c.conv1d && !c.gated &&
		c.act == FC_ACT_GELU_TANH && c.rope.n_rot == 0,
	    "gpt2: shape");
	fc_config_release(&c);
	T_OK(read_text(&c,
		 "{\"model_type\": \"gpt_neox\", " LLAMA
		 ", \"hidden_act\": \"gelu\", \"layer_norm_eps\": 1e-05, \"rotary_pct\": 0.25, "
		 "\"rotary_emb_base\": 20000, \"max_position_embeddings\": 2048, "
		 "\"use_parallel_residual\": true}") == 0,
	    "gpt_neox: opens %s", err.msg);
	T_OK(c.rope.n_rot == 2 && c.rope.theta == 20000 && c.parallel && c.qkv_bias && c.o_bias &&
		c.mlp_bias && c.qkv == FC_QKV_GROUPED && c.n_head_kv == c.n_head && !c.tied,
	    "gpt_neox: shape");
	fc_config_release(&c);
	T_OK(
	    read_text(&c,
		"{\"model_type\": \"mpt\", \"vocab_size\": 50432, \"d_model\": 96, \"n_heads\": 6, "
		"\"n_layers\": 2, \"max_seq_len\": 2048, \"expansion_ratio\": 4, \"no_bias\": "
		"true, "
		"\"norm_type\": \"low_precision_layernorm\", \"learned_pos_emb\": true, "
		"\"logit_scale\": null, \"attn_config\": {\"alibi\": true, \"alibi_bias_max\": 16, "
		"\"attn_impl\": \"torch\", \"attn_type\": \"multihead_attention\", "
		"\"clip_qkv\": 6, \"qk_ln\": false, \"softmax_scale\": null}}") == 0,
	    "mpt: opens %s", err.msg);
	T_OK(c.position == FC_POS_ALIBI && c.alibi_max == 16 && c.qkv_clip == 6 && c.n_ff == 384 &&
		c.tied && c.layer_norm && !c.norm_bias && !c.qkv_bias && c.head_dim == 16,
	    "mpt: shape");
	fc_config_release(&c);
	T_OK(read_text(&c,
		 "{\"model_type\": \"mpt\", \"vocab_size\": 9, \"d_model\": 8, \"n_heads\": 2, "
		 "\"n_layers\": 1, \"norm_type\": \"rmsnorm\"}") < 0 &&
		strstr(err.msg, "norm_type \"rmsnorm\" is not supported"),
	    "mpt: another norm is refused %s", err.msg);
}

/* Numbers as the published files have them. */
static void test_newer(void)
{
	struct fc_config c;
	T_OK(read_text(&c,
		 "{\"model_type\": \"qwen3_moe\", " LLAMA
		 ", \"head_dim\": 128, \"num_experts\": 128, \"num_experts_per_tok\": 8, "
		 "\"moe_intermediate_size\": 768, \"norm_topk_prob\": true, "
		 "\"decoder_sparse_step\": 1, \"mlp_only_layers\": [], "
		 "\"use_sliding_window\": false, \"max_window_layers\": 48}") == 0 &&
		c.n_expert == 128 && c.n_expert_used == 8 && c.n_ff == 768 && c.qk_norm,
	    "qwen3_moe: the width of an expert %s", err.msg);
	fc_config_release(&c);
	T_OK(read_text(&c,
		 "{\"model_type\": \"granite\", " LLAMA
		 ", \"attention_multiplier\": 0.015625, \"embedding_multiplier\": 12.0, "
		 "\"logits_scaling\": 8.0, \"residual_multiplier\": 0.22}") == 0 &&
		c.query_scale == 4096 && c.embed_scale == 12 && c.logit_scale == 0.125f &&
		c.residual_scale == 0.22f,
	    "granite: factors %s", err.msg);
	fc_config_release(&c);
	T_OK(read_text(&c,
		 "{\"model_type\": \"smollm3\", " LLAMA
		 ", \"num_key_value_heads\": 2, \"no_rope_layers\": [1, 1, 1, 0]}") == 0 &&
		!c.no_rope[2] && c.no_rope[3] && c.tied,
	    "smollm3: the fourth layer does not rotate %s", err.msg);
	fc_config_release(&c);
	T_OK(read_text(&c,
		 "{\"model_type\": \"olmo3\", " LLAMA
		 ", \"sliding_window\": 4096, \"rope_theta\": 500000, \"rope_scaling\": "
		 "{\"rope_type\": \"yarn\", \"factor\": 8.0, "
		 "\"original_max_position_embeddings\": 8192, \"attention_factor\": "
		 "1.2079441541679836, \"beta_fast\": 32, \"beta_slow\": 1}}") == 0 &&
		c.layer_window[2] == 4096 && !c.layer_window[3] && c.two_ropes &&
		c.rope.scaling == FC_ROPE_YARN && c.rope_sliding.scaling == FC_ROPE_PLAIN &&
		c.rope_sliding.theta == 5e5,
	    "olmo3: no scaling where there is a window %s", err.msg);
	fc_config_release(&c);
	T_OK(read_text(&c,
		 "{\"model_type\": \"cohere2\", " LLAMA
		 ", \"layer_norm_eps\": 1e-05, \"logit_scale\": 0.25, \"sliding_window\": 4096, "
		 "\"sliding_window_pattern\": 4, \"rope_theta\": 50000, "
		 "\"use_gated_activation\": true, \"position_embedding_type\": "
		 "\"rope_gptj\"}") == 0 &&
		c.no_rope[3] && !c.no_rope[2] && c.rope.interleaved && c.logit_scale == 0.25f &&
		c.layer_norm && !c.norm_bias && c.parallel && c.shared_norm && c.tied,
	    "cohere2: shape %s", err.msg);
	fc_config_release(&c);
	T_OK(read_text(&c,
		 "{\"model_type\": \"glm4\", " LLAMA
		 ", \"num_key_value_heads\": 2, \"head_dim\": 128, \"attention_bias\": true, "
		 "\"partial_rotary_factor\": 0.5, \"rms_norm_eps\": 1e-05}") == 0 &&
		c.rope.n_rot == 64 && c.rope.interleaved && c.qkv_bias && !c.o_bias && c.post_norm,
	    "glm4: shape %s", err.msg);
	fc_config_release(&c);
	T_OK(read_text(&c,
		 "{\"model_type\": \"mistral3\", \"dtype\": \"bfloat16\", \"text_config\": "
		 "{\"model_type\": \"ministral3\", " LLAMA
		 ", \"rope_parameters\": {\"type\": \"yarn\", \"rope_type\": \"yarn\", "
		 "\"rope_theta\": 1000000.0, \"factor\": 16.0, \"beta_fast\": 32.0, "
		 "\"beta_slow\": 1.0, \"mscale\": 1.0, \"mscale_all_dim\": 1.0, "
		 "\"original_max_position_embeddings\": 16384, \"llama_4_scaling_beta\": 0.1}}, "
		 "\"vision_config\": {}}") == 0 &&
		c.text_part && c.query_log == 0.1f && c.rope.n_ctx_before == 16384 &&
		c.rope.attention_factor == 1 && c.dtype == FC_BF16,
	    "mistral3: its text part %s", err.msg);
	fc_config_release(&c);
}

static void test_rope_parameters(void)
{
	struct fc_config c;
	T_OK(read_text(&c,
		 "{\"model_type\": \"gpt_neox\", " LLAMA
		 ", \"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 77, "
		 "\"partial_rotary_factor\": 0.5}}") == 0 &&
		c.rope.n_rot == 4 && c.rope.theta == 77,
	    "rope_parameters: how much of a head rotates %s", err.msg);
	fc_config_release(&c);
	T_OK(read_text(&c,
		 "{\"model_type\": \"qwen2\", " LLAMA
		 ", \"max_position_embeddings\": 32768, \"rope_scaling\": {\"type\": \"yarn\", "
		 "\"factor\": 4.0, \"original_max_position_embeddings\": 8192}}") == 0 &&
		t_near(c.rope.attention_factor, 0.1 * log(4) + 1, 1e-12) &&
		c.rope.n_ctx_before == 8192 && c.rope.beta_fast == 32 && c.rope.beta_slow == 1,
	    "yarn: as Qwen2.5's card says %s", err.msg);
	fc_config_release(&c);
	T_OK(read_text(&c,
		 "{\"model_type\": \"llama\", " LLAMA
		 ", \"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4.0, "
		 "\"attention_factor\": 0.7, \"beta_fast\": null}}") == 0 &&
		c.rope.attention_factor == 0.7 && c.rope.n_ctx_before == 2048,
	    "yarn: an attention factor, the context of the model %s", err.msg);
	fc_config_release(&c);
}

static void test_refusals(void)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
	    {"{\"model_type\": \"phi3\", " LLAMA ", \"rope_scaling\": {\"type\": \"longrope\", "
	     "\"short_factor\": [1, 1], \"long_factor\": [1, 2]}}",
		"x.json: rope_scaling: long_factor: expected 4 numbers"},
	    {"{\"model_type\": \"phi3\", " LLAMA ", \"rope_scaling\": {\"type\": \"longrope\", "
	     "\"short_factor\": [1, 1, 1, 0], \"long_factor\": [1, 2, 3, 4]}}",
		"short_factor: number 3 is not positive"},
	    {"{\"model_type\": \"phi3\", " LLAMA ", \"rope_scaling\": {\"type\": \"su\"}}",
		"long_factor is missing"},
	    {"{\"model_type\": \"phi3\", " LLAMA
	     ", \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}}",
		"of a phi3 model is longrope"},
	    {"{\"model_type\": \"phi3\", " LLAMA ", \"partial_rotary_factor\": 0.4}",
		"of which 3 rotate"},
	    {"{\"model_type\": \"llama\", " LLAMA ", \"rope_scaling\": {\"type\": \"dynamic\"}}",
		"factor is missing"},
	    {"{\"model_type\": \"mixtral\", " LLAMA
	     ", \"num_local_experts\": 2, \"num_experts_per_tok\": 3}",
		"num_experts_per_tok: 3 of 2 experts"},
	    {"{\"model_type\": \"mixtral\", " LLAMA ", \"num_local_experts\": 100000}",
		"num_local_experts: 100000 is not in 1 to 512"},
	    {"{\"model_type\": \"gpt2\", \"vocab_size\": 9, \"n_embd\": 8, \"n_head\": 2, "
	     "\"n_layer\": 1, \"add_cross_attention\": true}",
		"add_cross_attention is not supported"},
	    {"{\"model_type\": \"gpt2\", \"vocab_size\": 9, \"n_head\": 2, \"n_layer\": 1}",
		"n_embd is missing"},
	    {"{\"model_type\": \"mpt\", \"vocab_size\": 9, \"d_model\": 8, \"n_heads\": 2, "
	     "\"n_layers\": 1, \"attn_config\": {\"alibi\": false}}",
		"a model without alibi is not supported"},
	    {"{\"model_type\": \"mpt\", \"vocab_size\": 9, \"d_model\": 8, \"n_heads\": 2, "
	     "\"n_layers\": 1, \"attn_config\": {\"attn_type\": \"multiquery_attention\"}}",
		"attn_type \"multiquery_attention\" is not supported"},
	    {"{\"model_type\": \"mpt\", \"vocab_size\": 9, \"d_model\": 8, \"n_heads\": 2, "
	     "\"n_layers\": 1, \"attn_config\": {\"qk_ln\": true}}",
		"qk_ln is not supported"},
	    {"{\"model_type\": \"mpt\", \"vocab_size\": 9, \"d_model\": 8, \"n_heads\": 2, "
	     "\"n_layers\": 1, \"no_bias\": false}",
		"no_bias false is not supported"},
	    {"{\"model_type\": \"gemma3_text\", " LLAMA
	     ", \"num_key_value_heads\": 2, \"use_bidirectional_attention\": true}",
		"use_bidirectional_attention is not supported"},
	    {"{\"model_type\": \"gemma3\", " LLAMA "}", "model_type \"gemma3\" is not supported"},
	    {"{\"model_type\": \"qwen2_moe\", " LLAMA "}",
		"model_type \"qwen2_moe\" is not supported: it has shared experts (llama, mistral, "
		"mixtral, qwen2"},
	    {"{\"model_type\": \"llama4\", " LLAMA "}",
		"\"llama4\" is not supported: it has shared experts, attention in chunks ("},
	    {"{\"model_type\": \"gemma3n_text\", " LLAMA "}",
		"\"gemma3n_text\" is not supported: it has per-layer embeddings, AltUp ("},
	    {"{\"model_type\": \"llama40\", " LLAMA "}", "\"llama40\" is not supported (llama,"},
	    {"{\"model_type\": \"qwen3_next\", " LLAMA "}",
		"\"qwen3_next\" is not supported: it has state instead of attention"},
	    {"{\"model_type\": \"deepseek_v3\", " LLAMA "}", "moe_intermediate_size is missing"},
	    {"{\"model_type\": \"deepseek_v3\", " LLAMA DEEPSEEK ", \"num_key_value_heads\": 2}",
		"num_key_value_heads 2 of 6 heads"},
	    {"{\"model_type\": \"deepseek_v3\", " LLAMA DEEPSEEK ", \"v_head_dim\": 256}",
		"heads of 128 and 64 components with values of 256"},
	    {"{\"model_type\": \"deepseek_v3\", " LLAMA DEEPSEEK ", \"n_group\": 3}",
		"8 of 256 experts in 4 of 3 groups"},
	    {"{\"model_type\": \"deepseek_v3\", " LLAMA DEEPSEEK
	     ", \"n_group\": 64, \"topk_group\": 1}",
		"8 of 256 experts in 1 of 64 groups"},
	    {"{\"model_type\": \"deepseek_v3\", " LLAMA DEEPSEEK ", \"scoring_func\": \"softmax\"}",
		"scoring_func \"softmax\" is not supported"},
	    {"{\"model_type\": \"deepseek_v2\", " LLAMA DEEPSEEK ", \"topk_method\": \"noaux_tc\"}",
		"topk_method \"noaux_tc\" is not supported"},
	    {"{\"model_type\": \"deepseek_v2\", " LLAMA DEEPSEEK ", \"norm_topk_prob\": true}",
		"norm_topk_prob is not supported"},
	    {"{\"model_type\": \"deepseek_v2\", " LLAMA DEEPSEEK ", \"attention_bias\": true}",
		"attention_bias is not supported"},
	    {"{\"model_type\": \"deepseek_v2\", " LLAMA DEEPSEEK ", \"moe_layer_freq\": 2}",
		"moe_layer_freq other than 1"},
	    {"{\"model_type\": \"mistral3\", \"quantization_config\": {\"quant_method\": "
	     "\"hqq\"}, \"text_config\": {\"model_type\": \"mistral\", " LLAMA "}}",
		"of the kind \"hqq\""},
	    {"{\"model_type\": \"qwen3_moe\", " LLAMA ", \"norm_topk_prob\": false}",
		"norm_topk_prob false is not supported"},
	    {"{\"model_type\": \"qwen3_moe\", " LLAMA
	     ", \"norm_topk_prob\": true, \"mlp_only_layers\": [0]}",
		"mlp_only_layers are not supported"},
	    {"{\"model_type\": \"gpt_oss\", " LLAMA
	     ", \"num_key_value_heads\": 2, \"swiglu_limit\": 5}",
		"another unit than gpt-oss has"},
	    {"{\"model_type\": \"smollm3\", " LLAMA
	     ", \"num_key_value_heads\": 2, \"no_rope_layers\": [1, 1, 1]}",
		"no_rope_layers: expected 4 numbers"},
	    {"{\"model_type\": \"cohere\", " LLAMA ", \"use_qk_norm\": true}",
		"use_qk_norm is not supported"},
	    {"{\"model_type\": \"ministral3\", " LLAMA "}", "rope_parameters is missing"},
	    {"[]", "expected an object"},
	};
	struct fc_config c;
	for (size_t i = 0; i < FC_LEN(bad); i++) {
		int ret = read_text(&c, bad[i].text);
		T_OK(ret < 0 && strstr(err.msg, bad[i].message) && !c.json, "refused: %s (%s)",
		    bad[i].message, ret < 0 ? err.msg : "accepted");
	}
}

/* The list of the refusal, which is that of family.c, against the man page. */
static void test_man_page(void)
{
	FILE *f = fopen("man/fc-models.7", "r");
	static char page[1 << 16];
	struct fc_config c;
	if (!T_OK(f != NULL, "man page"))
		return;
	page[fread(page, 1, sizeof page - 1, f)] = 0;
	fclose(f);
	read_text(&c, "{\"model_type\": \"?\"}");
	char *list = strchr(err.msg, '('), *save = NULL;
	size_t n = 0, on_page = 0;
	for (char *t = strtok_r(list, "(), ", &save); t && strcmp(t, "are");
	     t = strtok_r(NULL, "(), ", &save), n++) {
		char item[64];
		snprintf(item, sizeof item, ".It Cm %s\n", t);
		T_OK(strstr(page, item) != NULL, "man page: %s", t);
	}
	for (const char *p = page; (p = strstr(p, ".It Cm ")); p++)
		on_page++;
	T_OK(n > 10 && n == on_page, "man page: %zu architectures, %zu on the page", n, on_page);
}

int main(void)
{
	test_phi3();
	test_internlm2();
	test_gemma();
	test_deepseek();
	test_others();
	test_newer();
	test_rope_parameters();
	test_refusals();
	test_man_page();
	return t_done();
}
