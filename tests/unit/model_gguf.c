/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models as GGUF files against logits of transformers: the tensors of tests/data/model/NAME.json
 * under the names of gguf-py 0.19.0 (constants.py) and with the metadata and changes of llama.cpp's
 * converters (conversion/olmo.py, command_r.py, glm.py, deepseek.py).
 */
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/model.h"
#include "store/gguf_writer.h"
#include "t.h"

#include "device.h"
#include "golden_files.h"
#include "golden_logits.h"

struct name {
	const char *hf, *gguf; /* after the layer, without ".weight" */
};

static const struct name whole[] = {{"model.embed_tokens", "token_embd"},
    {"model.norm", "output_norm"}, {"lm_head", "output"}, {NULL, NULL}};
static const struct name usual[] = {{"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"}, {"self_attn.k_proj", "attn_k"}, {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"}, {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"}, {"post_attention_layernorm", "ffn_norm"},
    {"mlp.gate_proj", "ffn_gate"}, {"mlp.up_proj", "ffn_up"}, {"mlp.down_proj", "ffn_down"},
    {NULL, NULL}};
static const struct name olmo[] = {{"post_attention_layernorm", "post_attention_norm"},
    {"post_feedforward_layernorm", "post_ffw_norm"}, {NULL, NULL}};
static const struct name glm4[] = {{"post_self_attn_layernorm", "post_attention_norm"},
    {"post_mlp_layernorm", "post_ffw_norm"}, {"mlp.gate_up_proj", "ffn_up"}, {NULL, NULL}};
static const struct name deepseek[] = {{"self_attn.q_a_proj", "attn_q_a"},
    {"self_attn.q_a_layernorm", "attn_q_a_norm"}, {"self_attn.q_b_proj", "attn_q_b"},
    {"self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"},
    {"self_attn.kv_a_layernorm", "attn_kv_a_norm"}, {"self_attn.kv_b_proj", "attn_kv_b"},
    {"mlp.gate", "ffn_gate_inp"}, {"mlp.experts.0.gate_proj", "ffn_gate_exps"},
    {"mlp.experts.0.up_proj", "ffn_up_exps"}, {"mlp.experts.0.down_proj", "ffn_down_exps"},
    {"mlp.shared_experts.gate_proj", "ffn_gate_shexp"},
    {"mlp.shared_experts.up_proj", "ffn_up_shexp"},
    {"mlp.shared_experts.down_proj", "ffn_down_shexp"}, {NULL, NULL}};

/* A file that is being made. */
struct file {
	const char *arch;
	const struct name *own; /* names beside the usual ones, which they precede; or NULL */
	const json_t *golden, *config;
	struct fc_config c; /* for slow_weight() */
	struct fc_gguf_meta meta;
	struct fc_tensor plan[256];
	float *data[256];
	size_t n;
};

static char *text_of(const char *format, const char *a, const char *b)
{
	struct fc_buf buf = FC_BUF_INIT;
	fc_buf_addf(&buf, format, a, b);
	return fc_buf_detach(&buf);
}

static double number(const struct file *f, const char *key)
{
	return json_number_value(json_object_get(f->config, key));
}

static void add_u32(struct file *f, const char *key, double v)
{
	char *full = text_of("%s.%s", f->arch, key);
	fc_gguf_add_u32(&f->meta, full, (uint32_t)v);
	free(full);
}

static void add_f32(struct file *f, const char *key, double v)
{
	char *full = text_of("%s.%s", f->arch, key);
	fc_gguf_add_f32(&f->meta, full, (float)v);
	free(full);
}

static void add_str(struct file *f, const char *key, const char *v)
{
	char *full = text_of("%s.%s", f->arch, key);
	fc_gguf_add_str(&f->meta, full, v, strlen(v));
	free(full);
}

static const json_t *rope_of(const struct file *f)
{
	const json_t *all = json_object_get(f->config, "rope_parameters");
	const json_t *full = json_object_get(all, "full_attention");
	return full ? full : all;
}

