/* SPDX-License-Identifier: Apache-2.0 */
#include "model/config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"

/* Ceilings on what a config may ask for; the largest products, n_vocab * n_embd and
 * n_ff * n_embd, stay below 2^40. */
enum {
	MAX_LAYER = 1000,
	MAX_EMBD = 65536,
	MAX_FF = 1 << 20,
	MAX_VOCAB = 1 << 22,
	MAX_HEAD = 4096,
	MAX_HEAD_DIM = 1024,
	MAX_CTX = 1 << 30,
};

enum window_rule {
	WINDOW_NONE,
	WINDOW_ALL,   /* every layer, when sliding_window is a number */
	WINDOW_UPPER, /* layers from max_window_layers on, when use_sliding_window is set */
};

/* What a model_type means where config.json does not say: the defaults of its class in
 * transformers. */
static const struct family {
	const char *type, *architecture;
	int64_t head_dim; /* 0: n_embd / n_head */
	int64_t n_ctx;
	bool tied, qkv_bias;
	bool attention_bias; /* the key of that name counts; it stands for q, k, v and o */
	bool mlp_bias;       /* likewise */
	bool qk_norm;
	bool gemma; /* norms with 1 + w, scaled embeddings, GELU by tanh */
	enum window_rule window;
} families[] = {
    {"llama", "LlamaForCausalLM", 0, 2048, .attention_bias = true, .mlp_bias = true},
    {"mistral", "MistralForCausalLM", 0, 131072, .window = WINDOW_ALL},
    {"qwen2", "Qwen2ForCausalLM", 0, 32768, .qkv_bias = true, .window = WINDOW_UPPER},
    {"qwen3", "Qwen3ForCausalLM", 128, 32768, .attention_bias = true, .qk_norm = true,
	.window = WINDOW_UPPER},
    {"gemma", "GemmaForCausalLM", 256, 8192, .tied = true, .attention_bias = true, .gemma = true},
};

/* The object that is being read, with its name for messages. */
struct source {
	const json_t *o;
	const char *where;
	struct fc_err *e;
};

static bool has(const struct source *s, const char *key)
{
	const json_t *v = json_object_get(s->o, key);
	return v && !json_is_null(v);
}

static int natural(
    const struct source *s, const char *key, int64_t def, int64_t min, int64_t max, size_t *out)
{
	int64_t v;
	if (fc_json_int(s->o, key, def, &v, s->where, s->e) < 0)
		return -1;
	if (v < min || v > max)
		return fc_fail(s->e, "%s: %s: %lld is not in %lld to %lld", s->where, key,
		    (long long)v, (long long)min, (long long)max);
	*out = (size_t)v;
	return 0;
}

/* A size that must be there. */
static int size(const struct source *s, const char *key, int64_t max, size_t *out)
{
	if (!has(s, key))
		return fc_fail(s->e, "%s: %s is missing", s->where, key);
	return natural(s, key, 0, 1, max, out);
}

static int positive(const struct source *s, const char *key, double def, double *out)
{
	if (fc_json_real(s->o, key, def, out, s->where, s->e) < 0)
		return -1;
	if (!(*out > 0 && *out < 1e30))
		return fc_fail(s->e, "%s: %s: expected a positive number", s->where, key);
	return 0;
}

