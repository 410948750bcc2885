/* SPDX-License-Identifier: Apache-2.0 */
#include "model/slot.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

enum width { NONE, C, F, V, HD, GD, D }; /* as in nn.h; HD: H*D, GD: G*D */

/* if_set, if_not: offset in struct fc_config of the flag a tensor depends on; 0: on none. */
static const struct kind {
	const char *name;
	enum width rows, cols; /* cols NONE: a vector */
	size_t at, grad_at;
	size_t if_set, if_not;
	bool residual, norm;
} layer_kinds[] = {
#define AT(field)                                                                                  \
	.at = offsetof(struct fc_layer, field), .grad_at = offsetof(struct fc_layer_grad, field)
#define IF(flag) .if_set = offsetof(struct fc_config, flag)
    {"input_layernorm.weight", C, NONE, AT(attn_norm), .norm = true},
    {"self_attn.q_proj.weight", HD, C, AT(q)},
    {"self_attn.q_proj.bias", HD, NONE, AT(q_bias), IF(qkv_bias)},
    {"self_attn.k_proj.weight", GD, C, AT(k)},
    {"self_attn.k_proj.bias", GD, NONE, AT(k_bias), IF(qkv_bias)},
    {"self_attn.v_proj.weight", GD, C, AT(v)},
    {"self_attn.v_proj.bias", GD, NONE, AT(v_bias), IF(qkv_bias)},
    {"self_attn.q_norm.weight", D, NONE, AT(q_norm), IF(qk_norm), .norm = true},
    {"self_attn.k_norm.weight", D, NONE, AT(k_norm), IF(qk_norm), .norm = true},
    {"self_attn.o_proj.weight", C, HD, AT(o), .residual = true},
    {"self_attn.o_proj.bias", C, NONE, AT(o_bias), IF(o_bias)},
    {"post_attention_layernorm.weight", C, NONE, AT(ffn_norm), .norm = true},
    {"mlp.gate_proj.weight", F, C, AT(gate)},
    {"mlp.gate_proj.bias", F, NONE, AT(gate_bias), IF(mlp_bias)},
    {"mlp.up_proj.weight", F, C, AT(up)},
    {"mlp.up_proj.bias", F, NONE, AT(up_bias), IF(mlp_bias)},
    {"mlp.down_proj.weight", C, F, AT(down), .residual = true},
    {"mlp.down_proj.bias", C, NONE, AT(down_bias), IF(mlp_bias)},
#undef AT
#undef IF
};

static const struct kind embed_kind = {"model.embed_tokens.weight", V, C,
    .at = offsetof(struct fc_model, embed), .grad_at = offsetof(struct fc_params, embed_grad)};

static const struct kind last_kinds[] = {
    {"model.norm.weight", C, NONE, .at = offsetof(struct fc_model, final_norm),
	.grad_at = offsetof(struct fc_params, final_norm_grad), .norm = true},
    {"lm_head.weight", V, C, .at = offsetof(struct fc_model, head),
	.grad_at = offsetof(struct fc_params, head_grad),
	.if_not = offsetof(struct fc_config, tied)},
};

static int64_t width(const struct fc_config *c, enum width w)
{
	const size_t v[] = {[NONE] = 0,
	    [C] = c->n_embd,
	    [F] = c->n_ff,
	    [V] = c->n_vocab,
	    [HD] = c->n_head * c->head_dim,
	    [GD] = c->n_head_kv * c->head_dim,
	    [D] = c->head_dim};
	return (int64_t)v[w];
}

static bool flag(const struct fc_config *c, size_t at)
{
	return *(const bool *)((const char *)c + at);
}

static bool exists(const struct fc_config *c, const struct kind *k)
{
	return (!k->if_set || flag(c, k->if_set)) && (!k->if_not || !flag(c, k->if_not));
}

static void add(struct fc_slot *s, const struct fc_config *c, const struct kind *k, size_t layer)
{
	struct fc_buf name = FC_BUF_INIT;
	if (layer != FC_NO_LAYER)
		fc_buf_addf(&name, "model.layers.%zu.", layer);
	fc_buf_adds(&name, k->name);
	*s = (struct fc_slot){fc_buf_detach(&name), k->cols ? 2 : 1,
	    {width(c, k->rows), width(c, k->cols)}, layer, k->at, k->grad_at, k->residual, k->norm};
}

size_t fc_slots_new(struct fc_slot **v, const struct fc_config *c)
{
	size_t n = 0;
	struct fc_slot *s =
	    FC_ARRAY(struct fc_slot, 1 + c->n_layer * FC_LEN(layer_kinds) + FC_LEN(last_kinds));
	add(&s[n++], c, &embed_kind, FC_NO_LAYER);
	for (size_t layer = 0; layer < c->n_layer; layer++)
		for (size_t i = 0; i < FC_LEN(layer_kinds); i++)
			if (exists(c, &layer_kinds[i]))
				add(&s[n++], c, &layer_kinds[i], layer);
	for (size_t i = 0; i < FC_LEN(last_kinds); i++)
		if (exists(c, &last_kinds[i]))
			add(&s[n++], c, &last_kinds[i], FC_NO_LAYER);
	*v = s;
	return n;
}

void fc_slots_free(struct fc_slot *v, size_t n)
{
	for (size_t i = 0; v && i < n; i++)
		free(v[i].name);
	free(v);
}

void fc_slot_bind(const struct fc_slot *s, struct fc_model *m, const void *p, enum fc_dtype t)
{
	char *base = s->layer == FC_NO_LAYER ? (char *)m : (char *)&m->layer[s->layer];
	if (s->n_dim == 1) {
		*(const float **)(void *)(base + s->at) = p;
		return;
	}
	struct fc_weight *w = (void *)(base + s->at);
	*w = (struct fc_weight){p, t, (size_t)s->dim[0], (size_t)s->dim[1]};
	if (w == &m->embed && m->cfg.tied)
		m->head = *w;
}

struct fc_tensor fc_slot_tensor(const struct fc_slot *s, enum fc_dtype t)
{
	size_t n = (size_t)s->dim[0] * (s->n_dim == 2 ? (size_t)s->dim[1] : 1);
	return (struct fc_tensor){
	    s->name, t, s->n_dim, {s->dim[0], s->dim[1]}, NULL, n * fc_dtype_size(t)};
}
