/* SPDX-License-Identifier: Apache-2.0 */
#include "store/gguf_hf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define EXPERT_MAX 1024

static void *own_memory(struct fc_gguf_hf *v, void *p)
{
	FC_GROW(v->owned, v->cap_owned, v->n_owned + 1);
	v->owned[v->n_owned++] = p;
	return p;
}

/* What the tensors are made from. */
struct source {
	const struct fc_gguf *g;
	const struct fc_gguf_family *f;
	int64_t n_head, n_head_kv;
	struct fc_err *e;
};

static int set_pairs(const struct source *s, struct fc_tensor *t, const char *name, int64_t heads)
{
	const int64_t rows = t->n_dim ? t->dim[0] : 0;
	if (rows % heads || rows / heads % 2)
		return fc_fail(s->e,
		    "%s: tensor %s: %" PRId64 " rows are not %" PRId64 " heads of pairs",
		    fc_gguf_path(s->g), name, rows, heads);
	t->order = FC_ORDER_PAIRS;
	t->head_rows = (size_t)(rows / heads);
	return 0;
}

static int set_qkv(const struct source *s, struct fc_tensor *t, const char *name)
{
	const int64_t rows = t->n_dim ? t->dim[0] : 0;
	if (rows % (3 * s->n_head) || rows == 0)
		return fc_fail(s->e,
		    "%s: tensor %s: %" PRId64 " rows are not queries, keys and values of %" PRId64
		    " heads",
		    fc_gguf_path(s->g), name, rows, s->n_head);
	t->order = FC_ORDER_QKV;
	t->head_rows = (size_t)(rows / 3 / s->n_head);
	return 0;
}

/* The 1 was added in float; taking it off in float gives back what was added to. */
static int take_one(
    const struct source *s, struct fc_gguf_hf *v, struct fc_tensor *t, const char *name)
{
	size_t n;
	if (t->n_dim != 1 || t->dtype != FC_F32 || !fc_tensor_count(t, &n))
		return fc_fail(
		    s->e, "%s: tensor %s: expected one dimension of F32", fc_gguf_path(s->g), name);
	float *w = own_memory(v, fc_malloc_aligned(n, sizeof *w));
	fc_to_f32(w, t->data, FC_F32, n);
	for (size_t i = 0; i < n; i++)
		w[i] -= 1;
	t->data = w;
	return 0;
}

/* "blk.N.attn_v_b.weight" beside "blk.N.attn_k_b.weight" */
static const struct fc_tensor *values_beside(const struct source *s, const char *keys)
{
	static const char end[] = "attn_k_b.weight";
	struct fc_buf b = FC_BUF_INIT;
	const size_t n = strlen(keys), m = strlen(end);
	if (n < m || strcmp(keys + n - m, end))
		return NULL;
	fc_buf_addf(&b, "%.*sattn_v_b.weight", (int)(n - m), keys);
	const struct fc_tensor *t = fc_gguf_tensor(s->g, b.p);
	fc_buf_release(&b);
	return t;
}

/* t, keys [head, in, out], becomes [head (out + values), in] with the values' [head, values, in]:
 * in their type where both have the same one of two bytes, else in float32. */
static int join_latent(
    const struct source *s, struct fc_gguf_hf *v, struct fc_tensor *t, const char *name)
{
	const struct fc_tensor *values = values_beside(s, name);
	if (!values || t->n_dim != 3 || values->n_dim != 3 || values->dim[0] != t->dim[0] ||
	    values->dim[2] != t->dim[1])
		return fc_fail(s->e,
		    "%s: tensor %s: expected [heads, in, out], and attn_v_b [heads, out, in] "
		    "beside it",
		    fc_gguf_path(s->g), name);
	const size_t H = (size_t)t->dim[0], I = (size_t)t->dim[1], K = (size_t)t->dim[2];
	const size_t n_value = (size_t)values->dim[1], rows = K + n_value;
	const bool alike = t->dtype == values->dtype && (t->dtype == FC_F16 || t->dtype == FC_BF16);
	const enum fc_dtype type = alike ? t->dtype : FC_F32;
	const size_t size = fc_dtype_size(type);
	float *x = FC_ARRAY(float, I *K), *row = FC_ARRAY(float, I *rows);
	char *to = own_memory(v, fc_malloc_aligned(H * rows * I, size));
	for (size_t h = 0; h < H; h++) {
		fc_tensor_to_f32(t, h * I * K, I * K, x);
		for (size_t k = 0; k < K; k++)
			for (size_t i = 0; i < I; i++)
				row[k * I + i] = x[i * K + k];
		fc_tensor_to_f32(values, h * n_value * I, n_value * I, row + K * I);
		fc_from_f32(to + h * rows * I * size, type, row, rows * I);
	}
	free(x);
	free(row);
	t->dtype = type;
	t->n_dim = 2;
	t->dim[0] = (int64_t)(H * rows);
	t->dim[1] = (int64_t)I;
	t->dim[2] = 0;
	t->data = to;
	t->n_bytes = H * rows * I * size;
	return 0;
}

