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
	int skip = 0;
	t->layer = -1;
	sscanf(name, "model.layers.%d.%n", &t->layer, &skip);
	t->name = name + skip;
}

/* The tensor called name and suffix, or NULL. */
static inline const double *slow_find(
    const struct slow_model *m, int layer, const char *name, const char *suffix)
{
	const size_t n = strlen(name);
	for (size_t i = 0; i < m->n; i++)
		if (m->t[i].layer == layer && !strncmp(m->t[i].name, name, n) &&
		    !strcmp(m->t[i].name + n, suffix))
			return m->t[i].w;
	return NULL;
}

static inline int slow_is(const struct slow_model *m, const char *type)
{
	return !strcmp(m->c->model_type, type);
}

/* What a family calls the parts that Llama has. */
static inline const char *slow_called(const struct slow_model *m, const char *name)
{
	static const char *const internlm2[][2] = {{"input_layernorm", "attention_norm"},
	    {"self_attn.o_proj", "attention.wo"}, {"post_attention_layernorm", "ffn_norm"},
	    {"mlp.gate_proj", "feed_forward.w1"}, {"mlp.up_proj", "feed_forward.w3"},
	    {"mlp.down_proj", "feed_forward.w2"}, {"model.embed_tokens", "model.tok_embeddings"},
	    {"lm_head", "output"}};
	for (int i = 0; slow_is(m, "internlm2") && i < 8; i++)
		if (!strcmp(name, internlm2[i][0]))
			return internlm2[i][1];
	return name;
}

static inline void slow_norm(
    const struct slow_model *m, double *y, const double *x, const double *w, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += x[i] * x[i];
	double r = 1 / sqrt(sum / (double)n + m->c->norm_eps);
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] * r * (m->c->norm_plus_one ? 1 + w[i] : w[i]);
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

