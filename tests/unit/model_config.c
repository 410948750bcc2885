/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/config.h"
#include "t.h"

static char path[] = "/tmp/fc-config-XXXXXX";
static struct fc_err err;

/* The least a model folder says; with more put in before and between. */
static int load(struct fc_config *c, const char *type, const char *more)
{
	FILE *f = fopen(path, "w");
	json_t *o = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i}", "model_type", type, "vocab_size",
	    100, "hidden_size", 48, "intermediate_size", 64, "num_hidden_layers", 4,
	    "num_attention_heads", 6);
	json_t *extra = json_loads(more, 0, NULL);
	json_object_update(o, extra);
	json_dumpf(o, f, 0);
	fclose(f);
	json_decref(o);
	json_decref(extra);
	return fc_config_load(c, path, &err);
}

static void test_defaults(void)
{
	struct fc_config c;
	T_OK(load(&c, "llama", "{}") == 0, "llama: the least config is enough");
	T_EQ(c.head_dim, 8, "llama: head_dim is hidden_size / heads");
	T_EQ(c.n_head_kv, 6, "llama: as many key/value heads as heads");
	T_OK(!c.tied && c.act == FC_ACT_SILU && !c.qkv_bias && !c.qk_norm, "llama: flags");
	T_OK(c.rope.theta == 10000 && c.norm_eps == 1e-6f && c.embed_scale == 1, "llama: numbers");
	fc_config_release(&c);
	load(&c, "qwen2", "{}");
	T_OK(c.qkv_bias && !c.o_bias && !c.tied && !c.window,
	    "qwen2: biases of q, k, v only; no window");
	fc_config_release(&c);
	load(&c, "qwen3", "{}");
	T_OK(c.head_dim == 128 && c.qk_norm && !c.qkv_bias, "qwen3: head_dim 128, q and k norms");
	fc_config_release(&c);
	load(&c, "mistral", "{}");
	T_OK(c.window == 4096 && c.layer_window[0] == 4096, "mistral: window of 4096 where absent");
	fc_config_release(&c);
	load(&c, "mistral", "{\"sliding_window\": null, \"head_dim\": 16}");
	T_OK(c.window == 0 && c.head_dim == 16, "mistral: no window where null; explicit head_dim");
	fc_config_release(&c);
	load(&c, "gemma", "{\"hidden_act\": \"gelu\", \"torch_dtype\": \"bfloat16\"}");
	T_OK(c.tied && c.norm_plus_one && c.head_dim == 256 && c.act == FC_ACT_GELU_TANH,
	    "gemma: tied, 1 + w, head_dim 256, \"gelu\" is the tanh form");
	T_OK(c.embed_scale == 6.9375f, "gemma: sqrt(48) = 6.928 is 6.9375 in bfloat16");
	fc_config_release(&c);
	load(&c, "gemma", "{\"dtype\": \"bfloat16\", \"torch_dtype\": \"float32\"}");
	T_OK(c.dtype == FC_BF16, "dtype counts beside torch_dtype, as in Transformers");
	fc_config_release(&c);
	load(&c, "gemma", "{\"dtype\": null, \"torch_dtype\": \"bfloat16\"}");
	T_OK(c.dtype == FC_BF16, "unless it is null");
	fc_config_release(&c);
	load(&c, "gemma", "{\"hidden_activation\": \"gelu\"}");
	T_OK(c.act == FC_ACT_GELU && c.embed_scale == sqrtf(48),
	    "gemma: hidden_activation is literal");
	fc_config_release(&c);
}

