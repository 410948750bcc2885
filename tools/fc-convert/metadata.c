/* SPDX-License-Identifier: Apache-2.0 */
/* The metadata of the model itself; keys as in llama.cpp's converter. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "fc-convert/convert.h"
#include "model/family.h"

#define PI 3.14159265358979323846

/* Adds "ARCH.name". */
struct adder {
	const struct fc_gguf_family *f;
	struct fc_gguf_meta *m;
};

static char *key_of(const struct adder *a, const char *name)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%s.%s", a->f->arch, name);
	return fc_buf_detach(&b);
}

static void add_u32(const struct adder *a, const char *name, size_t v)
{
	char *key = key_of(a, name);
	fc_gguf_add_u32(a->m, key, (uint32_t)v);
	free(key);
}

static void add_f32(const struct adder *a, const char *name, double v)
{
	char *key = key_of(a, name);
	fc_gguf_add_f32(a->m, key, (float)v);
	free(key);
}

static void add_bool(const struct adder *a, const char *name, bool v)
{
	char *key = key_of(a, name);
	fc_gguf_add_bool(a->m, key, v);
	free(key);
}

static void add_text(const struct adder *a, const char *name, const char *v)
{
	char *key = key_of(a, name);
	fc_gguf_add_str(a->m, key, v, strlen(v));
	free(key);
}

static bool is_arch(const struct adder *a, const char *arch)
{
	return !strcmp(a->f->arch, arch);
}

/* A tensor that GGUF has for what is a number in config.json. */
static void add_made(struct items *items, const char *name, float *v, size_t n)
{
	FC_GROW(items->v, items->cap, items->n + 1);
	items->v[items->n++] = (struct item){.out = {.name = fc_strdup(name),
						 .dtype = FC_F32,
						 .n_dim = 1,
						 .dim = {(int64_t)n},
						 .n_bytes = n * sizeof *v},
	    .made = v};
}

/* What the base frequencies are divided by (transformers, modeling_rope_utils.py). */
static void add_llama3(const struct fc_ropespec *r, struct items *items)
{
	const size_t n = r->n_rot / 2;
	float *by = FC_ARRAY(float, n);
	for (size_t i = 0; i < n; i++) {
		const double wave = 2 * PI * pow(r->theta, (double)i / (double)n);
		const double smooth =
		    (r->n_ctx_before / wave - r->low_freq) / (r->high_freq - r->low_freq);
		by[i] = wave < r->n_ctx_before / r->high_freq ? 1
		    : wave > r->n_ctx_before / r->low_freq
		    ? (float)r->factor
		    : (float)(1 / ((1 - smooth) / r->factor + smooth));
	}
	add_made(items, "rope_freqs.weight", by, n);
}

static void add_longrope(const struct adder *a, const struct fc_ropespec *r, struct items *items)
{
	const size_t n = r->n_rot / 2;
	float *by_long = FC_ARRAY(float, n), *by_short = FC_ARRAY(float, n);
	for (size_t i = 0; i < n; i++) {
		by_long[i] = (float)r->long_by[i];
		by_short[i] = (float)r->short_by[i];
	}
	add_made(items, "rope_factors_long.weight", by_long, n);
	add_made(items, "rope_factors_short.weight", by_short, n);
	add_f32(a, "rope.scaling.attn_factor", r->attention_factor);
}

/* Readers have the usual attention factor by themselves and multiply it by attn_factor. */
static int add_yarn(
    const struct convert *c, const struct adder *a, const struct fc_ropespec *r, struct fc_err *e)
{
	const double usual = r->factor > 1 ? 0.1 * log(r->factor) + 1 : 1;
	if (!r->truncate)
		return fc_fail(e, "%s: rope_parameters: truncate false: GGUF can't say", c->from);
	add_u32(a, "rope.scaling.original_context_length", (size_t)r->n_ctx_before);
	if (fabs(r->attention_factor - usual) > 1e-6 * usual)
		add_f32(a, "rope.scaling.attn_factor", r->attention_factor / usual);
	add_f32(a, "rope.scaling.yarn_beta_fast", r->beta_fast);
	add_f32(a, "rope.scaling.yarn_beta_slow", r->beta_slow);
	return 0;
}

