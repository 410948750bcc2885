/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TESTS_SLOWMODEL_H
#define FC_TESTS_SLOWMODEL_H

/*
 * The LLaMA family once more, in double precision and one token at a time, written from the
 * published formulas and sharing no code with the library: the oracle of the model tests.
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
	const double *w = slow_find(m, layer, name, ".weight");
	const double *b = slow_find(m, layer, name, ".bias");
	for (size_t o = 0; o < n_out; o++) {
		y[o] = b ? b[o] : 0;
		for (size_t i = 0; i < n_in; i++)
			y[o] += w[o * n_in + i] * x[i];
	}
}

static inline void slow_rope(const struct slow_model *m, double *x, size_t pos)
{
	const struct fc_config *c = m->c;
	const size_t D = c->head_dim;
	for (size_t i = 0; i < D / 2; i++) {
		double f = 1 / pow(c->rope.theta, (double)(2 * i) / (double)D);
		if (c->rope.scaling == FC_ROPE_LINEAR)
			f /= c->rope.factor;
		if (c->rope.scaling == FC_ROPE_LLAMA3) {
			double turns = c->rope.n_ctx_before * f / (2 * SLOW_PI);
			double s =
			    (turns - c->rope.low_freq) / (c->rope.high_freq - c->rope.low_freq);
			s = fmin(1, fmax(0, s));
			f = (1 - s) * f / c->rope.factor + s * f;
		}
		double a = (double)pos * f, x0 = x[i], x1 = x[i + D / 2];
		x[i] = x0 * cos(a) - x1 * sin(a);
		x[i + D / 2] = x1 * cos(a) + x0 * sin(a);
	}
}

static inline void slow_heads(const struct slow_model *m, int layer, const char *proj,
    const char *norm, double *y, size_t heads, const double *x, size_t pos)
{
	const size_t D = m->c->head_dim;
	const double *w = slow_find(m, layer, norm, ".weight");
	double *raw = malloc(heads * D * sizeof *raw);
	slow_linear(m, layer, proj, raw, heads * D, x, m->c->n_embd);
	for (size_t h = 0; h < heads; h++) {
		if (w)
			slow_norm(m, y + h * D, raw + h * D, w, D);
		else
			memcpy(y + h * D, raw + h * D, D * sizeof *y);
		slow_rope(m, y + h * D, pos);
	}
	free(raw);
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
		p[j] = exp(p[j] / sqrt((double)D));
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

static inline void slow_ffn(const struct slow_model *m, int layer, double *x)
{
	const size_t C = m->c->n_embd, F = m->c->n_ff;
	double *n = malloc(C * sizeof *n), *y = malloc(C * sizeof *y);
	double *gate = malloc(F * sizeof *gate), *up = malloc(F * sizeof *up);
	slow_norm(m, n, x, slow_find(m, layer, "post_attention_layernorm", ".weight"), C);
	slow_linear(m, layer, "mlp.gate_proj", gate, F, n, C);
	slow_linear(m, layer, "mlp.up_proj", up, F, n, C);
	for (size_t i = 0; i < F; i++)
		up[i] *= slow_act(m->c->act, gate[i]);
	slow_linear(m, layer, "mlp.down_proj", y, C, up, F);
	for (size_t i = 0; i < C; i++)
		x[i] += y[i];
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
		slow_norm(m, n, x + t * C, slow_find(m, layer, "input_layernorm", ".weight"), C);
		slow_heads(
		    m, layer, "self_attn.q_proj", "self_attn.q_norm", q + t * H * D, H, n, t);
		slow_heads(
		    m, layer, "self_attn.k_proj", "self_attn.k_norm", k + t * G * D, G, n, t);
		slow_linear(m, layer, "self_attn.v_proj", v + t * G * D, G * D, n, C);
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
		for (size_t i = 0; i < C; i++)
			x[t * C + i] += n[i];
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
	const double *embed = slow_find(m, -1, "model.embed_tokens", ".weight");
	const double *head = c->tied ? embed : slow_find(m, -1, "lm_head", ".weight");
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
			logits[t * V + v] = sum;
		}
	}
	free(x);
	free(n);
}

#endif