static void test_windows(void)
{
	struct fc_config c;
	load(&c, "qwen2",
	    "{\"use_sliding_window\": true, \"sliding_window\": 7, \"max_window_layers\": 3}");
	T_OK(c.layer_window[2] == 0 && c.layer_window[3] == 7, "qwen2: upper layers slide");
	fc_config_release(&c);
	load(&c, "qwen2", "{\"sliding_window\": 7, \"max_window_layers\": 0}");
	T_OK(c.layer_window[3] == 0, "qwen2: nothing slides unless use_sliding_window");
	fc_config_release(&c);
	T_OK(load(&c, "qwen3",
		 "{\"use_sliding_window\": true, \"sliding_window\": 7, \"layer_types\": "
		 "[\"sliding_attention\", \"full_attention\", \"full_attention\", "
		 "\"sliding_attention\"]}") == 0 &&
		c.layer_window[0] == 7 && c.layer_window[1] == 0 && c.layer_window[3] == 7,
	    "qwen3: layer_types wins");
	fc_config_release(&c);
}

static void test_rope(void)
{
	struct fc_config c;
	struct fc_rope r;
	float freq[4];
	load(&c, "llama",
	    "{\"rope_theta\": 100, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}}");
	r = fc_ropespec_rope(&c.rope, 0, freq);
	T_EQ(r.n_rot, 8, "rope: the whole head is rotated");
	T_NEAR((double)r.inv_freq[1], pow(100, -0.25) / 4, 1e-7, "rope: linear");
	fc_config_release(&c);
	load(&c, "llama", "{\"rope_theta\": 100, \"rope_scaling\": {}}");
	r = fc_ropespec_rope(&c.rope, 0, freq);
	T_NEAR((double)r.inv_freq[1], pow(100, -0.25), 1e-7, "rope: scaling {} is none");
	fc_config_release(&c);
	/* Wave lengths 2 pi and 2 pi 10^6 against 8192 / 4 and 8192 / 1: kept, divided by 8. */
	load(&c, "llama",
	    "{\"head_dim\": 4, \"rope_theta\": 1e12, \"rope_scaling\": {\"rope_type\": "
	    "\"llama3\", \"factor\": 8, \"original_max_position_embeddings\": 8192}}");
	r = fc_ropespec_rope(&c.rope, 0, freq);
	T_NEAR((double)r.inv_freq[0], 1, 0, "rope: llama3 keeps fast components");
	T_NEAR((double)r.inv_freq[1] * 1e6, 1.0 / 8, 1e-6, "rope: llama3 slows slow components");
	fc_config_release(&c);
	load(&c, "llama",
	    "{\"rope_parameters\": {\"rope_theta\": 500, \"rope_type\": \"default\"}}");
	T_OK(c.rope.theta == 500 && c.rope.scaling == FC_ROPE_PLAIN, "rope: rope_parameters");
	fc_config_release(&c);
}