/* which: 0 queries, 1 keys, 2 values */
static inline void slow_project(
    const struct slow_model *m, int layer, int which, double *y, const double *x)
{
	static const char *const names[] = {
	    "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"};
	const struct fc_config *c = m->c;
	const size_t C = c->n_embd, D = c->head_dim, G = c->n_head_kv, S = c->n_head / G;
	const size_t heads = which ? G : c->n_head;
	if (!slow_is(m, "phi3") && !slow_is(m, "internlm2")) {
		slow_linear(m, layer, names[which], y, heads * D, x, C);
		return;
	}
	for (size_t h = 0; h < heads; h++)
		for (size_t d = 0; d < D; d++) {
			const size_t group = which ? h : h / S,
				     place = which ? S + (size_t)which - 1 : h % S;
			const size_t stacked = (which == 0          ? 0
						       : which == 1 ? c->n_head
								    : c->n_head + G) +
			    h;
			y[h * D + d] = slow_is(m, "phi3")
			    ? slow_row(m, layer, "self_attn.qkv_proj", stacked * D + d, x, C)
			    : slow_row(m, layer, "attention.wqkv",
				  (group * (S + 2) + place) * D + d, x, C);
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

static inline void slow_rope(const struct slow_model *m, int layer, double *x, size_t pos, size_t T)
{
	const struct fc_config *c = m->c;
	const int local = slow_is(m, "gemma3_text") && c->layer_window[layer];
	const struct fc_ropespec *r = local ? &c->rope_sliding : &c->rope;
	const size_t half = r->n_rot / 2;
	for (size_t i = 0; i < half; i++) {
		double a = (double)pos * slow_angle(r, i, T), x0 = x[i], x1 = x[i + half];
		x[i] = r->attention_factor * (x0 * cos(a) - x1 * sin(a));
		x[i + half] = r->attention_factor * (x1 * cos(a) + x0 * sin(a));
	}
}

static inline void slow_heads(const struct slow_model *m, int layer, int which, const char *norm,
    double *y, size_t heads, const double *x, size_t pos, size_t T)
{
	const size_t D = m->c->head_dim;
	const double *w = slow_find(m, layer, norm, ".weight");
	double *raw = malloc(heads * D * sizeof *raw);
	slow_project(m, layer, which, raw, x);
	for (size_t h = 0; h < heads; h++) {
		if (w)
			slow_norm(m, y + h * D, raw + h * D, w, D);
		else
			memcpy(y + h * D, raw + h * D, D * sizeof *y);
		slow_rope(m, layer, y + h * D, pos, T);
	}
	free(raw);
}

static inline double slow_cap(double x, double cap)
{
	return cap > 0 ? cap * tanh(x / cap) : x;
}

/* One head of one query over keys [first, t]. */
static inline void slow_attend(const struct slow_model *m, double *out, const double *q,
    const double *k, const double *v, size_t stride, size_t first, size_t t)
{
	const size_t D = m->c->head_dim;
	double sum = 0, *p = calloc(t + 1, sizeof *p);
	for (size_t j = first; j <= t; j++) {
		for (size_t i = 0; i < D; i++)
			p[j] += q[i] * k[j * stride + i];
		p[j] /= sqrt(m->c->query_scale > 0 ? m->c->query_scale : (double)D);
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

/* x += y, which Gemma 2 and 3 normalise first */
static inline void slow_residual(
    const struct slow_model *m, int layer, const char *post, double *x, double *y)
{
	const size_t C = m->c->n_embd;
	if (slow_is(m, "gemma2") || slow_is(m, "gemma3_text"))
		slow_norm(m, y, y, slow_find(m, layer, post, ".weight"), C);
	for (size_t i = 0; i < C; i++)
		x[i] += y[i];
}

static inline void slow_ffn(const struct slow_model *m, int layer, double *x)
{
	const size_t C = m->c->n_embd, F = m->c->n_ff;
	const int two = slow_is(m, "gemma2") || slow_is(m, "gemma3_text");
	const char *norm =
	    two ? "pre_feedforward_layernorm" : slow_called(m, "post_attention_layernorm");
	double *n = malloc(C * sizeof *n), *y = malloc(C * sizeof *y);
	double *gate = malloc(F * sizeof *gate), *up = malloc(F * sizeof *up);
	slow_norm(m, n, x, slow_find(m, layer, norm, ".weight"), C);
	for (size_t i = 0; slow_is(m, "phi3") && i < F; i++) {
		gate[i] = slow_row(m, layer, "mlp.gate_up_proj", i, n, C);
		up[i] = slow_row(m, layer, "mlp.gate_up_proj", F + i, n, C);
	}
	if (!slow_is(m, "phi3")) {
		slow_linear(m, layer, "mlp.gate_proj", gate, F, n, C);
		slow_linear(m, layer, "mlp.up_proj", up, F, n, C);
	}
	for (size_t i = 0; i < F; i++)
		up[i] *= slow_act(m->c->act, gate[i]);
	slow_linear(m, layer, "mlp.down_proj", y, C, up, F);
	slow_residual(m, layer, "post_feedforward_layernorm", x, y);
	free(n);
	free(y);
	free(gate);
	free(up);
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
		const char *norm = slow_called(m, "input_layernorm");
		slow_norm(m, n, x + t * C, slow_find(m, layer, norm, ".weight"), C);
		slow_heads(m, layer, 0, "self_attn.q_norm", q + t * H * D, H, n, t, T);
		slow_heads(m, layer, 1, "self_attn.k_norm", k + t * G * D, G, n, t, T);
		slow_project(m, layer, 2, v + t * G * D, n);
	}
	for (size_t t = 0; t < T; t++) {
		const size_t W = c->layer_window[layer];
		const size_t first = W && t + 1 > W ? t + 1 - W : 0;
		for (size_t h = 0; h < H; h++) {
			const size_t g = h / (H / G);
			slow_attend(m, o + h * D, q + t * H * D + h * D, k + g * D, v + g * D,
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

/* logits[T,V] of one sequence */
static inline void slow_forward(
    const struct slow_model *m, const uint32_t *tok, size_t T, double *logits)
{
	const struct fc_config *c = m->c;
	const size_t C = c->n_embd, V = c->n_vocab;
	const double *embed = slow_find(m, -1, slow_called(m, "model.embed_tokens"), ".weight");
	const double *head =
	    c->tied ? embed : slow_find(m, -1, slow_called(m, "lm_head"), ".weight");
	double *x = malloc(T * C * sizeof *x), *n = malloc(C * sizeof *n);
	for (size_t t = 0; t < T; t++)
		for (size_t i = 0; i < C; i++)
			x[t * C + i] = embed[tok[t] * C + i] * (double)c->embed_scale;
	for (int layer = 0; layer < (int)c->n_layer; layer++) {
		slow_attention(m, layer, x, T);
		for (size_t t = 0; t < T; t++)
			slow_ffn(m, layer, x + t * C);
	}
	for (size_t t = 0; t < T; t++) {
		slow_norm(m, n, x + t * C, slow_find(m, -1, "model.norm", ".weight"), C);
		for (size_t v = 0; v < V; v++) {
			double sum = 0;
			for (size_t i = 0; i < C; i++)
				sum += head[v * C + i] * n[i];
			logits[t * V + v] = slow_cap(sum, (double)c->logit_softcap);
		}
	}
	free(x);
	free(n);
}

#endif
