/* SPDX-License-Identifier: Apache-2.0 */
#include "model/config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/family.h"
#include "store/gguf_hf.h"
#include "store/store.h"
#include "store/modelpath.h"

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

static const char *key_or(const char *key, const char *usual)
{
	return key ? key : usual;
}

static int read_head_dim(const struct fc_fields *s, const struct fc_keys *k, struct fc_config *c)
{
	const char *key = key_or(k->head_dim, "head_dim");
	if (c->n_head % c->n_head_kv)
		return fc_fail(s->e, "%s: %zu heads do not divide into %zu key/value heads",
		    s->where, c->n_head, c->n_head_kv);
	if (!c->head_dim && !fc_fields_has(s, key) && c->n_embd % c->n_head)
		return fc_fail(s->e, "%s: %s %zu does not divide into %zu heads", s->where,
		    key_or(k->n_embd, "hidden_size"), c->n_embd, c->n_head);
	const size_t def = c->head_dim ? c->head_dim : c->n_embd / c->n_head;
	if (fc_fields_natural(s, key, (int64_t)def, 1, MAX_HEAD_DIM, &c->head_dim) < 0)
		return -1;
	if (c->head_dim > MAX_HEAD_DIM)
		return fc_fail(s->e, "%s: heads of %zu are not supported (up to %d are)", s->where,
		    c->head_dim, MAX_HEAD_DIM);
	return 0;
}

static int read_shape(const struct fc_fields *s, struct fc_config *c)
{
	const struct fc_family *f = c->family;
	const struct fc_keys *k = &f->keys;
	const char *kv = key_or(k->n_head_kv, "num_key_value_heads");
	if (fc_fields_size(s, "vocab_size", c->n_vocab, MAX_VOCAB, &c->n_vocab) < 0 ||
	    fc_fields_size(s, key_or(k->n_embd, "hidden_size"), c->n_embd, MAX_EMBD, &c->n_embd) <
		0)
		return -1;
	const size_t n_ff = f->n_ff_by_embd ? f->n_ff_by_embd * c->n_embd : c->n_ff;
	if (fc_fields_size(s, key_or(k->n_ff, "intermediate_size"), n_ff, MAX_FF, &c->n_ff) < 0 ||
	    fc_fields_size(s, key_or(k->n_layer, "num_hidden_layers"), c->n_layer, MAX_LAYER,
		&c->n_layer) < 0 ||
	    fc_fields_size(
		s, key_or(k->n_head, "num_attention_heads"), c->n_head, MAX_HEAD, &c->n_head) < 0)
		return -1;
	const size_t n_kv = c->n_head_kv ? c->n_head_kv : c->n_head;
	if (fc_fields_size(s, kv, n_kv, MAX_HEAD, &c->n_head_kv) < 0 ||
	    fc_fields_size(
		s, key_or(k->n_ctx, "max_position_embeddings"), c->n_ctx, MAX_CTX, &c->n_ctx) < 0)
		return -1;
	return read_head_dim(s, k, c);
}

static int read_act(const struct fc_fields *s, struct fc_config *c)
{
	static const struct {
		const char *name;
		enum fc_act act;
	} acts[] = {{"silu", FC_ACT_SILU}, {"swish", FC_ACT_SILU}, {"gelu", FC_ACT_GELU},
	    {"gelu_new", FC_ACT_GELU_TANH}, {"gelu_fast", FC_ACT_GELU_TANH},
	    {"gelu_pytorch_tanh", FC_ACT_GELU_TANH}};
	const char *key = key_or(c->family->keys.act, "hidden_act"), *name;
	if (!fc_fields_has(s, key))
		key = "hidden_act";
	if (!fc_fields_has(s, key))
		return 0; /* the family's */
	if (fc_json_str(s->o, key, NULL, &name, s->where, s->e) < 0)
		return -1;
	for (size_t i = 0; i < FC_LEN(acts); i++)
		if (!strcmp(name, acts[i].name)) {
			c->act = acts[i].act;
			return 0;
		}
	return fc_fail(s->e, "%s: %s \"%s\" is not supported", s->where, key, name);
}

static int read_dtype(const struct fc_fields *part, struct fc_config *c)
{
	static const struct {
		const char *name;
		enum fc_dtype dtype;
	} dtypes[] = {
	    {"float32", FC_F32}, {"bfloat16", FC_BF16}, {"float16", FC_F16}, {"float64", FC_F64}};
	const struct fc_fields whole = {c->json, part->where, part->e};
	const bool here = fc_fields_has(part, "torch_dtype") || fc_fields_has(part, "dtype");
	const struct fc_fields *s = here ? part : &whole;
	const char *key = fc_fields_has(s, "dtype") ? "dtype" : "torch_dtype", *name;
	if (fc_json_str(s->o, key, "float32", &name, s->where, s->e) < 0)
		return -1;
	for (size_t i = 0; i < FC_LEN(dtypes); i++)
		if (!strcmp(name, dtypes[i].name)) {
			c->dtype = dtypes[i].dtype;
			return 0;
		}
	return fc_fail(s->e, "%s: %s \"%s\" is not supported", s->where, key, name);
}