/* TextModel.set_gguf_parameters() */
static void add_usual(struct file *f)
{
	const json_t *head_dim = json_object_get(f->config, "head_dim");
	const json_t *rope = rope_of(f);
	const bool layer_norm = json_object_get(f->config, "layer_norm_eps") != NULL;
	fc_gguf_add_str(&f->meta, "general.architecture", f->arch, strlen(f->arch));
	add_u32(f, "block_count", number(f, "num_hidden_layers"));
	add_u32(f, "context_length", number(f, "max_position_embeddings"));
	add_u32(f, "embedding_length", number(f, "hidden_size"));
	add_u32(f, "feed_forward_length", number(f, "intermediate_size"));
	add_u32(f, "attention.head_count", number(f, "num_attention_heads"));
	add_f32(f, "rope.freq_base", json_number_value(json_object_get(rope, "rope_theta")));
	add_f32(f, layer_norm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon",
	    number(f, layer_norm ? "layer_norm_eps" : "rms_norm_eps"));
	if (!strcmp(f->arch, "deepseek2"))
		return;
	add_u32(f, "attention.head_count_kv", number(f, "num_key_value_heads"));
	if (json_is_integer(head_dim)) {
		add_u32(f, "attention.key_length", number(f, "head_dim"));
		add_u32(f, "attention.value_length", number(f, "head_dim"));
	}
}

static void add_yarn(struct file *f)
{
	const json_t *rope = rope_of(f);
	static const struct name key[] = {{"factor", "rope.scaling.factor"},
	    {"beta_fast", "rope.scaling.yarn_beta_fast"},
	    {"beta_slow", "rope.scaling.yarn_beta_slow"}};
	const char *type = json_string_value(json_object_get(rope, "rope_type"));
	if (!type || strcmp(type, "yarn"))
		return;
	add_str(f, "rope.scaling.type", "yarn");
	for (size_t i = 0; i < FC_LEN(key); i++)
		add_f32(f, key[i].gguf, json_number_value(json_object_get(rope, key[i].hf)));
	add_u32(f, "rope.scaling.original_context_length",
	    json_number_value(json_object_get(rope, "original_max_position_embeddings")));
	const json_t *all = json_object_get(rope, "mscale_all_dim");
	if (all)
		add_f32(f, "rope.scaling.yarn_log_multiplier", 0.1 * json_number_value(all));
}

static void add_window(struct file *f)
{
	const json_t *types = json_object_get(f->config, "layer_types");
	const size_t n = json_array_size(types);
	char *key = text_of("%s.%s", f->arch, "attention.sliding_window_pattern");
	if (json_is_integer(json_object_get(f->config, "sliding_window"))) {
		add_u32(f, "attention.sliding_window", number(f, "sliding_window"));
		fc_gguf_add_array(&f->meta, key, FC_GGUF_BOOL, n);
		for (size_t i = 0; i < n; i++)
			fc_buf_addc(&f->meta.b,
			    !strcmp(
				json_string_value(json_array_get(types, i)), "sliding_attention"));
	}
	free(key);
}

/* DeepseekV2Model.set_gguf_parameters(); old: as before attention over latents was known. */
static void add_deepseek(struct file *f, bool old)
{
	const double R = number(f, "kv_lora_rank"), DR = number(f, "qk_rope_head_dim");
	const double D = number(f, "qk_nope_head_dim") + DR, DV = number(f, "v_head_dim");
	const bool sigmoid = !strcmp(f->c.model_type, "deepseek_v3");
	add_u32(f, "leading_dense_block_count", number(f, "first_k_dense_replace"));
	if (json_is_integer(json_object_get(f->config, "q_lora_rank")))
		add_u32(f, "attention.q_lora_rank", number(f, "q_lora_rank"));
	add_u32(f, "attention.kv_lora_rank", R);
	add_u32(f, "attention.head_count_kv", old ? number(f, "num_attention_heads") : 1);
	add_u32(f, "attention.key_length", old ? D : R + DR);
	add_u32(f, "attention.value_length", old ? DV : R);
	if (!old) {
		add_u32(f, "attention.key_length_mla", D);
		add_u32(f, "attention.value_length_mla", DV);
	}
	add_u32(f, "expert_feed_forward_length", number(f, "moe_intermediate_size"));
	add_u32(f, "expert_count", number(f, "n_routed_experts"));
	add_u32(f, "expert_used_count", number(f, "num_experts_per_tok"));
	add_u32(f, "expert_shared_count", number(f, "n_shared_experts"));
	add_f32(f, "expert_weights_scale", number(f, "routed_scaling_factor"));
	if (json_is_true(json_object_get(f->config, "norm_topk_prob"))) {
		fc_gguf_add_bool(&f->meta, "deepseek2.expert_weights_norm", true);
	}
	if (json_is_integer(json_object_get(f->config, "n_group"))) {
		add_u32(f, "expert_group_count", number(f, "n_group"));
		add_u32(f, "expert_group_used_count", number(f, "topk_group"));
	}
	if (sigmoid)
		add_u32(f, "expert_gating_func", 2);
	add_u32(f, "rope.dimension_count", DR);
}