static int add_rope(
    const struct convert *c, const struct adder *a, struct items *items, struct fc_err *e)
{
	const struct fc_ropespec *r = &c->config.rope;
	const bool phi3 = is_arch(a, "phi3");
	if (c->config.position != FC_POS_ROPE)
		return 0;
	add_u32(a, "rope.dimension_count", r->n_rot);
	add_f32(a, "rope.freq_base", r->theta);
	if (phi3 && r->n_ctx_before > 0)
		add_u32(a, "rope.scaling.original_context_length", (size_t)r->n_ctx_before);
	if (r->scaling == FC_ROPE_LLAMA3) {
		add_u32(a, "rope.scaling.original_context_length",
		    (size_t)rint(r->n_ctx_before / r->low_freq));
		add_llama3(r, items);
	} else if (r->scaling == FC_ROPE_LONGROPE && phi3) {
		add_longrope(a, r, items);
	} else if (r->scaling == FC_ROPE_LINEAR || r->scaling == FC_ROPE_YARN) {
		add_text(a, "rope.scaling.type", r->scaling == FC_ROPE_YARN ? "yarn" : "linear");
		add_f32(a, "rope.scaling.factor", r->factor);
		return r->scaling == FC_ROPE_YARN ? add_yarn(c, a, r, e) : 0;
	} else if (r->scaling != FC_ROPE_PLAIN) {
		return fc_fail(e, "%s: GGUF has no such rope scaling for architecture %s", c->from,
		    a->f->arch);
	}
	return 0;
}

/* Models called llama have no window in GGUF: what they say beyond it differs. */
static void warn_of_window(const struct convert *c, const char *arch)
{
	const struct fc_config *g = &c->config;
	for (size_t i = 0; i < g->n_layer; i++)
		if (g->layer_window[i] && g->layer_window[i] < g->n_ctx) {
			fc_warn(
			    "%s: sees %u tokens back; GGUF of architecture %s can't say so, and "
			    "programs that read it will see all",
			    c->from, (unsigned)g->layer_window[i], arch);
			return;
		}
}

/* All but every turn-th layer have the window: the only way GGUF can say. */
static bool window_turns(const struct fc_config *g, size_t turn)
{
	for (size_t i = 0; i < g->n_layer; i++)
		if (!g->layer_window[i] != !((i + 1) % turn))
			return false;
	return true;
}

/* Sliding windows and soft caps. */
static int add_gemma(const struct convert *c, const struct adder *a, struct fc_err *e)
{
	const struct fc_config *g = &c->config;
	const bool second = is_arch(a, "gemma2"), third = is_arch(a, "gemma3");
	size_t turn = second ? 2 : 6;
	if (!second && !third && !is_arch(a, "phi3")) {
		warn_of_window(c, a->f->arch);
		return 0;
	}
	if (third && !window_turns(g, turn))
		for (turn = 1; turn <= g->n_layer && !window_turns(g, turn);)
			turn++;
	if (g->window && (second || third) && !window_turns(g, turn))
		return fc_fail(e, "%s: GGUF can't say which layers have a window", c->from);
	if (g->window)
		add_u32(a, "attention.sliding_window", g->window);
	if (third && turn != 6)
		add_u32(a, "attention.sliding_window_pattern", turn);
	if (g->attn_softcap > 0)
		add_f32(a, "attn_logit_softcapping", (double)g->attn_softcap);
	if (g->logit_softcap > 0)
		add_f32(a, "final_logit_softcapping", (double)g->logit_softcap);
	if (third)
		add_f32(a, "rope.freq_base_swa", g->rope_sliding.theta);
	return 0;
}

/* The scale of the scores is in no key: readers know the 27B models by their layers. */
static int check_scale(const struct convert *c, const struct adder *a, struct fc_err *e)
{
	const struct fc_config *g = &c->config;
	const bool wide = (is_arch(a, "gemma2") && g->n_layer == 46) ||
	    (is_arch(a, "gemma3") && g->n_layer == 62);
	const double usual = wide ? (double)g->n_embd / (double)g->n_head : (double)g->head_dim;
	if (g->scale_by_layer ||
	    (g->query_scale > 0 && fabs(g->query_scale - usual) > 1e-9 * usual))
		return fc_fail(e,
		    "%s: scores scaled by another number than sqrt(%g): GGUF can't say", c->from,
		    usual);
	return 0;
}

