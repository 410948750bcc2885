/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/family.h"
#include "model/shuttle.h"
#include "model/slot.h"
#include "nn/dry.h"

/* Slopes of ALiBi as MPT has them: a geometric sequence to 2^-max; where the number of heads is no
 * power of two, that of the next power with every other one first. */
static float *alibi_slopes(size_t n_head, double max)
{
	float *slope = FC_ARRAY(float, n_head);
	size_t n = 1;
	while (n < n_head)
		n *= 2;
	for (size_t i = 0; i < n_head; i++) {
		const size_t odd = i < n / 2 ? 2 * i + 1 : 2 * (i - n / 2);
		slope[i] = (float)pow(2, -max / (double)n * (double)((n == n_head ? i : odd) + 1));
	}
	return slope;
}

static struct fc_rope plain_rope(const struct fc_ropespec *r)
{
	return fc_ropespec_rope(r, 0, FC_ARRAY(float, r->n_rot / 2));
}

static void prepare_layer(struct fc_model *m, size_t i)
{
	const struct fc_config *c = &m->cfg;
	const double scale = c->query_scale > 0 ? c->query_scale : (double)c->head_dim;
	struct fc_layer *l = &m->layer[i];
	l->window = c->layer_window[i];
	l->attn_scale = (float)(1 / sqrt(scale) / (c->scale_by_layer ? (double)i + 1 : 1));
	if (c->n_expert && i >= c->n_dense)
		l->expert = FC_ARRAY(struct fc_expert, c->n_expert);
	if (c->position == FC_POS_ROPE && !(c->no_rope && c->no_rope[i])) {
		const bool other = c->two_ropes && l->window;
		l->ropespec = other ? &c->rope_sliding : &c->rope;
		l->rope = other ? &m->rope_sliding : &m->rope;
	}
}

void fc_model_prepare(struct fc_model *m)
{
	const struct fc_config *c = &m->cfg;
	m->layer = FC_ARRAY(struct fc_layer, c->n_layer);
	for (size_t i = 0; i < c->n_layer; i++)
		prepare_layer(m, i);
	m->rope = plain_rope(&c->rope);
	m->rope_sliding = plain_rope(&c->rope_sliding);
	if (c->position == FC_POS_ALIBI)
		m->alibi = alibi_slopes(c->n_head, (double)c->alibi_max);
	m->acts = fc_block_acts_new(c);
}

void fc_model_release(struct fc_model *m)
{
	fc_block_acts_free(m->nn, m->acts);
	fc_shuttle_free(m->shuttle);
	for (size_t i = 0; i < m->n_kept; i++)
		fc_nn_free(m->nn, m->kept[i]);
	free(m->kept);
	for (size_t i = 0; i < m->n_owned; i++)
		free(m->owned[i]);
	free(m->owned);
	for (size_t i = 0; m->layer && i < m->cfg.n_layer; i++)
		free(m->layer[i].expert);
	free(m->layer);
	free(m->rope.inv_freq);
	free(m->rope_sliding.inv_freq);
	free(m->alibi);
	fc_store_close(m->store);
	fc_config_release(&m->cfg);
}

/* Buffers of old checkpoints follow from the config: rotary frequencies, and the causal masks of
 * GPT-2 and GPT-NeoX. */
static bool is_buffer(const struct fc_config *c, const char *name)
{
	static const char *const suffixes[] = {".rotary_emb.inv_freq", ".attn.bias",
	    ".attn.masked_bias", ".attention.bias", ".attention.masked_bias"};
	const size_t n_suffix = c->layer_norm ? FC_LEN(suffixes) : 1;
	for (size_t i = 0; i < n_suffix; i++)
		if (fc_ends_with(name, suffixes[i]))
			return true;
	return false;
}

/* Of a layer behind the last, "model.layers.61.", which predicts something else. */
static bool is_of_extra_layer(const struct fc_model *m, const char *name)
{
	const struct fc_config *c = &m->cfg;
	const char *prefix = m->prefix ? m->prefix : fc_family_prefixes(c->family)[0];
	const size_t n = prefix ? strlen(prefix) : 0;
	if (!c->n_extra_layer || strncmp(name, prefix, n) || strncmp(name + n, "layers.", 7))
		return false;
	char *end;
	const unsigned long layer = strtoul(name + n + 7, &end, 10);
	return *end == '.' && layer >= c->n_layer && layer - c->n_layer < c->n_extra_layer;
}