static int read_shape(const struct source *s, const struct family *f, struct fc_config *c)
{
	if (size(s, "vocab_size", MAX_VOCAB, &c->n_vocab) < 0 ||
	    size(s, "hidden_size", MAX_EMBD, &c->n_embd) < 0 ||
	    size(s, "intermediate_size", MAX_FF, &c->n_ff) < 0 ||
	    size(s, "num_hidden_layers", MAX_LAYER, &c->n_layer) < 0 ||
	    size(s, "num_attention_heads", MAX_HEAD, &c->n_head) < 0 ||
	    natural(s, "num_key_value_heads", (int64_t)c->n_head, 1, MAX_HEAD, &c->n_head_kv) < 0 ||
	    natural(s, "max_position_embeddings", f->n_ctx, 1, MAX_CTX, &c->n_ctx) < 0)
		return -1;
	if (c->n_head % c->n_head_kv)
		return fc_fail(s->e, "%s: %zu heads do not divide into %zu key/value heads",
		    s->where, c->n_head, c->n_head_kv);
	if (!f->head_dim && !has(s, "head_dim") && c->n_embd % c->n_head)
		return fc_fail(s->e, "%s: hidden_size %zu does not divide into %zu heads", s->where,
		    c->n_embd, c->n_head);
	int64_t head_dim = f->head_dim ? f->head_dim : (int64_t)(c->n_embd / c->n_head);
	if (natural(s, "head_dim", head_dim, 1, MAX_HEAD_DIM, &c->head_dim) < 0)
		return -1;
	if (c->head_dim % 2)
		return fc_fail(s->e, "%s: head_dim %zu is odd, which rotary embedding cannot be",
		    s->where, c->head_dim);
	return 0;
}

static int read_act(const struct source *s, const struct family *f, struct fc_config *c)
{
	static const struct {
		const char *name;
		enum fc_act act;
	} acts[] = {{"silu", FC_ACT_SILU}, {"swish", FC_ACT_SILU}, {"gelu", FC_ACT_GELU},
	    {"gelu_new", FC_ACT_GELU_TANH}, {"gelu_pytorch_tanh", FC_ACT_GELU_TANH}};
	const char *key =
	    f->gemma && has(s, "hidden_activation") ? "hidden_activation" : "hidden_act";
	const char *name;
	if (fc_json_str(s->o, key, f->gemma ? "gelu_pytorch_tanh" : "silu", &name, s->where, s->e) <
	    0)
		return -1;
	/* Gemma was published with "gelu" in hidden_act while trained with the tanh form. */
	if (f->gemma && !strcmp(name, "gelu") && !strcmp(key, "hidden_act"))
		name = "gelu_pytorch_tanh";
	for (size_t i = 0; i < FC_LEN(acts); i++)
		if (!strcmp(name, acts[i].name)) {
			c->act = acts[i].act;
			return 0;
		}
	return fc_fail(s->e, "%s: %s \"%s\" is not supported", s->where, key, name);
}

static int read_dtype(const struct source *s, struct fc_config *c)
{
	static const struct {
		const char *name;
		enum fc_dtype dtype;
	} dtypes[] = {
	    {"float32", FC_F32}, {"bfloat16", FC_BF16}, {"float16", FC_F16}, {"float64", FC_F64}};
	const char *key = has(s, "torch_dtype") ? "torch_dtype" : "dtype", *name;
	if (fc_json_str(s->o, key, "float32", &name, s->where, s->e) < 0)
		return -1;
	for (size_t i = 0; i < FC_LEN(dtypes); i++)
		if (!strcmp(name, dtypes[i].name)) {
			c->dtype = dtypes[i].dtype;
			return 0;
		}
	return fc_fail(s->e, "%s: %s \"%s\" is not supported", s->where, key, name);
}