/* Activations are known by the architecture. */
static int check_act(const struct convert *c, const struct adder *a, struct fc_err *e)
{
	const bool tanh_form = !strncmp(a->f->arch, "gemma", 5) || is_arch(a, "gpt2");
	const enum fc_act usual = tanh_form              ? FC_ACT_GELU_TANH
	    : is_arch(a, "gptneox") || is_arch(a, "mpt") ? FC_ACT_GELU
							 : FC_ACT_SILU;
	if (c->config.act != usual)
		return fc_fail(e, "%s: another activation than architecture %s has in GGUF",
		    c->from, a->f->arch);
	return 0;
}

static uint32_t file_type(const struct items *items)
{
	/* llama.h, enum llama_ftype */
	static const struct {
		enum fc_dtype dtype;
		uint32_t number;
	} known[] = {{FC_F32, 0}, {FC_F16, 1}, {FC_Q4_0, 2}, {FC_Q4_1, 3}, {FC_Q8_0, 7},
	    {FC_Q5_0, 8}, {FC_Q5_1, 9}, {FC_Q2_K, 10}, {FC_Q3_K, 12}, {FC_Q4_K, 15}, {FC_Q5_K, 17},
	    {FC_Q6_K, 18}, {FC_IQ4_NL, 25}, {FC_BF16, 32}};
	size_t bytes[FC_DTYPE_N] = {0}, best = 0;
	for (size_t i = 0; i < items->n; i++)
		if (items->v[i].out.n_dim > 1)
			bytes[items->v[i].out.dtype] += items->v[i].out.n_bytes;
	for (size_t i = 1; i < FC_LEN(known); i++)
		if (bytes[known[i].dtype] > bytes[known[best].dtype])
			best = i;
	return known[best].number;
}

static void add_sizes(const struct convert *c, const struct adder *a)
{
	const struct fc_config *g = &c->config;
	add_u32(a, "block_count", g->n_layer);
	add_u32(a, "context_length", g->n_ctx);
	add_u32(a, "embedding_length", g->n_embd);
	add_u32(a, "feed_forward_length", g->n_ff);
	add_u32(a, "attention.head_count", g->n_head);
	if (!g->layer_norm)
		add_u32(a, "attention.head_count_kv", g->n_head_kv);
	add_f32(a,
	    g->layer_norm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon",
	    (double)g->norm_eps);
	if (!g->layer_norm) {
		add_u32(a, "attention.key_length", g->head_dim);
		add_u32(a, "attention.value_length", g->head_dim);
	}
	add_u32(a, "vocab_size", g->n_vocab);
	if (g->n_expert) {
		add_u32(a, "expert_count", g->n_expert);
		add_u32(a, "expert_used_count", g->n_expert_used);
	}
	if (is_arch(a, "gptneox"))
		add_bool(a, "use_parallel_residual", g->parallel);
	if (is_arch(a, "mpt")) {
		add_f32(a, "attention.max_alibi_bias", (double)g->alibi_max);
		if (g->qkv_clip > 0)
			add_f32(a, "attention.clamp_kqv", (double)g->qkv_clip);
	}
}

int convert_metadata(const struct convert *c, const struct fc_gguf_family *f,
    struct fc_gguf_meta *m, struct items *items, struct fc_err *e)
{
	const struct adder a = {f, m};
	const uint32_t type = file_type(items);
	fc_gguf_add_str(m, "general.architecture", f->arch, strlen(f->arch));
	fc_gguf_add_str(m, "general.type", "model", 5);
	if (c->name)
		fc_gguf_add_str(m, "general.name", c->name, strlen(c->name));
	add_sizes(c, &a);
	if (add_rope(c, &a, items, e) < 0 || add_gemma(c, &a, e) < 0 || check_scale(c, &a, e) < 0 ||
	    check_act(c, &a, e) < 0)
		return -1;
	fc_gguf_add_u32(m, "general.file_type", type);
	fc_gguf_add_u32(m, "general.quantization_version", 2);
	return 0;
}
