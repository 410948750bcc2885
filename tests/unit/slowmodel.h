/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TESTS_SLOWMODEL_H
#define FC_TESTS_SLOWMODEL_H

/*
 * The families that are trained once more, in double precision and one token at a time, written
 * from the published formulas and sharing no code with the library: the oracle of the model tests.
 * tests/data/model/golden.py says what the numbers of fill() are.
 */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/config.h"

#define SLOW_PI 3.14159265358979323846

struct slow_tensor {
	int layer;        /* -1: of the whole model */
	const char *name; /* after "model.layers.N." */
	size_t n_name;    /* its length */
	size_t n;
	double *w;
};

struct slow_model {
	const struct fc_config *c;
	struct slow_tensor *t;
	size_t n;
};

static inline uint32_t slow_fnv1a(const char *s)
{
	uint32_t h = 2166136261u;
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

static inline double slow_fill(uint32_t seed, size_t i)
{
	uint32_t h = (uint32_t)(i + 1) * 0x9e3779b1u ^ seed;
	h ^= h >> 16;
	h *= 0x85ebca6bu;
	h ^= h >> 13;
	h *= 0xc2b2ae35u;
	h ^= h >> 16;
	return ((double)(h >> 26) - 32) / 128;
}

/* The values of golden.py. */
static inline double slow_weight(const struct fc_config *c, const char *name, size_t i)
{
	double w = slow_fill(slow_fnv1a(name), i);
	return (strstr(name, "norm") || strstr(name, "ln_")) && !c->norm_plus_one ? 1 + w : w;
}

static inline void slow_name(struct slow_tensor *t, const char *name)
{
	static const char *const layers[] = {
	    "model.layers.", "transformer.h.", "gpt_neox.layers.", "transformer.blocks."};
	t->layer = -1;
	t->name = name;
	for (int i = 0; i < 4; i++)
		if (!strncmp(name, layers[i], strlen(layers[i]))) {
			const char *number = name + strlen(layers[i]);
			t->layer = atoi(number);
			t->name = strchr(number, '.') + 1;
		}
	t->n_name = strlen(t->name);
}

/* The tensor called name and suffix, or NULL. */
static inline const double *slow_find(
    const struct slow_model *m, int layer, const char *name, const char *suffix)
{
	const size_t n = strlen(name), n_all = n + strlen(suffix);
	for (size_t i = 0; i < m->n; i++)
		if (m->t[i].layer == layer && m->t[i].n_name == n_all &&
		    !memcmp(m->t[i].name, name, n) && !memcmp(m->t[i].name + n, suffix, n_all - n))
			return m->t[i].w;
	return NULL;
}

static inline int slow_is(const struct slow_model *m, const char *type)
{
	const char *own = m->c->model_type;
	return *own == *type && !strcmp(own, type); /* often asked */
}

static inline int slow_is_one_of(const struct slow_model *m, const char *a, const char *b)
{
	return slow_is(m, a) || slow_is(m, b);
}

/* What a family calls the parts that Llama has; "" where it has none. */
static inline const char *slow_called(const struct slow_model *m, const char *name)
{
	static const char *const names[][3] = {{"internlm2", "input_layernorm", "attention_norm"},
	    {"internlm2", "self_attn.o_proj", "attention.wo"},
	    {"internlm2", "post_attention_layernorm", "ffn_norm"},
	    {"internlm2", "mlp.gate_proj", "feed_forward.w1"},
	    {"internlm2", "mlp.up_proj", "feed_forward.w3"},
	    {"internlm2", "mlp.down_proj", "feed_forward.w2"},
	    {"internlm2", "model.embed_tokens", "model.tok_embeddings"},
	    {"internlm2", "lm_head", "output"}, {"gpt2", "input_layernorm", "ln_1"},
	    {"gpt2", "self_attn.o_proj", "attn.c_proj"},
	    {"gpt2", "post_attention_layernorm", "ln_2"}, {"gpt2", "mlp.up_proj", "mlp.c_fc"},
	    {"gpt2", "mlp.down_proj", "mlp.c_proj"},
	    {"gpt2", "model.embed_tokens", "transformer.wte"},
	    {"gpt2", "model.norm", "transformer.ln_f"},
	    {"gpt_neox", "self_attn.o_proj", "attention.dense"},
	    {"gpt_neox", "mlp.up_proj", "mlp.dense_h_to_4h"},
	    {"gpt_neox", "mlp.down_proj", "mlp.dense_4h_to_h"},
	    {"gpt_neox", "model.embed_tokens", "gpt_neox.embed_in"},
	    {"gpt_neox", "model.norm", "gpt_neox.final_layer_norm"},
	    {"gpt_neox", "lm_head", "embed_out"}, {"mpt", "input_layernorm", "norm_1"},
	    {"mpt", "self_attn.o_proj", "attn.out_proj"},
	    {"mpt", "post_attention_layernorm", "norm_2"}, {"mpt", "mlp.up_proj", "ffn.up_proj"},
	    {"mpt", "mlp.down_proj", "ffn.down_proj"},
	    {"mpt", "model.embed_tokens", "transformer.wte"},
	    {"mpt", "model.norm", "transformer.norm_f"},
	    {"gemma2", "post_attention_layernorm", "pre_feedforward_layernorm"},
	    {"gemma3_text", "post_attention_layernorm", "pre_feedforward_layernorm"},
	    {"cohere", "post_attention_layernorm", "input_layernorm"},
	    {"cohere2", "post_attention_layernorm", "input_layernorm"},
	    {"olmo2", "post_attention_layernorm", ""}, {"olmo3", "post_attention_layernorm", ""}};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (slow_is(m, names[i][0]) && !strcmp(name, names[i][1]))
			return names[i][2];
	return name;
}

/* y may be x; a norm that is not there changes nothing. */
static inline void slow_norm(
    const struct slow_model *m, int layer, const char *name, double *y, const double *x, size_t n)
{
	const double *w = slow_find(m, layer, name, ".weight");
	const double *b = slow_find(m, layer, name, ".bias");
	const int centred = slow_is_one_of(m, "cohere", "cohere2") || slow_is(m, "gpt2") ||
	    slow_is_one_of(m, "gpt_neox", "mpt");
	double sum = 0, mean = 0;
	for (size_t i = 0; centred && i < n; i++)
		mean += x[i] / (double)n;
	for (size_t i = 0; i < n; i++)
		sum += (x[i] - mean) * (x[i] - mean);
	const double r = 1 / sqrt(sum / (double)n + (double)m->c->norm_eps);
	for (size_t i = 0; i < n; i++)
		y[i] = !w
		    ? x[i]
		    : (x[i] - mean) * r * (m->c->norm_plus_one ? 1 + w[i] : w[i]) + (b ? b[i] : 0);
}

/* y = W x + b with the tensors NAME.weight and NAME.bias, the latter if there is one */
static inline void slow_linear(const struct slow_model *m, int layer, const char *name, double *y,
    size_t n_out, const double *x, size_t n_in)
{
	const double *w = slow_find(m, layer, slow_called(m, name), ".weight");
	const double *b = slow_find(m, layer, slow_called(m, name), ".bias");
	for (size_t o = 0; o < n_out; o++) {
		y[o] = b ? b[o] : 0;
		for (size_t i = 0; i < n_in; i++)
			y[o] += w[o * n_in + i] * x[i];
	}
}

/* Row r of Phi-3's gate_up_proj or of one of the fused projections. */
static inline double slow_row(
    const struct slow_model *m, int layer, const char *name, size_t r, const double *x, size_t n_in)
{
	const double *w = slow_find(m, layer, name, ".weight");
	const double *b = slow_find(m, layer, name, ".bias");
	double y = b ? b[r] : 0;
	for (size_t i = 0; i < n_in; i++)
		y += w[r * n_in + i] * x[i];
	return y;
}

/* The one matrix of queries, keys and values; NULL: they are three. */
static inline const char *slow_fused(const struct slow_model *m)
{
	return slow_is(m, "phi3")     ? "self_attn.qkv_proj"
	    : slow_is(m, "internlm2") ? "attention.wqkv"
	    : slow_is(m, "gpt2")      ? "attn.c_attn"
	    : slow_is(m, "gpt_neox")  ? "attention.query_key_value"
	    : slow_is(m, "mpt")       ? "attn.Wqkv"
				      : NULL;
}

/* which: 0 queries, 1 keys, 2 values */
static inline void slow_project(
    const struct slow_model *m, int layer, int which, double *y, const double *x)
{
	static const char *const names[] = {
	    "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"};
	const struct fc_config *c = m->c;
	const size_t C = c->n_embd, D = c->head_dim, G = c->n_head_kv, S = c->n_head / G;
	const size_t heads = which ? G : c->n_head;
	const char *fused = slow_fused(m);
	if (!fused) {
		slow_linear(m, layer, names[which], y, heads * D, x, C);
		return;
	}
	const int grouped = slow_is_one_of(m, "internlm2", "gpt_neox");
	for (size_t h = 0; h < heads; h++)
		for (size_t d = 0; d < D; d++) {
			const size_t group = which ? h : h / S,
				     place = which ? S + (size_t)which - 1 : h % S;
			const size_t stacked = (which == 0          ? 0
						       : which == 1 ? c->n_head
								    : c->n_head + G) +
			    h;
			const size_t head = grouped ? group * (S + 2) + place : stacked;
			y[h * D + d] = slow_row(m, layer, fused, head * D + d, x, C);
			if (c->qkv_clip > 0)
				y[h * D + d] = fmin(
				    (double)c->qkv_clip, fmax(-(double)c->qkv_clip, y[h * D + d]));
		}
}

static inline double slow_blend(double t)
{
	return fmin(1, fmax(0, t));
}

/* Radians a position of component i in a sequence of T tokens. */
static inline double slow_angle(const struct fc_ropespec *r, size_t i, size_t T)
{
	const double R = (double)r->n_rot, old = r->n_ctx_before, n = (double)T;
	double theta = r->theta, f;
	if (r->scaling == FC_ROPE_DYNAMIC && n > r->n_ctx)
		theta *= pow(1 + r->factor * (n / r->n_ctx - 1), R / (R - 2));
	f = 1 / pow(theta, (double)(2 * i) / R);
	if (r->scaling == FC_ROPE_LINEAR)
		f /= r->factor;
	if (r->scaling == FC_ROPE_LONGROPE)
		f /= n > old ? r->long_by[i] : r->short_by[i];
	if (r->scaling == FC_ROPE_LLAMA3) {
		double turns = old * f / (2 * SLOW_PI);
		double s = slow_blend((turns - r->low_freq) / (r->high_freq - r->low_freq));
		f = (1 - s) * f / r->factor + s * f;
	}
	if (r->scaling == FC_ROPE_YARN) {
		/* the components that turn beta times in the old context */
		double low = R * log(old / (r->beta_fast * 2 * SLOW_PI)) / (2 * log(theta));
		double high = R * log(old / (r->beta_slow * 2 * SLOW_PI)) / (2 * log(theta));
		low = fmax(floor(low), 0);
		high = fmin(ceil(high), R - 1);
		double s = slow_blend(((double)i - low) / (high == low ? 0.001 : high - low));
		f = s * f / r->factor + (1 - s) * f;
	}
	return f;
}

/* Does the layer rotate?  SmolLM3: all but every so many; Command R7B: those with a window. */
static inline int slow_turns(const struct slow_model *m, int layer)
{
	const json_t *every = json_object_get(m->c->json, "no_rope_layer_interval");
	if (slow_is(m, "smollm3"))
		return (layer + 1) % (int)json_integer_value(every) != 0;
	if (slow_is(m, "cohere2"))
		return m->c->layer_window[layer] != 0;
	return !slow_is_one_of(m, "gpt2", "mpt");
}

static inline void slow_rope(const struct slow_model *m, int layer, double *x, size_t pos, size_t T)
{
	const struct fc_config *c = m->c;
	const int local = slow_is_one_of(m, "gemma3_text", "olmo3") && c->layer_window[layer];
	const int neighbours =
	    slow_is_one_of(m, "cohere", "cohere2") || slow_is_one_of(m, "glm", "glm4");
	const struct fc_ropespec *r = local ? &c->rope_sliding : &c->rope;
	const size_t half = r->n_rot / 2;
	for (size_t i = 0; slow_turns(m, layer) && i < half; i++) {
		double *p = x + (neighbours ? 2 * i : i), *q = p + (neighbours ? 1 : half);
		double a = (double)pos * slow_angle(r, i, T), x0 = *p, x1 = *q;
		*p = r->attention_factor * (x0 * cos(a) - x1 * sin(a));
		*q = r->attention_factor * (x1 * cos(a) + x0 * sin(a));
	}
}

static inline void slow_heads(const struct slow_model *m, int layer, int which, const char *norm,
    double *y, size_t heads, const double *x, size_t pos, size_t T)
{
	const size_t D = m->c->head_dim;
	const int wide = slow_is_one_of(m, "olmo2", "olmo3");
	slow_project(m, layer, which, y, x);
	if (wide)
		slow_norm(m, layer, norm, y, y, heads * D);
	for (size_t h = 0; h < heads; h++) {
		if (!wide)
			slow_norm(m, layer, norm, y + h * D, y + h * D, D);
		slow_rope(m, layer, y + h * D, pos, T);
	}
	/* Ministral 3: queries beyond the context before scaling */
	const double turns = floor((double)pos / m->c->rope.n_ctx_before);
	for (size_t i = 0; slow_is(m, "ministral3") && which == 0 && i < heads * D; i++)
		y[i] *= 1 + (double)m->c->query_log * log(1 + turns);
}

static inline double slow_cap(double x, double cap)
{
	return cap > 0 ? cap * tanh(x / cap) : x;
}

/* One head of one query over keys [first, t]. */
static inline void slow_attend(const struct slow_model *m, size_t head, double *out,
    const double *q, const double *k, const double *v, size_t stride, size_t first, size_t t)
{
	const size_t D = m->c->head_dim;
	double sum = 0, *p = calloc(t + 1, sizeof *p);
	for (size_t j = first; j <= t; j++) {
		for (size_t i = 0; i < D; i++)
			p[j] += q[i] * k[j * stride + i];
		p[j] /= sqrt(m->c->query_scale > 0 ? m->c->query_scale : (double)D);
		if (slow_is(m, "mpt")) /* ALiBi of a power of two of heads */
			p[j] -= (double)(t - j) *
			    pow(2, -8 * (double)(head + 1) / (double)m->c->n_head);
		p[j] = exp(slow_cap(p[j], (double)m->c->attn_softcap));
		sum += p[j];
	}
	for (size_t i = 0; i < D; i++) {
		out[i] = 0;
		for (size_t j = first; j <= t; j++)
			out[i] += p[j] / sum * v[j * stride + i];
	}
	free(p);
}

static inline double slow_act(enum fc_act act, double x)
{
	if (act == FC_ACT_SILU)
		return x / (1 + exp(-x));
	if (act == FC_ACT_GELU)
		return 0.5 * x * (1 + erf(x / sqrt(2)));
	return 0.5 * x * (1 + tanh(sqrt(2 / SLOW_PI) * (x + 0.044715 * x * x * x)));
}

/* x += y, which Gemma 2 and 3, OLMo and GLM-4 normalise first and Granite multiplies */
static inline void slow_residual(
    const struct slow_model *m, int layer, const char *post, double *x, double *y)
{
	const size_t C = m->c->n_embd;
	if (slow_is_one_of(m, "gemma2", "gemma3_text") || slow_is_one_of(m, "olmo2", "olmo3"))
		slow_norm(m, layer, post, y, y, C);
	if (slow_is(m, "glm4"))
		slow_norm(m, layer,
		    strcmp(post, "post_attention_layernorm") ? "post_mlp_layernorm"
							     : "post_self_attn_layernorm",
		    y, y, C);
	for (size_t i = 0; i < C; i++)
		x[i] += slow_is(m, "granite") ? (double)m->c->residual_scale * y[i] : y[i];
}

/* y += weight times the gated network whose parts are named NAME and gate, up, down */
static inline void slow_gated(const struct slow_model *m, int layer, const char *name,
    const char *const part[3], double weight, double *y, const double *x)
{
	const size_t C = m->c->n_embd, F = m->c->n_ff;
	double *gate = malloc(F * sizeof *gate), *up = malloc(F * sizeof *up);
	double *out = malloc(C * sizeof *out);
	double *to[] = {gate, up, out};
	char full[64];
	for (int i = 0; i < 3; i++) {
		snprintf(full, sizeof full, "%s%s", name, part[i]);
		for (size_t f = 0; i == 2 && f < F; f++)
			up[f] *= slow_act(m->c->act, gate[f]);
		slow_linear(m, layer, full, to[i], i < 2 ? F : C, i < 2 ? x : up, i < 2 ? C : F);
	}
	for (size_t i = 0; i < C; i++)
		y[i] += weight * out[i];
	free(gate);
	free(up);
	free(out);
}

/* The experts with the largest logits, weighted by the softmax of those. */
static inline void slow_experts(const struct slow_model *m, int layer, double *y, const double *x)
{
	static const char *const mixtral[] = {".w1", ".w3", ".w2"};
	static const char *const qwen3[] = {".gate_proj", ".up_proj", ".down_proj"};
	const int is_mixtral = slow_is(m, "mixtral");
	const size_t C = m->c->n_embd, E = m->c->n_expert;
	const char *block = is_mixtral ? "block_sparse_moe" : "mlp";
	double *logit = malloc(E * sizeof *logit), sum = 0;
	char name[48];
	memset(y, 0, C * sizeof *y);
	snprintf(name, sizeof name, "%s.gate", block);
	slow_linear(m, layer, name, logit, E, x, C);
	for (int pass = 0; pass < 2; pass++)
		for (size_t e = 0; e < E; e++) {
			size_t better = 0;
			for (size_t o = 0; o < E; o++)
				better += logit[o] > logit[e];
			if (better >= m->c->n_expert_used)
				continue;
			sum += pass ? 0 : exp(logit[e]);
			snprintf(name, sizeof name, "%s.experts.%zu", block, e);
			if (pass)
				slow_gated(m, layer, name, is_mixtral ? mixtral : qwen3,
				    exp(logit[e]) / sum, y, x);
		}
	free(logit);
}

/* y = the feed-forward network of x, which is normalised */
static inline void slow_network(const struct slow_model *m, int layer, double *y, const double *x)
{
	static const char *const parts[] = {"gate_proj", "up_proj", "down_proj"};
	static const char *const internlm2[] = {"w1", "w3", "w2"};
	const size_t C = m->c->n_embd, F = m->c->n_ff;
	const int one = slow_is(m, "phi3") || slow_is_one_of(m, "glm", "glm4");
	memset(y, 0, C * sizeof *y);
	if (slow_is_one_of(m, "mixtral", "qwen3_moe")) {
		slow_experts(m, layer, y, x);
		return;
	}
	if (!one && !slow_is(m, "gpt2") && !slow_is_one_of(m, "gpt_neox", "mpt")) {
		const int other = slow_is(m, "internlm2");
		slow_gated(
		    m, layer, other ? "feed_forward." : "mlp.", other ? internlm2 : parts, 1, y, x);
		return;
	}
	double *up = malloc(F * sizeof *up);
	if (!one)
		slow_linear(m, layer, "mlp.up_proj", up, F, x, C);
	for (size_t i = 0; i < F; i++)
		up[i] = !one
		    ? slow_act(m->c->act, up[i])
		    : slow_act(m->c->act, slow_row(m, layer, "mlp.gate_up_proj", i, x, C)) *
			slow_row(m, layer, "mlp.gate_up_proj", F + i, x, C);
	slow_linear(m, layer, "mlp.down_proj", y, C, up, F);
	free(up);
}

/* x += what the feed-forward network makes of from */
static inline void slow_ffn(const struct slow_model *m, int layer, double *x, const double *from)
{
	const size_t C = m->c->n_embd;
	double *n = malloc(C * sizeof *n), *y = malloc(C * sizeof *y);
	slow_norm(m, layer, slow_called(m, "post_attention_layernorm"), n, from, C);
	slow_network(m, layer, y, n);
	slow_residual(m, layer, "post_feedforward_layernorm", x, y);
	free(n);
	free(y);
}

/* x[T,C] through the attention of one layer */
static inline void slow_attention(const struct slow_model *m, int layer, double *x, size_t T)
{
	const struct fc_config *c = m->c;
	const size_t C = c->n_embd, D = c->head_dim, H = c->n_head, G = c->n_head_kv;
	double *n = malloc(C * sizeof *n), *q = malloc(T * H * D * sizeof *q);
	double *k = malloc(T * G * D * sizeof *k), *v = malloc(T * G * D * sizeof *v);
	double *o = malloc(H * D * sizeof *o);
	for (size_t t = 0; t < T; t++) {
		slow_norm(m, layer, slow_called(m, "input_layernorm"), n, x + t * C, C);
		slow_heads(m, layer, 0, "self_attn.q_norm", q + t * H * D, H, n, t, T);
		slow_heads(m, layer, 1, "self_attn.k_norm", k + t * G * D, G, n, t, T);
		slow_project(m, layer, 2, v + t * G * D, n);
	}
	for (size_t t = 0; t < T; t++) {
		const size_t W = c->layer_window[layer];
		const size_t first = W && t + 1 > W ? t + 1 - W : 0;
		for (size_t h = 0; h < H; h++) {
			const size_t g = h / (H / G);
			slow_attend(m, h, o + h * D, q + t * H * D + h * D, k + g * D, v + g * D,
			    G * D, first, t);
		}
		slow_linear(m, layer, "self_attn.o_proj", n, C, o, H * D);
		slow_residual(m, layer, "post_attention_layernorm", x + t * C, n);
	}
	free(n);
	free(q);
	free(k);
	free(v);
	free(o);
}

/* x[T,C] through one layer; before [T,C]: room for its input, which parallel parts read */
static inline void slow_layer(
    const struct slow_model *m, int layer, double *x, double *before, size_t T)
{
	const size_t C = m->c->n_embd;
	const int parallel = slow_is_one_of(m, "cohere", "cohere2") ||
	    (slow_is(m, "gpt_neox") &&
		!json_is_false(json_object_get(m->c->json, "use_parallel_residual")));
	memcpy(before, x, T * C * sizeof *x);
	slow_attention(m, layer, x, T);
	for (size_t t = 0; t < T; t++)
		slow_ffn(m, layer, x + t * C, (parallel ? before : x) + t * C);
}

/* logits[T,V] of one sequence */
static inline void slow_forward(
    const struct slow_model *m, const uint32_t *tok, size_t T, double *logits)
{
	const struct fc_config *c = m->c;
	const size_t C = c->n_embd, V = c->n_vocab;
	const double *embed = slow_find(m, -1, slow_called(m, "model.embed_tokens"), ".weight");
	const double *head =
	    c->tied ? embed : slow_find(m, -1, slow_called(m, "lm_head"), ".weight");
	const double *place = slow_find(m, -1, "transformer.wpe", ".weight");
	double *x = malloc(T * C * sizeof *x), *n = malloc(C * sizeof *n);
	double *before = malloc(T * C * sizeof *before);
	for (size_t t = 0; t < T; t++)
		for (size_t i = 0; i < C; i++)
			x[t * C + i] = embed[tok[t] * C + i] * (double)c->embed_scale +
			    (place ? place[t * C + i] : 0);
	for (int layer = 0; layer < (int)c->n_layer; layer++)
		slow_layer(m, layer, x, before, T);
	for (size_t t = 0; t < T; t++) {
		slow_norm(m, -1, slow_called(m, "model.norm"), n, x + t * C, C);
		for (size_t v = 0; v < V; v++) {
			double sum = 0;
			for (size_t i = 0; i < C; i++)
				sum += head[v * C + i] * n[i];
			if (c->logit_scale > 0) /* Granite, Cohere */
				sum *= (double)c->logit_scale;
			logits[t * V + v] = slow_cap(sum, (double)c->logit_softcap);
		}
	}
	free(x);
	free(n);
	free(before);
}

#endif