/* How much of a head rotates; transformers 5 has it beside the scaling. */
static int read_rotary_part(
    const struct fc_fields *s, const struct fc_fields *inner, struct fc_config *c)
{
	const struct fc_family *f = c->family;
	double part = f->rotary_part > 0 ? f->rotary_part : 1;
	if ((f->keys.partial_rotary && fc_fields_positive(s, f->keys.partial_rotary, &part) < 0) ||
	    fc_fields_positive(s, "partial_rotary_factor", &part) < 0 ||
	    fc_fields_positive(inner, "partial_rotary_factor", &part) < 0)
		return -1;
	if (part > 1 || (part < 1 && !f->keys.partial_rotary))
		return fc_fail(s->e, "%s: partial_rotary_factor is not supported", s->where);
	c->rope.n_rot = (size_t)((double)c->head_dim * part);
	if (c->rope.n_rot % 2 || !c->rope.n_rot)
		return fc_fail(s->e,
		    "%s: head_dim %zu of which %zu rotate: the latter must be even", s->where,
		    c->head_dim, c->rope.n_rot);
	return 0;
}

/* rope_theta and rope_scaling, which transformers 5 moved into rope_parameters; there may be one of
 * those for every kind of layer. */
static int read_rope(const struct fc_fields *s, struct fc_config *c)
{
	const char *key = fc_fields_has(s, "rope_parameters") ? "rope_parameters" : "rope_scaling";
	struct fc_fields outer = *s, inner = {json_object_get(s->o, key), s->where, s->e};
	if (c->position != FC_POS_ROPE)
		return 0;
	if (fc_fields_has(&inner, "full_attention")) {
		outer = inner;
		key = "full_attention";
		inner.o = json_object_get(outer.o, key);
	}
	if (read_rotary_part(s, &inner, c) < 0 ||
	    fc_fields_positive(
		s, key_or(c->family->keys.rope_theta, "rope_theta"), &c->rope.theta) < 0)
		return -1;
	if (fc_fields_positive(s, "original_max_position_embeddings", &c->rope.n_ctx_before) < 0)
		return -1;
	c->rope.n_ctx = (double)c->n_ctx;
	c->rope_sliding = c->rope;
	c->rope_sliding.attention_factor = 1;
	return fc_ropespec_read(&c->rope, &outer, key);
}

static int read_layer_types(const struct fc_fields *s, struct fc_config *c)
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

static int read_window(const struct fc_fields *s, struct fc_config *c)
{
	const struct fc_family *f = c->family;
	size_t window = c->window, first = 0, turn = f->window_turn;
	bool use = f->window != FC_WINDOW_UPPER;
	c->layer_window = FC_ARRAY(uint32_t, c->n_layer);
	if (!f->keys.window)
		return 0;
	if (f->window == FC_WINDOW_UPPER &&
	    (fc_fields_flag(s, "use_sliding_window", &use) < 0 ||
		fc_fields_natural(s, "max_window_layers", 28, 0, INT32_MAX, &first) < 0))
		return -1;
	if (f->window == FC_WINDOW_TURNS &&
	    fc_fields_natural(s, "sliding_window_pattern", (int64_t)turn, 1, MAX_LAYER, &turn) < 0)
		return -1;
	/* null: no window; absent: the default of the class */
	const json_t *null = json_object_get(s->o, f->keys.window);
	if (fc_fields_natural(s, f->keys.window, (int64_t)window, 1, MAX_CTX, &window) < 0)
		return -1;
	c->window = use && !(null && json_is_null(null)) ? (uint32_t)window : 0;
	for (size_t i = first; i < c->n_layer; i++)
		c->layer_window[i] =
		    f->window == FC_WINDOW_TURNS && (i + 1) % turn == 0 ? 0 : c->window;
	return fc_fields_has(s, "layer_types") ? read_layer_types(s, c) : 0;
}

/* Beside the text part, or in it. */
static int read_quantized(const struct fc_fields *s, struct fc_config *c)
{
	const bool here = fc_fields_has(s, "quantization_config");
	return fc_quantized_read(&c->quantized, here ? s->o : c->json, s->where, s->e);
}