/* The name of a family's tensor of the whole model. */
static const char *name_of(const struct fc_config *c, enum fc_tensor_role role)
{
	const struct fc_family_tensor *t = c->family->tensor;
	while (t->role && t->role != role)
		t++;
	return t->name;
}

/* A tied model may repeat its embedding as the head. */
static bool is_head(const struct fc_config *c, const char *name)
{
	return c->tied && fc_ends_with(name, name_of(c, FC_TENSOR_HEAD));
}

static int check_tied_head(const struct fc_model *m, const struct fc_tensor *t,
    const char *embed_name, const char *dir, struct fc_err *e)
{
	const struct fc_tensor *embed = fc_store_find(m->store, embed_name);
	if (fc_tensor_same_shape(t, embed) && t->dtype == embed->dtype &&
	    (t->data == embed->data || !memcmp(t->data, embed->data, t->n_bytes)))
		return 0;
	return fc_fail(e,
	    "%s: tensor %s differs from the embedding, but config.json says that they are "
	    "tied",
	    dir, t->name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

#define NOT_NEXT_TOKEN                                                                             \
	"by config.json's architectures the model is a %.64s, not one that predicts the next "     \
	"token"

/* A model for something else than the next token (sequence classification, a bare stack of layers)
 * says so in "architectures"; NULL: it does not. */
static const char *other_purpose(const struct fc_config *c)
{
	static const char *const next_token[] = {
	    "ForCausalLM", "LMHeadModel", "ForConditionalGeneration"};
	const char *has =
	    json_string_value(json_array_get(json_object_get(c->json, "architectures"), 0));
	for (size_t i = 0; has && i < FC_LEN(next_token); i++)
		if (strstr(has, next_token[i]))
			return NULL;
	return has;
}

static int fail_surplus(
    const struct fc_config *c, const char *dir, const char *name, struct fc_err *e)
{
	const char *other = other_purpose(c);
	if (other)
		return fc_fail(e, "%s: tensor %s has no place in a %s model; " NOT_NEXT_TOKEN, dir,
		    name, c->model_type, other);
	return fc_fail(e, "%s: tensor %s has no place in a %s model", dir, name, c->model_type);
}

/* Of a quantized matrix whose name is among the n. */
static bool is_part(
    const struct fc_config *c, const struct fc_tensor *t, const char **name, size_t n)
{
	char *matrix;
	if (!fc_quantized_part(&c->quantized, t, &matrix))
		return false;
	const bool known = bsearch(&(const char *){matrix}, name, n, sizeof *name, by_name) != NULL;
	free(matrix);
	return known;
}

static int check_surplus(const struct fc_model *m, const struct fc_slot *slot, size_t n,
    const char *dir, struct fc_err *e)
{
	const struct fc_config *c = &m->cfg;
	if (fc_store_count(m->store) == n)
		return 0;
	const char **name = FC_ARRAY(const char *, n);
	int ret = 0;
	for (size_t i = 0; i < n; i++)
		name[i] = slot[i].name;
	qsort(name, n, sizeof *name, by_name);
	for (size_t i = 0; ret == 0 && i < fc_store_count(m->store); i++) {
		const struct fc_tensor *t = fc_store_at(m->store, i);
		if (bsearch(&t->name, name, n, sizeof *name, by_name) || is_buffer(c, t->name) ||
		    fc_slot_is_of_images(c, t->name) || is_part(c, t, name, n) ||
		    is_of_extra_layer(m, t->name))
			continue;
		if (is_head(c, t->name))
			ret = check_tied_head(m, t, slot[0].name, dir, e);
		else
			ret = fail_surplus(c, dir, t->name, e);
	}
	free(name);
	return ret;
}

/* Gives the model a tensor of that type: where it lies, or a copy on the device in its place. */
static void bind_tensor(
    struct fc_model *m, const struct fc_slot *slot, const void *host, enum fc_dtype t)
{
	const size_t n = (size_t)slot->dim[0] * (slot->n_dim == 2 ? (size_t)slot->dim[1] : 1);
	if (m->shuttle && slot->layer != FC_NO_LAYER && slot->layer >= m->n_stay) {
		fc_shuttle_add(m->shuttle, slot, host, t, fc_dtype_bytes(t, n));
		return;
	}
	fc_slot_bind(slot, m, fc_model_keep(m, host, fc_dtype_bytes(t, n)), t);
}

/* In the place of memory that is made of a tensor, where nobody reads it. */
static void *unread(const struct fc_model *m, const struct fc_tensor *t)
{
	return fc_dry_is(m->nn) ? (void *)(uintptr_t)t->data : NULL;
}

static float *widen_tensor(struct fc_model *m, const struct fc_tensor *t, size_t n)
{
	if (unread(m, t))
		return unread(m, t);
	float *p = fc_model_own(m, n, sizeof *p);
	fc_tensor_to_f32(t, 0, n, p);
	return p;
}

/* The rows in their own order, of the same type. */
static void *sort_rows(struct fc_model *m, const struct fc_tensor *t)
{
	const size_t rows = (size_t)t->dim[0], size = t->n_bytes / (rows ? rows : 1);
	if (unread(m, t))
		return unread(m, t);
	char *p = fc_model_own(m, rows, size);
	for (size_t r = 0; r < rows; r++)
		memcpy(p + r * size, fc_tensor_row(t, r), size);
	return p;
}

/* [in, out] of the file as [out, in] of the same type. */
static void *transpose_tensor(struct fc_model *m, const struct fc_tensor *t, size_t n)
{
	enum { BLOCK = 32 };
	const size_t size = fc_dtype_size(t->dtype), in = (size_t)t->dim[0],
		     out = (size_t)t->dim[1];
	if (unread(m, t))
		return unread(m, t);
	char *p = fc_model_own(m, n, size);
	const char *from = t->data;
#pragma omp parallel for
	for (size_t o0 = 0; o0 < out; o0 += BLOCK)
		for (size_t i = 0; i < in; i++)
			for (size_t o = o0; o < out && o < o0 + BLOCK; o++)
				memcpy(p + (o * in + i) * size, from + (i * out + o) * size, size);
	return p;
}

/* Gives a matrix of a real type to the model: where it is mapped, if kernels can take it so. */
static void bind_matrix(
    struct fc_model *m, const struct fc_slot *slot, const struct fc_tensor *t, size_t n)
{
	/* Kernels take aligned weights; a file does not promise them. */
	const bool aligned =
	    fc_dtype_is_packed(t->dtype) || (uintptr_t)t->data % fc_dtype_size(t->dtype) == 0;
	const bool by_columns = t->order == FC_ORDER_COLUMNS;
	const bool in_order = t->order == FC_ORDER_ROWS || (by_columns && slot->transposed);
	if (slot->transposed && !by_columns)
		bind_tensor(m, slot, transpose_tensor(m, t, n), t->dtype);
	else if (!aligned || t->dtype == FC_F64 || (by_columns && !slot->transposed))
		bind_tensor(m, slot, widen_tensor(m, t, n), FC_F32);
	else
		bind_tensor(m, slot, in_order ? t->data : sort_rows(m, t), t->dtype);
}

static int fail_missing(const struct fc_model *m, const char *dir, const char *name,
    const char *shape, struct fc_err *e)
{
	const char *other = other_purpose(&m->cfg);
	if (other)
		return fc_fail(
		    e, "%s: tensor %s %s is missing; " NOT_NEXT_TOKEN, dir, name, shape, other);
	return fc_fail(e, "%s: tensor %s %s is missing", dir, name, shape);
}

/* A matrix that the file has quantized. */
static int bind_quantized(
    struct fc_model *m, const struct fc_slot *slot, const char *dir, struct fc_err *e)
{
	const struct fc_quantized *q = &m->cfg.quantized;
	const size_t n_out = (size_t)slot->dim[0], n_in = (size_t)slot->dim[1];
	enum fc_dtype t;
	if (fc_quantized_dtype(q, m->store, slot->name, m->cfg.dtype, &t, e) < 0)
		return -1;
	void *p = fc_model_own(m, n_out * n_in, fc_dtype_size(t));
	if (fc_quantized_unpack(q, m->store, slot->name, n_out, n_in, p, t, dir, e) < 0)
		return -1;
	bind_tensor(m, slot, p, t);
	return 0;
}

static int bind_slot(
    struct fc_model *m, const struct fc_slot *slot, const char *dir, struct fc_err *e)
{
	const struct fc_tensor expect = fc_slot_tensor(slot, m->cfg.dtype);
	const struct fc_tensor *found = fc_store_find(m->store, slot->name);
	char is[192], should[192];
	size_t n;
	if (slot->of_experts)
		return fc_model_bind_experts(m, slot, dir, e);
	if (slot->n_dim == 2 && fc_quantized_has(&m->cfg.quantized, m->store, slot->name))
		return bind_quantized(m, slot, dir, e);
	if (!found)
		return fail_missing(m, dir, slot->name, fc_tensor_shape_text(&expect, should), e);
	struct fc_tensor t = *found;
	if (!fc_tensor_same_shape(&t, &expect))
		return fc_fail(e, "%s: tensor %s has shape %s, expected %s", dir, slot->name,
		    fc_tensor_shape_text(&t, is), fc_tensor_shape_text(&expect, should));
	if (!fc_dtype_is_real(t.dtype) || !fc_tensor_count(&t, &n))
		return fc_fail(e, "%s: tensor %s is %s, expected a type of real numbers", dir,
		    slot->name, fc_dtype_name(t.dtype));
	if (t.order == FC_ORDER_PAIRS && m->cfg.rope.interleaved)
		t.order = FC_ORDER_ROWS;
	if (slot->host)
		fc_slot_bind(slot, m, widen_tensor(m, &t, n), FC_F32);
	else if (slot->n_dim == 2)
		bind_matrix(m, slot, &t, n);
	else
		bind_tensor(m, slot, widen_tensor(m, &t, n), FC_F32);
	return 0;
}

/* Where the file has the rows of q and k in rotary pairs, they are rotated as such, not sorted. */
static bool has_pairs(const struct fc_store *s)
{
	for (size_t i = 0; i < fc_store_count(s); i++)
		if (fc_store_at(s, i)->order == FC_ORDER_PAIRS)
			return true;
	return false;
}

/* What the names of this file begin with, by its embedding. */
static const char *find_prefix(const struct fc_model *m)
{
	const char *const *prefixes = fc_family_prefixes(m->cfg.family);
	const char *embed = name_of(&m->cfg, FC_TENSOR_EMBED), *found = NULL;
	for (size_t i = 0; prefixes[i] && !found; i++) {
		struct fc_buf b = FC_BUF_INIT;
		fc_buf_addf(&b, "%s%s", prefixes[i], embed + strlen(prefixes[0]));
		char *name = fc_buf_detach(&b);
		if (fc_store_find(m->store, name))
			found = prefixes[i];
		free(name);
	}
	return found;
}

int fc_model_read(struct fc_model *m, const char *dir, struct fc_nn *nn, size_t n_stay,
    bool hf_rows, struct fc_err *e)
{
	struct fc_slot *slot = NULL;
	size_t n = 0;
	int ret = -1;
	m->nn = nn;
	m->n_stay = n_stay;
	if (fc_config_load(&m->cfg, dir, e) < 0 || fc_store_open(&m->store, dir, e) < 0)
		goto out;
	if (has_pairs(m->store))
		m->cfg.rope.interleaved = !hf_rows;
	fc_model_prepare(m);
	if (nn && n_stay < m->cfg.n_layer)
		m->shuttle = fc_shuttle_new(m);
	m->prefix = find_prefix(m);
	n = fc_slots_new(&slot, &m->cfg, m->prefix);
	for (size_t i = 0; i < n; i++)
		if (bind_slot(m, &slot[i], dir, e) < 0)
			goto out;
	if (m->shuttle)
		fc_shuttle_start(m->shuttle);
	ret = check_surplus(m, slot, n, dir, e);
out:
	fc_slots_free(slot, n);
	return ret;
}

int fc_model_open(struct fc_model **m, const char *dir, struct fc_nn *nn, struct fc_err *e)
{
	return fc_model_open_part(m, dir, nn, SIZE_MAX, e);
}

int fc_model_open_part(
    struct fc_model **out, const char *dir, struct fc_nn *nn, size_t n_stay, struct fc_err *e)
{
	struct fc_model *m = FC_NEW(struct fc_model);
	const int ret = fc_model_read(m, dir, nn, n_stay, false, e);
	if (ret < 0) {
		fc_model_close(m);
		m = NULL;
	}
	*out = m;
	return ret;
}

void fc_model_close(struct fc_model *m)
{
	if (!m)
		return;
	fc_model_release(m);
	free(m);
}