/* rope_theta and rope_scaling, which transformers 5 moved into rope_parameters. */
static int read_rope(const struct source *s, struct fc_config *c)
{
	const char *key = has(s, "rope_parameters") ? "rope_parameters" : "rope_scaling", *type;
	json_t *scaling = json_object_get(s->o, key);
	struct source r = {scaling, s->where, s->e};
	double theta;
	if (positive(s, "rope_theta", 10000, &theta) < 0)
		return -1;
	c->rope_theta = theta;
	if (fc_json_bool(s->o, "rope_interleaved", false, &c->rope_interleaved, s->where, s->e) < 0)
		return -1;
	if (!has(s, key))
		return 0;
	if (!json_is_object(scaling))
		return fc_fail(s->e, "%s: %s: expected an object", s->where, key);
	const char *type_key = has(&r, "rope_type") ? "rope_type" : "type";
	if (!has(&r, type_key))
		return fc_fail(s->e, "%s: %s: rope_type is missing", s->where, key);
	if (positive(&r, "rope_theta", theta, &c->rope_theta) < 0 ||
	    fc_json_str(scaling, type_key, NULL, &type, s->where, s->e) < 0)
		return -1;
	if (!strcmp(type, "default"))
		return 0;
	bool llama3 = !strcmp(type, "llama3");
	if (!llama3 && strcmp(type, "linear"))
		return fc_fail(s->e, "%s: %s of type \"%s\" is not supported", s->where, key, type);
	if (!has(&r, "factor"))
		return fc_fail(s->e, "%s: %s: factor is missing", s->where, key);
	c->rope_scaling = llama3 ? FC_ROPE_LLAMA3 : FC_ROPE_LINEAR;
	if (positive(&r, "factor", 1, &c->rope_factor) < 0)
		return -1;
	if (!llama3)
		return 0;
	if (positive(&r, "low_freq_factor", 1, &c->rope_low_freq) < 0 ||
	    positive(&r, "high_freq_factor", 4, &c->rope_high_freq) < 0 ||
	    positive(&r, "original_max_position_embeddings", 8192, &c->rope_n_ctx) < 0)
		return -1;
	if (c->rope_high_freq <= c->rope_low_freq)
		return fc_fail(
		    s->e, "%s: %s: high_freq_factor is not above low_freq_factor", s->where, key);
	return 0;
}

static int read_layer_types(const struct source *s, struct fc_config *c)
{
	const json_t *types = json_object_get(s->o, "layer_types");
	if (json_array_size(types) != c->n_layer)
		return fc_fail(s->e, "%s: layer_types: expected %zu names", s->where, c->n_layer);
	for (size_t i = 0; i < c->n_layer; i++) {
		const char *t = json_string_value(json_array_get(types, i));
		bool slides = t && !strcmp(t, "sliding_attention");
		if (!t || (!slides && strcmp(t, "full_attention")))
			return fc_fail(s->e, "%s: layer_types: \"%s\" is not supported", s->where,
			    t ? t : "(not a string)");
		if (slides && !c->window)
			return fc_fail(s->e,
			    "%s: layer_types: layer %zu slides without a sliding_window", s->where,
			    i);
		c->layer_window[i] = slides ? c->window : 0;
	}
	return 0;
}

static int read_window(const struct source *s, const struct family *f, struct fc_config *c)
{
	size_t window, first = 0;
	bool use = f->window == WINDOW_ALL;
	c->layer_window = FC_ARRAY(uint32_t, c->n_layer);
	if (f->window == WINDOW_NONE)
		return 0;
	if (f->window == WINDOW_UPPER &&
	    (fc_json_bool(s->o, "use_sliding_window", false, &use, s->where, s->e) < 0 ||
		natural(s, "max_window_layers", 28, 0, INT32_MAX, &first) < 0))
		return -1;
	/* null: no window; absent: the default of the class */
	if (use && !json_is_null(json_object_get(s->o, "sliding_window"))) {
		if (natural(s, "sliding_window", 4096, 1, MAX_CTX, &window) < 0)
			return -1;
		c->window = (uint32_t)window;
	}
	for (size_t i = first; i < c->n_layer; i++)
		c->layer_window[i] = c->window;
	return has(s, "layer_types") ? read_layer_types(s, c) : 0;
}

static int read_flags(const struct source *s, const struct family *f, struct fc_config *c)
{
	bool attention_bias = false;
	double eps, partial;
	if (fc_json_bool(s->o, "tie_word_embeddings", f->tied, &c->tied, s->where, s->e) < 0)
		return -1;
	if (f->attention_bias &&
	    fc_json_bool(s->o, "attention_bias", false, &attention_bias, s->where, s->e) < 0)
		return -1;
	if (f->mlp_bias && fc_json_bool(s->o, "mlp_bias", false, &c->mlp_bias, s->where, s->e) < 0)
		return -1;
	if (positive(s, "rms_norm_eps", 1e-6, &eps) < 0 ||
	    positive(s, "partial_rotary_factor", 1, &partial) < 0)
		return -1;
	if (partial != 1)
		return fc_fail(s->e, "%s: partial_rotary_factor is not supported", s->where);
	if (has(s, "quantization_config"))
		return fc_fail(
		    s->e, "%s: quantized models (quantization_config) are not supported", s->where);
	c->norm_eps = (float)eps;
	c->qkv_bias = f->qkv_bias || attention_bias;
	c->o_bias = attention_bias;
	c->qk_norm = f->qk_norm;
	c->norm_plus_one = f->gemma;
	c->embed_scale = 1;
	if (f->gemma) {
		uint64_t rounded = 0;
		float scale = (float)sqrt((double)c->n_embd);
		fc_from_f32(&rounded, c->dtype, &scale, 1);
		fc_to_f32(&c->embed_scale, &rounded, c->dtype, 1);
	}
	return 0;
}