int fc_config_check_whole(const struct fc_config *c, const char *where, struct fc_err *e)
{
	if (!c->quantized.kind)
		return 0;
	return fc_fail(e,
	    "%s: the model is quantized (%s): it can be a source, but is neither trained nor "
	    "converted; take it as it was before",
	    where, c->quantized.method);
}

static int read_flags(const struct fc_fields *s, struct fc_config *c)
{
	const struct fc_keys *k = &c->family->keys;
	const struct fc_fields whole = {c->json, s->where, s->e};
	double eps = (double)c->norm_eps;
	/* of a text part the whole has the last word, where it has one */
	if (fc_fields_flag(s, "tie_word_embeddings", &c->tied) < 0 ||
	    fc_fields_flag(&whole, "tie_word_embeddings", &c->tied) < 0 ||
	    fc_fields_positive(s, key_or(k->norm_eps, "rms_norm_eps"), &eps) < 0)
		return -1;
	if (k->attention_bias) {
		bool bias = c->o_bias;
		if (fc_fields_flag(s, k->attention_bias, &bias) < 0)
			return -1;
		c->qkv_bias = c->o_bias = bias;
	}
	if (k->mlp_bias && fc_fields_flag(s, k->mlp_bias, &c->mlp_bias) < 0)
		return -1;
	c->norm_eps = (float)eps;
	return read_quantized(s, c);
}

/* Gemma multiplies by sqrt(n_embd) in the model's own precision. */
static void set_embed_scale(struct fc_config *c)
{
	uint64_t rounded = 0;
	float scale = (float)sqrt((double)c->n_embd);
	c->embed_scale = 1;
	if (!c->scaled_embed)
		return;
	fc_from_f32(&rounded, c->dtype, &scale, 1);
	fc_to_f32(&c->embed_scale, &rounded, c->dtype, 1);
}

static int read_all(const struct fc_fields *s, struct fc_config *c, json_t *json)
{
	const char *type;
	if (fc_json_str(s->o, "model_type", NULL, &type, s->where, s->e) < 0)
		return -1;
	if (!type)
		return fc_fail(s->e, "%s: model_type is missing", s->where);
	const struct fc_family *f = fc_family_find(type, s->where, s->e);
	if (!f)
		return -1;
	*c = f->preset;
	c->json = json;
	c->family = f;
	c->model_type = f->type;
	c->architecture = f->architecture;
	c->text_part = s->o != json;
	if (read_shape(s, c) < 0 || read_act(s, c) < 0 || read_dtype(s, c) < 0 ||
	    read_rope(s, c) < 0 || read_window(s, c) < 0 || read_flags(s, c) < 0)
		return -1;
	set_embed_scale(c);
	c->head_value = c->head_dim;
	return f->read ? f->read(c, s) : 0;
}

int fc_config_read(struct fc_config *c, json_t *o, const char *where, struct fc_err *e)
{
	struct fc_fields s = {o, where, e};
	*c = (struct fc_config){.json = json_incref(o)};
	const json_t *text = json_object_get(o, "text_config");
	const char *type = json_string_value(json_object_get(o, "model_type"));
	if (type && (!strcmp(type, "gemma3") || !strcmp(type, "mistral3")) && json_is_object(text))
		s.o = text;
	if (!json_is_object(o))
		fc_fail(e, "%s: expected an object", where);
	else if (read_all(&s, c, o) == 0)
		return 0;
	fc_config_release(c);
	return -1;
}

/* config.json, or what the metadata of a GGUF file say in its place. */
static json_t *load_json(const char *path, const char *gguf_path, struct fc_err *e)
{
	struct fc_gguf *g;
	if (!gguf_path)
		return fc_json_file(path, e);
	if (fc_gguf_open(&g, gguf_path, e) < 0)
		return NULL;
	json_t *o = fc_gguf_config(g, e);
	fc_gguf_close(g);
	return o;
}

int fc_config_load(struct fc_config *c, const char *path, struct fc_err *e)
{
	struct stat st;
	*c = (struct fc_config){.json = NULL};
	if (fc_modelpath_check(path, e) < 0)
		return -1;
	bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	char *gguf = fc_store_gguf_path(path);
	char *file = gguf ? fc_strdup(gguf)
	    : folder      ? fc_path_join(path, "config.json")
			  : fc_strdup(path);
	json_t *o = load_json(file, gguf, e);
	int ret = o ? fc_config_read(c, o, file, e) : -1;
	json_decref(o);
	free(file);
	free(gguf);
	return ret;
}

void fc_config_release(struct fc_config *c)
{
	json_decref(c->json);
	free(c->layer_window);
	free(c->no_rope);
	fc_ropespec_release(&c->rope);
	fc_ropespec_release(&c->rope_sliding);
	*c = (struct fc_config){.json = NULL};
}