static void add_to_view(struct fc_gguf_hf *v, const struct fc_tensor *t, size_t *cap)
{
	FC_GROW(v->tensor, *cap, v->n + 1);
	v->tensor[v->n++] = *t;
}

/* A view for every expert, "@" in its name replaced. */
static int add_experts(const struct source *s, struct fc_gguf_hf *v, const struct fc_tensor *all,
    const char *pattern, size_t *cap)
{
	if (all->n_dim != 3 || all->dim[0] < 1 || all->dim[0] > EXPERT_MAX)
		return fc_fail(s->e,
		    "%s: tensor %s: expected three dimensions, the first of 1 to %d experts",
		    fc_gguf_path(s->g), all->name, EXPERT_MAX);
	const char *at = strchr(pattern, '@');
	const size_t n_bytes = all->n_bytes / (size_t)all->dim[0];
	for (int64_t i = 0; i < all->dim[0]; i++) {
		struct fc_buf name = FC_BUF_INIT;
		fc_buf_addf(&name, "%.*s%" PRId64 "%s", (int)(at - pattern), pattern, i, at + 1);
		const struct fc_tensor t = {.name = own_memory(v, fc_buf_detach(&name)),
		    .dtype = all->dtype,
		    .n_dim = 2,
		    .dim = {all->dim[1], all->dim[2]},
		    .data = (const char *)all->data + (size_t)i * n_bytes,
		    .n_bytes = n_bytes};
		add_to_view(v, &t, cap);
	}
	return 0;
}

/* t: the file's, changed to the Hugging Face tensor of that name. */
static int change_tensor(const struct source *s, struct fc_gguf_hf *v, struct fc_tensor *t,
    enum fc_gguf_change how, const char *hf)
{
	const char *name = t->name;
	t->name = hf;
	switch (how) {
	case FC_GGUF_PAIRS_Q:
		return set_pairs(s, t, name, s->n_head);
	case FC_GGUF_PAIRS_K:
		return set_pairs(s, t, name, s->n_head_kv);
	case FC_GGUF_QKV:
		return set_qkv(s, t, name);
	case FC_GGUF_PLUS_ONE:
		return take_one(s, v, t, name);
	case FC_GGUF_LATENT:
		return join_latent(s, v, t, name);
	case FC_GGUF_TRANSPOSED:
		if (t->n_dim == 2) {
			const int64_t rows = t->dim[1];
			t->dim[1] = t->dim[0];
			t->dim[0] = rows;
			t->order = FC_ORDER_COLUMNS;
		}
		return 0;
	default:
		return 0;
	}
}

static int add_tensor(
    const struct source *s, struct fc_gguf_hf *v, const struct fc_tensor *from, size_t *cap)
{
	struct fc_buf b = FC_BUF_INIT;
	struct fc_tensor t = *from;
	const struct fc_gguf_rule *r = fc_gguf_name_in(s->f, t.name, &b);
	char *hf = own_memory(v, fc_buf_detach(&b));
	if (!r)
		return fc_fail(s->e, "%s: tensor %s has no place in a model of architecture %s",
		    fc_gguf_path(s->g), t.name, s->f->arch);
	if (r->change == FC_GGUF_CONFIG)
		return 0;
	if (r->change == FC_GGUF_EXPERTS)
		return add_experts(s, v, &t, hf, cap);
	if (change_tensor(s, v, &t, r->change, hf) < 0)
		return -1;
	add_to_view(v, &t, cap);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct fc_tensor *)a)->name, ((const struct fc_tensor *)b)->name);
}

int fc_gguf_hf_open(struct fc_gguf_hf *v, const struct fc_gguf *g, struct fc_err *e)
{
	struct source s = {.g = g, .f = fc_gguf_family_of(g, e), .e = e};
	size_t cap = 0;
	*v = (struct fc_gguf_hf){.n = 0};
	if (!s.f || fc_gguf_arch_int(g, s.f, "attention.head_count", 0, &s.n_head, e) < 0 ||
	    fc_gguf_arch_int(g, s.f, "attention.head_count_kv", s.n_head, &s.n_head_kv, e) < 0)
		return -1;
	if (s.n_head < 1 || s.n_head > INT32_MAX || s.n_head_kv < 1 || s.n_head_kv > s.n_head)
		return fc_fail(e, "%s: %" PRId64 " heads and %" PRId64 " key/value heads",
		    fc_gguf_path(g), s.n_head, s.n_head_kv);
	const bool tied = fc_gguf_tied(g);
	for (size_t i = 0; i < fc_gguf_count(g); i++) {
		const struct fc_tensor *t = fc_gguf_at(g, i);
		if (tied && !strcmp(t->name, "output.weight"))
			continue;
		if (add_tensor(&s, v, t, &cap) < 0)
			return -1;
	}
	if (v->n)
		qsort(v->tensor, v->n, sizeof *v->tensor, by_name);
	return 0;
}

void fc_gguf_hf_release(struct fc_gguf_hf *v)
{
	for (size_t i = 0; i < v->n_owned; i++)
		free(v->owned[i]);
	free(v->owned);
	free(v->tensor);
	*v = (struct fc_gguf_hf){.n = 0};
}
