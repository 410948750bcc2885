/* SPDX-License-Identifier: Apache-2.0 */
#include "model/slot.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/family.h"

/* As in nn.h; HD: H*D, GD: G*D, QKV: HD + 2 GD, F2: 2 F, P: positions, E: experts; H: heads; QN,
 * KN: what the norms of queries and keys are over.  R, RQ: latents of keys and values, of queries;
 * RK: R and the shared key; KV: what is made of R; HV: H times a value; FD, FS: widths beside F. */
enum width { NONE, C, F, F2, V, HD, GD, QKV, QN, KN, P, E, H, R, RQ, RK, KV, HV, FD, FS };

enum place { MODEL, LAYER, EXPERT, EXPERTS };

/* Layers that have a tensor: the rule holds where some have experts and some have not. */
enum layers { ALL, DENSE, SPARSE };

/* if_set, if_not: offset in struct fc_config of the flag a tensor depends on; 0: on none. */
static const struct kind {
	enum width rows, cols; /* cols NONE: a vector */
	enum place place;
	size_t at, grad_at;
	size_t if_set, if_not;
	bool residual, norm, host;
	enum layers layers;
} kinds[FC_TENSOR_N] = {
#define IF(flag) .if_set = offsetof(struct fc_config, flag)
#define UNLESS(flag) .if_not = offsetof(struct fc_config, flag)
#define OF_MODEL(field)                                                                            \
	MODEL, .at = offsetof(struct fc_model, field),                                             \
	       .grad_at = offsetof(struct fc_params, field##_grad)
#define OF_LAYER(field)                                                                            \
	LAYER, .at = offsetof(struct fc_layer, field),                                             \
	       .grad_at = offsetof(struct fc_layer_grad, field)
#define NO_GRAD(field) LAYER, .at = offsetof(struct fc_layer, field), .grad_at = FC_NO_GRAD
#define OF_EXPERT(field)                                                                           \
	EXPERT, .at = offsetof(struct fc_expert, field),                                           \
		.grad_at = offsetof(struct fc_expert_grad, field)
    [FC_TENSOR_EMBED] = {V, C, OF_MODEL(embed)},
    [FC_TENSOR_POSITION] = {P, C, OF_MODEL(position)},
    [FC_TENSOR_FINAL_NORM] = {C, NONE, OF_MODEL(final_norm), .norm = true},
    [FC_TENSOR_FINAL_NORM_BIAS] = {C, NONE, OF_MODEL(final_norm_bias)},
    [FC_TENSOR_HEAD] = {V, C, OF_MODEL(head), UNLESS(tied)},
    [FC_TENSOR_ATTN_NORM] = {C, NONE, OF_LAYER(attn_norm), .norm = true},
    [FC_TENSOR_ATTN_NORM_BIAS] = {C, NONE, OF_LAYER(attn_norm_bias)},
    [FC_TENSOR_Q] = {HD, C, OF_LAYER(q), UNLESS(latent_q)},
    [FC_TENSOR_Q_BIAS] = {HD, NONE, OF_LAYER(q_bias), IF(qkv_bias)},
    [FC_TENSOR_K] = {GD, C, OF_LAYER(k)},
    [FC_TENSOR_K_BIAS] = {GD, NONE, OF_LAYER(k_bias), IF(qkv_bias)},
    [FC_TENSOR_V] = {GD, C, OF_LAYER(v)},
    [FC_TENSOR_V_BIAS] = {GD, NONE, OF_LAYER(v_bias), IF(qkv_bias)},
    [FC_TENSOR_QKV] = {QKV, C, OF_LAYER(qkv)},
    [FC_TENSOR_QKV_BIAS] = {QKV, NONE, OF_LAYER(qkv_bias), IF(qkv_bias)},
    [FC_TENSOR_Q_NORM] = {QN, NONE, OF_LAYER(q_norm), IF(qk_norm), .norm = true},
    [FC_TENSOR_K_NORM] = {KN, NONE, OF_LAYER(k_norm), IF(qk_norm), .norm = true},
    [FC_TENSOR_O] = {C, HV, OF_LAYER(o), .residual = true},
    [FC_TENSOR_O_BIAS] = {C, NONE, OF_LAYER(o_bias), IF(o_bias)},
    [FC_TENSOR_ATTN_POST_NORM] = {C, NONE, OF_LAYER(attn_post_norm), .norm = true},
    [FC_TENSOR_FFN_NORM] = {C, NONE, OF_LAYER(ffn_norm), .norm = true},
    [FC_TENSOR_FFN_NORM_BIAS] = {C, NONE, OF_LAYER(ffn_norm_bias)},
    [FC_TENSOR_GATE] = {F, C, OF_LAYER(gate)},
    [FC_TENSOR_GATE_BIAS] = {F, NONE, OF_LAYER(gate_bias), IF(mlp_bias)},
    [FC_TENSOR_UP] = {F, C, OF_LAYER(up)},
    [FC_TENSOR_UP_BIAS] = {F, NONE, OF_LAYER(up_bias), IF(mlp_bias)},
    [FC_TENSOR_GATE_UP] = {F2, C, OF_LAYER(gate_up)},
    [FC_TENSOR_DOWN] = {C, F, OF_LAYER(down), .residual = true},
    [FC_TENSOR_DOWN_BIAS] = {C, NONE, OF_LAYER(down_bias), IF(mlp_bias)},
    [FC_TENSOR_FFN_POST_NORM] = {C, NONE, OF_LAYER(ffn_post_norm), .norm = true},
    [FC_TENSOR_ROUTER] = {E, C, OF_LAYER(router), .layers = SPARSE},
    [FC_TENSOR_EXPERT_GATE] = {F, C, OF_EXPERT(gate), .layers = SPARSE},
    [FC_TENSOR_EXPERT_UP] = {F, C, OF_EXPERT(up), .layers = SPARSE},
    [FC_TENSOR_EXPERT_DOWN] = {C, F, OF_EXPERT(down), .residual = true, .layers = SPARSE},
    /* parts of families that are not trained; [expert, in, out] in the file */
    [FC_TENSOR_SINK] = {H, NONE, NO_GRAD(sink)},
    [FC_TENSOR_ROUTER_BIAS] = {E, NONE, NO_GRAD(router_bias)},
    [FC_TENSOR_ROUTER_CHOICE] = {E, NONE, NO_GRAD(router_choice), IF(choice_bias), .host = true,
	.layers = SPARSE},
    [FC_TENSOR_Q_DOWN] = {RQ, C, NO_GRAD(q_down), IF(latent_q)},
    [FC_TENSOR_Q_LATENT_NORM] = {RQ, NONE, NO_GRAD(q_latent_norm), IF(latent_q), .norm = true},
    [FC_TENSOR_Q_UP] = {HD, RQ, NO_GRAD(q), IF(latent_q)},
    [FC_TENSOR_KV_DOWN] = {RK, C, NO_GRAD(kv_down)},
    [FC_TENSOR_KV_LATENT_NORM] = {R, NONE, NO_GRAD(kv_latent_norm), .norm = true},
    [FC_TENSOR_KV_UP] = {KV, R, NO_GRAD(kv_up)},
    [FC_TENSOR_DENSE_GATE] = {FD, C, NO_GRAD(gate), .layers = DENSE},
    [FC_TENSOR_DENSE_UP] = {FD, C, NO_GRAD(up), .layers = DENSE},
    [FC_TENSOR_DENSE_DOWN] = {C, FD, NO_GRAD(down), .residual = true, .layers = DENSE},
    [FC_TENSOR_SHARED_GATE] = {FS, C, NO_GRAD(gate), .layers = SPARSE},
    [FC_TENSOR_SHARED_UP] = {FS, C, NO_GRAD(up), .layers = SPARSE},
    [FC_TENSOR_SHARED_DOWN] = {C, FS, NO_GRAD(down), .residual = true, .layers = SPARSE},
    [FC_TENSOR_EXPERTS_GATE_UP] = {C, F2, EXPERTS, .at = FC_EXPERTS_GATE_UP, .grad_at = FC_NO_GRAD},
    [FC_TENSOR_EXPERTS_GATE_UP_BIAS] = {F2, NONE, EXPERTS, .at = FC_EXPERTS_GATE_UP,
	.grad_at = FC_NO_GRAD},
    [FC_TENSOR_EXPERTS_DOWN] = {F, C, EXPERTS, .at = FC_EXPERTS_DOWN, .grad_at = FC_NO_GRAD},
    [FC_TENSOR_EXPERTS_DOWN_BIAS] = {C, NONE, EXPERTS, .at = FC_EXPERTS_DOWN,
	.grad_at = FC_NO_GRAD},
};

static int64_t width(const struct fc_config *c, enum width w)
{
	const size_t hd = c->n_head * c->head_dim, gd = c->n_head_kv * c->head_dim;
	const size_t v[] = {[NONE] = 0,
	    [C] = c->n_embd,
	    [F] = c->n_ff,
	    [F2] = 2 * c->n_ff,
	    [V] = c->n_vocab,
	    [HD] = hd,
	    [GD] = gd,
	    [QKV] = hd + 2 * gd,
	    [QN] = c->qk_norm_wide ? hd : c->head_dim,
	    [KN] = c->qk_norm_wide ? gd : c->head_dim,
	    [P] = c->n_ctx,
	    [E] = c->n_expert,
	    [H] = c->n_head,
	    [R] = c->n_latent,
	    [RQ] = c->n_query_latent,
	    [RK] = c->n_latent + c->head_rotary,
	    [KV] = c->n_head * (c->head_dim - c->head_rotary + c->head_value),
	    [HV] = c->n_head * c->head_value,
	    [FD] = c->n_ff_dense,
	    [FS] = c->n_ff_shared};
	return (int64_t)v[w];
}

static bool flag(const struct fc_config *c, size_t at)
{
	return *(const bool *)((const char *)c + at);
}

static bool slot_exists(const struct fc_config *c, const struct kind *k, size_t layer)
{
	if ((k->if_set && !flag(c, k->if_set)) || (k->if_not && flag(c, k->if_not)))
		return false;
	if (!width(c, k->rows) || (k->cols != NONE && !width(c, k->cols)))
		return false;
	return k->layers == ALL || (k->layers == DENSE) == (layer < c->n_dense);
}

/* The list that is being made. */
struct list {
	const struct fc_config *c;
	const char *prefix;
	struct fc_slot *v;
	size_t n, cap;
};

/* A model that is part of another has all its names under "language_model.", also those that do not
 * begin as most do.  Returns how much of the prefix that is. */
static size_t part_prefix(const char *prefix, const char *own)
{
	const size_t n = strlen(prefix), m = strlen(own);
	const bool ends = n > m && !strcmp(prefix + n - m, own);
	return ends && prefix[n - m - 1] == '.' ? n - m : 0;
}

/* "*" becomes the number of the layer, a second one that of the expert. */
static char *full_name(const struct list *l, const char *name, size_t layer, size_t expert)
{
	const char *const *prefixes = fc_family_prefixes(l->c->family);
	struct fc_buf b = FC_BUF_INIT;
	size_t number = layer;
	const size_t own = prefixes[0] ? strlen(prefixes[0]) : 0;
	if (l->prefix && own && !strncmp(name, prefixes[0], own)) {
		fc_buf_adds(&b, l->prefix);
		name += own;
	} else if (l->prefix && own) {
		fc_buf_add(&b, l->prefix, part_prefix(l->prefix, prefixes[0]));
	}
	for (; *name; name++) {
		if (*name != '*') {
			fc_buf_addc(&b, *name);
			continue;
		}
		fc_buf_addf(&b, "%zu", number);
		number = expert;
	}
	return fc_buf_detach(&b);
}

static void add_slot(struct list *l, const struct fc_family_tensor *t, size_t layer, size_t expert)
{
	const struct kind *k = &kinds[t->role];
	const bool matrix = k->cols != NONE;
	FC_GROW(l->v, l->cap, l->n + 1);
	const bool all = k->place == EXPERTS;
	const int64_t n_expert = (int64_t)l->c->n_expert, rows = width(l->c, k->rows),
		      cols = width(l->c, k->cols);
	l->v[l->n++] = (struct fc_slot){full_name(l, t->name, layer, expert),
	    all + (matrix ? 2 : 1), {all ? n_expert : rows, all ? rows : cols, all ? cols : 0},
	    k->place == MODEL ? FC_NO_LAYER : layer, expert, k->at, k->grad_at, k->place == EXPERT,
	    k->residual, k->norm, matrix && k->place != MODEL && l->c->conv1d, all, k->host};
}

static void add_layer(struct list *l, const struct fc_family_tensor *t, size_t n, size_t layer)
{
	for (size_t i = 0; i < n; i++) {
		const struct kind *k = &kinds[t[i].role];
		const size_t n_expert = k->place == EXPERT ? l->c->n_expert : 1;
		for (size_t e = 0; e < n_expert && slot_exists(l->c, k, layer); e++)
			add_slot(l, &t[i], layer, e);
	}
}

size_t fc_slots_new(struct fc_slot **v, const struct fc_config *c, const char *prefix)
{
	const struct fc_family_tensor *t = c->family->tensor;
	struct list l = {c, prefix, NULL, 0, 0};
	while (t->role) {
		size_t n = 0;
		while (t[n].role && kinds[t[n].role].place != MODEL)
			n++;
		for (size_t layer = 0; n && layer < c->n_layer; layer++)
			add_layer(&l, t, n, layer);
		t += n;
		if (t->role && slot_exists(c, &kinds[t->role], 0))
			add_slot(&l, t, FC_NO_LAYER, 0);
		t += t->role != 0;
	}
	*v = l.v;
	return l.n;
}

void fc_slots_free(struct fc_slot *v, size_t n)
{
	for (size_t i = 0; v && i < n; i++)
		free(v[i].name);
	free(v);
}

static char *place_of(const struct fc_slot *s, struct fc_model *m)
{
	if (s->layer == FC_NO_LAYER)
		return (char *)m + s->at;
	struct fc_layer *l = &m->layer[s->layer];
	return (s->of_expert ? (char *)&l->expert[s->expert] : (char *)l) + s->at;
}

void fc_slot_bind(const struct fc_slot *s, struct fc_model *m, const void *p, enum fc_dtype t)
{
	char *place = place_of(s, m);
	if (s->n_dim == 1) {
		*(const float **)(void *)place = p;
		return;
	}
	struct fc_weight *w = (void *)place;
	*w = (struct fc_weight){p, t, (size_t)s->dim[0], (size_t)s->dim[1]};
	if (w == &m->embed && m->cfg.tied)
		m->head = *w;
}

struct fc_tensor fc_slot_tensor(const struct fc_slot *s, enum fc_dtype t)
{
	const int first = s->transposed;
	size_t n = 1;
	for (int i = 0; i < s->n_dim; i++)
		n *= (size_t)s->dim[i];
	return (struct fc_tensor){.name = s->name,
	    .dtype = t,
	    .n_dim = s->n_dim,
	    .dim = {s->dim[first], s->dim[!first], s->dim[2]},
	    .n_bytes = n * fc_dtype_size(t)};
}

bool fc_slot_is_of_images(const struct fc_config *c, const char *name)
{
	static const char *const parts[] = {"vision_tower.", "multi_modal_projector."};
	if (!strncmp(name, "model.", 6))
		name += 6;
	for (size_t i = 0; c->text_part && i < FC_LEN(parts); i++)
		if (!strncmp(name, parts[i], strlen(parts[i])))
			return true;
	return false;
}