static const struct family *find_family(const struct source *s)
{
	const char *type;
	if (!json_is_object(s->o)) {
		fc_fail(s->e, "%s: expected an object", s->where);
		return NULL;
	}
	if (fc_json_str(s->o, "model_type", NULL, &type, s->where, s->e) < 0)
		return NULL;
	if (!type) {
		fc_fail(s->e, "%s: model_type is missing", s->where);
		return NULL;
	}
	for (size_t i = 0; i < FC_LEN(families); i++)
		if (!strcmp(type, families[i].type))
			return &families[i];
	fc_fail(s->e,
	    "%s: model_type \"%s\" is not supported (llama, mistral, qwen2, qwen3 and gemma "
	    "are)",
	    s->where, type);
	return NULL;
}

static int read_all(const struct source *s, struct fc_config *c)
{
	const struct family *f = find_family(s);
	if (!f)
		return -1;
	memcpy(c->model_type, f->type, strlen(f->type) + 1);
	c->architecture = f->architecture;
	if (read_shape(s, f, c) < 0 || read_act(s, f, c) < 0 || read_dtype(s, c) < 0 ||
	    read_rope(s, c) < 0 || read_window(s, f, c) < 0)
		return -1;
	return read_flags(s, f, c);
}

int fc_config_load(struct fc_config *c, const char *path, struct fc_err *e)
{
	struct stat st;
	bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	char *file = folder ? fc_path_join(path, "config.json") : fc_strdup(path);
	*c = (struct fc_config){.json = fc_json_file(file, e)};
	int ret = -1;
	if (c->json)
		ret = read_all(&(struct source){c->json, file, e}, c);
	if (ret < 0)
		fc_config_release(c);
	free(file);
	return ret;
}

void fc_config_release(struct fc_config *c)
{
	json_decref(c->json);
	free(c->layer_window);
	*c = (struct fc_config){.json = NULL};
}

/* Llama 3.1: slow components are interpolated by the factor, fast ones kept, those between
 * blended (transformers, modeling_rope_utils.py). */
static double scale_llama3(const struct fc_config *c, double freq)
{
	double wave = 2 * 3.14159265358979323846 / freq;
	if (wave < c->rope_n_ctx / c->rope_high_freq)
		return freq;
	if (wave > c->rope_n_ctx / c->rope_low_freq)
		return freq / c->rope_factor;
	double keep =
	    (c->rope_n_ctx / wave - c->rope_low_freq) / (c->rope_high_freq - c->rope_low_freq);
	return (1 - keep) * freq / c->rope_factor + keep * freq;
}

void fc_config_rope(const struct fc_config *c, struct fc_rope *r)
{
	*r =
	    (struct fc_rope){c->head_dim, FC_ARRAY(float, c->head_dim / 2), 1, c->rope_interleaved};
	for (size_t i = 0; i < c->head_dim / 2; i++) {
		double freq = pow(c->rope_theta, -2.0 * (double)i / (double)c->head_dim);
		if (c->rope_scaling == FC_ROPE_LINEAR)
			freq /= c->rope_factor;
		else if (c->rope_scaling == FC_ROPE_LLAMA3)
			freq = scale_llama3(c, freq);
		r->inv_freq[i] = (float)freq;
	}
}
