/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-convert/convert.h"

/* Buffers of old checkpoints, which follow from the config. */
static bool is_buffer(const char *name)
{
	static const char *const ends[] = {".rotary_emb.inv_freq", ".attn.bias",
	    ".attn.masked_bias", ".attention.bias", ".attention.masked_bias"};
	for (size_t i = 0; i < FC_LEN(ends); i++)
		if (fc_ends_with(name, ends[i]))
			return true;
	return false;
}

/* The names of a checkpoint may begin otherwise: Gemma 3 with images, models saved without
 * their output head. */
static const struct fc_gguf_rule *find_rule(
    const struct fc_gguf_family *f, const char *name, struct fc_buf *gguf, size_t *expert)
{
	static const struct {
		const char *is, *becomes;
	} bases[] = {{"", ""}, {"", "transformer."}, {"", "model."}, {"", "gpt_neox."},
	    {"language_model.model.", "model."}, {"model.language_model.", "model."},
	    {"language_model.", ""}};
	for (size_t i = 0; i < FC_LEN(bases); i++) {
		const size_t k = strlen(bases[i].is);
		struct fc_buf full = FC_BUF_INIT;
		if (strncmp(name, bases[i].is, k))
			continue;
		fc_buf_addf(&full, "%s%s", bases[i].becomes, name + k);
		const struct fc_gguf_rule *r = fc_gguf_name_out(f, full.p, gguf, expert);
		fc_buf_release(&full);
		if (r)
			return r;
	}
	return NULL;
}

/* Vectors, norms, routers and positions stay F32, whatever the matrices are. */
static enum fc_dtype type_of(
    const struct convert *c, const struct fc_gguf_rule *r, const struct fc_tensor *t)
{
	static const enum fc_dtype chosen[] = {[CONVERT_F32] = FC_F32,
	    [CONVERT_F16] = FC_F16,
	    [CONVERT_BF16] = FC_BF16,
	    [CONVERT_Q8_0] = FC_Q8_0,
	    [CONVERT_Q4_0] = FC_Q4_0};
	const bool ends = !strncmp(t->name, "output.", 7) || !strncmp(t->name, "token_embd.", 11);
	if (t->n_dim < 2 || r->change == FC_GGUF_WIDE || fc_ends_with(t->name, "_norm.weight"))
		return FC_F32;
	if (c->type == CONVERT_SAME)
		return t->dtype == FC_F64 ? FC_F32 : t->dtype;
	const enum fc_dtype type = c->type == CONVERT_Q4_0 && ends ? FC_Q8_0 : chosen[c->type];
	const size_t cols = (size_t)t->dim[t->n_dim - 1];
	return cols % fc_dtype_block(type) ? FC_F16 : type;
}

static struct item *find_item(struct items *items, const char *name)
{
	for (size_t i = items->n; i-- > 0;)
		if (!strcmp(items->v[i].out.name, name))
			return &items->v[i];
	return NULL;
}

/* The tensor of GGUF that from is, or is a slice of. */
static int add_item(const struct convert *c, struct items *items, const struct fc_gguf_rule *r,
    const struct fc_tensor *from, char *name, struct fc_err *e)
{
	struct fc_tensor out = *from;
	out.name = name;
	out.order = FC_ORDER_ROWS;
	out.data = NULL;
	if (!fc_dtype_is_real(from->dtype))
		return fc_fail(e, "%s: tensor %s is %s, expected a type of real numbers", c->from,
		    from->name, fc_dtype_name(from->dtype));
	if (r->change == FC_GGUF_TRANSPOSED && out.n_dim == 2) {
		out.dim[0] = from->dim[1];
		out.dim[1] = from->dim[0];
	}
	FC_GROW(items->v, items->cap, items->n + 1);
	if (r->change == FC_GGUF_EXPERTS) {
		out.n_dim = 3;
		out.dim[2] = from->dim[1];
		out.dim[1] = from->dim[0];
		out.dim[0] = (int64_t)c->config.n_expert;
	}
	out.dtype = type_of(c, r, &out);
	if (!fc_tensor_bytes(&out, &out.n_bytes))
		return fc_fail(e, "%s: tensor %s: its rows are no whole blocks of %s", c->from,
		    from->name, fc_dtype_name(out.dtype));
	const size_t n_from = r->change == FC_GGUF_EXPERTS ? c->config.n_expert : 1;
	items->v[items->n++] = (struct item){
	    .out = out, .rule = r, .from = FC_ARRAY(struct fc_tensor, n_from), .n_from = n_from};
	return 0;
}

static int add_tensor(const struct convert *c, const struct fc_gguf_family *f, struct items *items,
    const struct fc_tensor *t, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	size_t expert = 0;
	const struct fc_gguf_rule *r = find_rule(f, t->name, &b, &expert);
	char *name = fc_buf_detach(&b);
	if (!r || (c->config.tied && !strcmp(name, "output.weight"))) {
		free(name);
		return r || is_buffer(t->name)
		    ? 0
		    : fc_fail(e, "%s: tensor %s has no place in a GGUF file of architecture %s",
			  c->from, t->name, f->arch);
	}
	struct item *item = find_item(items, name);
	if (item) {
		free(name);
	} else {
		if (add_item(c, items, r, t, name, e) < 0) {
			free(name);
			return -1;
		}
		item = &items->v[items->n - 1];
	}
	if (expert >= item->n_from || item->from[expert].name)
		return fc_fail(e, "%s: tensor %s: expert %zu of %zu, or given twice", c->from,
		    t->name, expert, item->n_from);
	item->from[expert] = *t;
	return 0;
}

static int check_experts(const struct convert *c, const struct items *items, struct fc_err *e)
{
	for (size_t i = 0; i < items->n; i++)
		for (size_t k = 0; k < items->v[i].n_from; k++) {
			const struct fc_tensor *t = &items->v[i].from[k];
			if (!t->name)
				return fc_fail(e, "%s: tensor %s: expert %zu is missing", c->from,
				    items->v[i].out.name, k);
			if (!fc_tensor_same_shape(t, &items->v[i].from[0]))
				return fc_fail(e, "%s: tensor %s: another shape than expert 0's",
				    c->from, t->name);
		}
	return 0;
}

/* llama.cpp's order: by layer, what belongs to no layer first. */
static int layer_of(const char *name)
{
	return strncmp(name, "blk.", 4) ? -1 : (int)strtol(name + 4, NULL, 10);
}

static int by_layer(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	const int i = layer_of(x->out.name), j = layer_of(y->out.name);
	return i != j ? (i < j ? -1 : 1) : strcmp(x->out.name, y->out.name);
}

int convert_plan(
    const struct convert *c, const struct fc_gguf_family *f, struct items *items, struct fc_err *e)
{
	for (size_t i = 0; i < fc_store_count(c->store); i++)
		if (add_tensor(c, f, items, fc_store_at(c->store, i), e) < 0)
			return -1;
	if (items->n)
		qsort(items->v, items->n, sizeof *items->v, by_layer);
	return check_experts(c, items, e);
}

void convert_items_release(struct items *items)
{
	for (size_t i = 0; i < items->n; i++) {
		free((char *)(uintptr_t)items->v[i].out.name);
		free(items->v[i].from);
		free(items->v[i].made);
	}
	free(items->v);
	*items = (struct items){.n = 0};
}