static void test_refusals(void)
{
	static const struct {
		const char *type, *more, *message;
	} bad[] = {
	    {"mamba", "{}", "model_type \"mamba\" is not supported"},
	    {"llama", "{\"vocab_size\": null}", "vocab_size is missing"},
	    {"llama", "{\"vocab_size\": \"100\"}", "vocab_size: expected an integer"},
	    {"llama", "{\"vocab_size\": 0}", "vocab_size: 0 is not in 1"},
	    {"llama", "{\"vocab_size\": -5}", "vocab_size: -5 is not in 1"},
	    {"llama", "{\"num_hidden_layers\": 1001}",
		"num_hidden_layers: 1001 is not in 1 to 1000"},
	    {"llama", "{\"hidden_size\": 9000000000000000000}",
		"hidden_size: 9000000000000000000 is not"},
	    {"llama", "{\"num_key_value_heads\": 4}", "do not divide into 4 key/value heads"},
	    {"llama", "{\"hidden_size\": 50}", "hidden_size 50 does not divide into 6 heads"},
	    {"llama", "{\"head_dim\": 7}", "head_dim 7 of which 7 rotate"},
	    {"llama", "{\"head_dim\": 0}", "head_dim: 0 is not in 1"},
	    {"llama", "{\"hidden_act\": \"relu2\"}", "hidden_act \"relu2\" is not supported"},
	    {"llama", "{\"torch_dtype\": \"int8\"}", "torch_dtype \"int8\" is not supported"},
	    {"llama", "{\"rms_norm_eps\": 0}", "rms_norm_eps: expected a positive number"},
	    {"llama", "{\"rope_scaling\": {\"type\": \"ntk\", \"factor\": 2}}",
		"rope_scaling: type \"ntk\" is not supported"},
	    {"llama", "{\"rope_scaling\": {\"type\": \"linear\"}}", "factor is missing"},
	    {"llama", "{\"rope_scaling\": {\"factor\": 2}}", "rope_type is missing"},
	    {"llama", "{\"rope_scaling\": 3}", "rope_scaling: expected an object"},
	    {"llama", "{\"partial_rotary_factor\": 0.5}", "partial_rotary_factor is not supported"},
	    {"llama", "{\"quantization_config\": {}}",
		"quantized models of the kind \"(without quant_method)\" are not supported"},
	    {"llama", "{\"quantization_config\": {\"quant_method\": \"hqq\"}}",
		"quantized models of the kind \"hqq\" are not supported"},
	    {"llama", "{\"quantization_config\": {\"quant_method\": \"gptq\", \"bits\": 3}}",
		"quantization_config: bits: 3 is not supported"},
	    {"llama",
		"{\"quantization_config\": {\"quant_method\": \"gptq\", \"checkpoint_format\": "
		"\"marlin\"}}",
		"checkpoint_format \"marlin\" is not supported"},
	    {"llama",
		"{\"quantization_config\": {\"quant_method\": \"awq\", \"version\": \"gemv\"}}",
		"AWQ's version \"gemv\" is not supported"},
	    {"llama", "{\"quantization_config\": {\"quant_method\": \"bitsandbytes\"}}",
		"expected load_in_4bit or load_in_8bit"},
	    {"llama",
		"{\"quantization_config\": {\"quant_method\": \"compressed-tensors\", "
		"\"format\": \"nvfp4-pack-quantized\", \"config_groups\": {\"group_0\": "
		"{\"weights\": {\"num_bits\": 4, \"strategy\": \"tensor\"}}}}}",
		"of the format \"nvfp4-pack-quantized\" are not supported"},
	    {"llama",
		"{\"quantization_config\": {\"quant_method\": \"compressed-tensors\", "
		"\"config_groups\": {\"a\": {}, \"b\": {}}}}",
		"other than one group"},
	    {"qwen2", "{\"layer_types\": [\"full_attention\"]}", "layer_types: expected 4 names"},
	    {"qwen2",
		"{\"layer_types\": [\"full_attention\", \"full_attention\", \"linear_attention\","
		"\"full_attention\"]}",
		"\"linear_attention\" is not supported"},
	};
	struct fc_config c;
	for (size_t i = 0; i < FC_LEN(bad); i++) {
		int ret = load(&c, bad[i].type, bad[i].more);
		T_OK(ret < 0 && strstr(err.msg, bad[i].message) && strstr(err.msg, path) && !c.json,
		    "refused: %s (%s)", bad[i].message,
		    ret < 0 ? err.msg + strlen(path) : "accepted");
	}
	FILE *f = fopen(path, "w");
	fputs("[1]", f);
	fclose(f);
	T_OK(fc_config_load(&c, path, &err) < 0 && strstr(err.msg, "expected an object"),
	    "refused: not an object");
	T_OK(fc_config_load(&c, "/nonexistent", &err) < 0 && strstr(err.msg, "/nonexistent"),
	    "refused: no such file");
	T_OK(fc_config_load(&c, "/proc/self", &err) < 0 &&
		strstr(err.msg, "/proc/self: not a model folder"),
	    "refused: a folder without config.json");
}

int main(void)
{
	close(mkstemp(path));
	test_defaults();
	test_windows();
	test_rope();
	test_refusals();
	unlink(path);
	return t_done();
}