/* n numbers of a golden tensor, to be freed. */
static float *numbers_of(const struct file *f, const char *hf, size_t n)
{
	float *x = FC_ARRAY(float, n);
	for (size_t i = 0; i < n; i++)
		x[i] = (float)slow_weight(&f->c, hf, i);
	return x;
}

/* Takes name and data. */
static void add_tensor(struct file *f, char *name, float *data, int n_dim, const size_t *dim)
{
	struct fc_tensor *t = &f->plan[f->n];
	size_t n = 1;
	*t = (struct fc_tensor){.name = name, .dtype = FC_F32, .n_dim = n_dim};
	for (int i = 0; i < n_dim; i++) {
		t->dim[i] = (int64_t)dim[i];
		n *= dim[i];
	}
	t->n_bytes = n * sizeof *data;
	f->data[f->n++] = data;
}

static const char *find_name(const struct name *v, const char *hf, size_t n)
{
	for (; v && v->hf; v++)
		if (strlen(v->hf) == n && !strncmp(v->hf, hf, n))
			return v->gguf;
	return NULL;
}

/* kv_b_proj [H (K + V), R]: attn_k_b [H, R, K] and attn_v_b [H, V, R] */
static void add_latent(struct file *f, const char *hf, const char *layer)
{
	const size_t H = (size_t)number(f, "num_attention_heads"),
		     R = (size_t)number(f, "kv_lora_rank"),
		     K = (size_t)number(f, "qk_nope_head_dim"), V = (size_t)number(f, "v_head_dim");
	float *all = numbers_of(f, hf, H * (K + V) * R), *k = FC_ARRAY(float, H *R *K),
	      *v = FC_ARRAY(float, H *V *R);
	for (size_t h = 0; h < H; h++)
		for (size_t r = 0; r < R; r++) {
			for (size_t i = 0; i < K; i++)
				k[(h * R + r) * K + i] = all[(h * (K + V) + i) * R + r];
			for (size_t i = 0; i < V; i++)
				v[(h * V + i) * R + r] = all[(h * (K + V) + K + i) * R + r];
		}
	add_tensor(f, text_of("blk.%s.attn_k_b.weight%s", layer, ""), k, 3, (size_t[]){H, R, K});
	add_tensor(f, text_of("blk.%s.attn_v_b.weight%s", layer, ""), v, 3, (size_t[]){H, V, R});
	free(all);
}

/* The first expert stands for all: [E, out, in]. */
static void add_experts(struct file *f, const char *hf, char *gguf, const size_t *dim)
{
	const size_t E = (size_t)number(f, "n_routed_experts"), n = dim[0] * dim[1];
	const char *number_at = strstr(hf, "experts.0.") + strlen("experts.");
	float *all = FC_ARRAY(float, E *n);
	for (size_t e = 0; e < E; e++) {
		char name[128];
		snprintf(
		    name, sizeof name, "%.*s%zu%s", (int)(number_at - hf), hf, e, number_at + 1);
		float *one = numbers_of(f, name, n);
		memcpy(all + e * n, one, n * sizeof *one);
		free(one);
	}
	add_tensor(f, gguf, all, 3, (size_t[]){E, dim[0], dim[1]});
}

/* false: no name is known for it */
static bool add_golden(struct file *f, const char *hf, const json_t *shape, bool old)
{
	const size_t dim[] = {(size_t)json_integer_value(json_array_get(shape, 0)),
	    (size_t)json_integer_value(json_array_get(shape, 1))};
	const int n_dim = (int)json_array_size(shape);
	const char *end = strrchr(hf, '.'), *part = hf;
	char layer[8] = "";
	if (!strncmp(hf, "model.layers.", 13)) {
		snprintf(layer, sizeof layer, "%d", atoi(hf + 13));
		part = strchr(hf + 13, '.') + 1;
	}
	const size_t n = (size_t)(end - part);
	const char *gguf = *layer ? find_name(f->own, part, n) : find_name(whole, part, n);
	if (!gguf && *layer)
		gguf = find_name(usual, part, n);
	if (!strcmp(end, ".e_score_correction_bias")) {
		gguf = "exp_probs_b";
		end = ".bias";
	}
	if (!gguf)
		return strstr(hf, ".experts.") != NULL; /* with the first of them */
	if (!strcmp(gguf, "attn_kv_b") && !old) {
		add_latent(f, hf, layer);
		return true;
	}
	struct fc_buf name = FC_BUF_INIT;
	fc_buf_addf(&name, "%s%s%s%s%s", *layer ? "blk." : "", layer, *layer ? "." : "", gguf, end);
	if (strstr(hf, ".experts.0."))
		add_experts(f, hf, fc_buf_detach(&name), dim);
	else
		add_tensor(f, fc_buf_detach(&name),
		    numbers_of(f, hf, n_dim == 2 ? dim[0] * dim[1] : dim[0]), n_dim, dim);
	return true;
}

static int write_gguf(struct file *f, const char *path)
{
	struct fc_gguf_writer *w;
	const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	int ret = fc_gguf_writer_open(&w, fd, path, &f->meta, f->plan, f->n, &err);
	for (size_t i = 0; ret == 0 && i < f->n; i++)
		ret = fc_gguf_writer_put(w, i, 0, f->data[i], f->plan[i].n_bytes, &err);
	if (w && fc_gguf_writer_close(w, &err) < 0)
		ret = -1;
	close(fd);
	return ret;
}

static void release_file(struct file *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free((char *)(uintptr_t)f->plan[i].name);
		free(f->data[i]);
	}
	fc_gguf_meta_release(&f->meta);
	fc_config_release(&f->c);
	free(f);
}

static struct file *make_file(
    const json_t *golden, const char *arch, const struct name *own, bool old, const char **lost)
{
	struct file *f = FC_NEW(struct file);
	const json_t *shape;
	const char *hf;
	f->arch = arch;
	f->own = own;
	f->golden = golden;
	f->config = json_object_get(golden, "config");
	*lost = fc_config_read(&f->c, json_object_get(golden, "config"), "golden", &err) < 0
	    ? err.msg
	    : NULL;
	add_usual(f);
	add_yarn(f);
	add_window(f);
	if (!strcmp(arch, "glm4"))
		add_u32(f, "rope.dimension_count", number(f, "head_dim") / 2);
	if (json_object_get(f->config, "logit_scale"))
		add_f32(f, "logit_scale", number(f, "logit_scale"));
	if (!strcmp(arch, "deepseek2"))
		add_deepseek(f, old);
	json_object_foreach(json_object_get(golden, "tensors"), hf, shape)
	{
		if (!add_golden(f, hf, shape, old))
			*lost = hf;
	}
	return f;
}

static void test_variant(struct fc_nn *nn, const char *dir, const char *variant, const char *arch,
    const struct name *own, bool old)
{
	char *path = fc_path_join(dir, "x.gguf"), *data = text_of(DATA "%s.json%s", variant, "");
	json_t *golden = fc_json_file(data, &err);
	struct fc_model *m = NULL;
	const char *lost = NULL;
	err.msg[0] = 0;
	struct file *f = golden ? make_file(golden, arch, own, old, &lost) : NULL;
	if (T_OK(f && !lost && write_gguf(f, path) == 0 && fc_model_open(&m, path, nn, &err) == 0,
		"%s: opens as GGUF %s %s", variant, lost ? lost : "", err.msg)) {
		const double apart = golden_apart(nn, m, golden);
		T_OK(!strcmp(m->cfg.model_type, f->c.model_type) && apart < GOLDEN_ORDERS,
		    "%s: %s%s is the %s of transformers (%.2g)", variant, arch,
		    old ? " of before" : "", m->cfg.model_type, apart);
	}
	fc_model_close(m);
	if (f)
		release_file(f);
	json_decref(golden);
	remove(path);
	free(path);
	free(data);
}

int main(void)
{
	static const struct {
		const char *variant, *arch;
		const struct name *own;
	} v[] = {{"olmo2", "olmo2", olmo}, {"olmo3", "olmo2", olmo}, {"olmo3-yarn", "olmo2", olmo},
	    {"cohere", "command-r", NULL}, {"cohere2", "cohere2", NULL}, {"glm4", "glm4", glm4},
	    {"deepseek_v2", "deepseek2", deepseek}, {"deepseek_v2-groups", "deepseek2", deepseek},
	    {"deepseek_v3", "deepseek2", deepseek},
	    {"deepseek_v3-one_group", "deepseek2", deepseek}};
	char dir[] = "/tmp/fc-gguf-XXXXXX";
	if (!T_OK(mkdtemp(dir), "set up"))
		return t_done();
	struct fc_nn *nn = open_nn(FC_COMPUTE_F32);
	for (size_t i = 0; i < FC_LEN(v); i++) {
		test_variant(nn, dir, v[i].variant, v[i].arch, v[i].own, false);
		if (v[i].own == deepseek)
			test_variant(nn, dir, v[i].variant, v[i].arch, v[i].own, true);
	}
	fc_nn_close(nn);
	rmdir(dir);
	return t_done();
}
