/* SPDX-License-Identifier: Apache-2.0 */
/* Experts that a file has in one tensor, as gpt-oss: gate and up are every other output of one
 * product; [expert, in, out], or, in MXFP4, [expert, out, in] as codes and exponents. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/slot.h"

/* A tensor of all experts. */
struct source {
	const struct fc_tensor *plain;             /* [E, in, out]; NULL: */
	const struct fc_tensor *codes, *exponents; /* [E, out, in / 32, 16], [E, out, in / 32] */
	size_t n_in, n_out;
	enum fc_dtype dtype; /* of what is made of it */
};

static const struct fc_tensor *find_with(
    const struct fc_model *m, const char *name, const char *end)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%s%s", name, end);
	const struct fc_tensor *t = fc_store_find(m->store, b.p);
	fc_buf_release(&b);
	return t;
}

static bool has_shape(const struct fc_tensor *t, enum fc_dtype dtype, const size_t *dim, int n)
{
	bool same = t->dtype == dtype && t->n_dim == n;
	for (int i = 0; same && i < n; i++)
		same = t->dim[i] == (int64_t)dim[i];
	return same;
}

static int find_packed(const struct fc_model *m, const struct fc_slot *slot, struct source *s,
    const char *dir, struct fc_err *e)
{
	const size_t shape[] = {(size_t)slot->dim[0], s->n_out, s->n_in / 32, 16};
	s->codes = find_with(m, slot->name, "_blocks");
	s->exponents = find_with(m, slot->name, "_scales");
	if (m->cfg.quantized.kind != FC_QUANTIZED_MXFP4 || !s->codes || !s->exponents)
		return fc_fail(e, "%s: tensor %s is missing", dir, slot->name);
	if (s->n_in % 32 || !has_shape(s->codes, FC_U8, shape, 4) ||
	    !has_shape(s->exponents, FC_U8, shape, 3))
		return fc_fail(e,
		    "%s: tensors %s_blocks and _scales are not those of a matrix [%zu, %zu, %zu]",
		    dir, slot->name, shape[0], s->n_out, s->n_in);
	s->dtype = FC_BF16;
	return 0;
}

static int find_source(const struct fc_model *m, const struct fc_slot *slot, struct source *s,
    const char *dir, struct fc_err *e)
{
	const struct fc_tensor expect = fc_slot_tensor(slot, m->cfg.dtype);
	char is[192], should[192];
	const bool bias = slot->n_dim == 2;
	*s = (struct source){.plain = fc_store_find(m->store, slot->name),
	    .n_in = bias ? 1 : (size_t)slot->dim[1],
	    .n_out = (size_t)slot->dim[bias ? 1 : 2]};
	if (!s->plain && !bias)
		return find_packed(m, slot, s, dir, e);
	if (!s->plain)
		return fc_fail(e, "%s: tensor %s %s is missing", dir, slot->name,
		    fc_tensor_shape_text(&expect, should));
	if (!fc_tensor_same_shape(s->plain, &expect))
		return fc_fail(e, "%s: tensor %s has shape %s, expected %s", dir, slot->name,
		    fc_tensor_shape_text(s->plain, is), fc_tensor_shape_text(&expect, should));
	s->dtype = s->plain->dtype;
	if (s->dtype != FC_F32 && s->dtype != FC_F16 && s->dtype != FC_BF16)
		return fc_fail(e, "%s: tensor %s is %s, expected F32, F16 or BF16", dir, slot->name,
		    fc_dtype_name(s->dtype));
	return 0;
}

/* Outputs first, first + step, ... of expert x as [n, in] of s->dtype, the model's. */
static struct fc_weight make_matrix(
    struct fc_model *m, const struct source *s, size_t x, size_t first, size_t step, size_t n)
{
	const size_t I = s->n_in, O = s->n_out, size = fc_dtype_size(s->dtype);
	char *to = fc_model_own(m, n * I, size);
#pragma omp parallel for
	for (size_t r = 0; r < n; r++) {
		const size_t o = first + r * step, row = x * O + o;
		if (!s->plain) {
			fc_mxfp4_row((uint16_t *)(void *)(to + r * I * size),
			    (const uint8_t *)s->codes->data + row * (I / 2),
			    (const uint8_t *)s->exponents->data + row * (I / 32), I);
			continue;
		}
		const char *from = (const char *)s->plain->data + (x * I * O + o) * size;
		for (size_t i = 0; i < I; i++)
			memcpy(to + (r * I + i) * size, from + i * O * size, size);
	}
	return (struct fc_weight){fc_model_keep(m, to, n * I * size), s->dtype, n, I};
}

static const float *make_bias(
    struct fc_model *m, const struct source *s, size_t x, size_t first, size_t step, size_t n)
{
	float *all = FC_ARRAY(float, s->n_out), *to = fc_model_own(m, n, sizeof *to);
	fc_tensor_to_f32(s->plain, x * s->n_out, s->n_out, all);
	for (size_t i = 0; i < n; i++)
		to[i] = all[first + i * step];
	free(all);
	return fc_model_keep(m, to, n * sizeof *to);
}

int fc_model_bind_experts(
    struct fc_model *m, const struct fc_slot *slot, const char *dir, struct fc_err *e)
{
	const size_t F = m->cfg.n_ff, C = m->cfg.n_embd;
	const bool bias = slot->n_dim == 2;
	struct source s;
	if (find_source(m, slot, &s, dir, e) < 0)
		return -1;
	for (size_t x = 0; x < m->cfg.n_expert; x++) {
		struct fc_expert *to = &m->layer[slot->layer].expert[x];
		if (slot->at == FC_EXPERTS_DOWN && bias) {
			to->down_bias = make_bias(m, &s, x, 0, 1, C);
		} else if (slot->at == FC_EXPERTS_DOWN) {
			to->down = make_matrix(m, &s, x, 0, 1, C);
		} else if (bias) {
			to->gate_bias = make_bias(m, &s, x, 0, 2, F);
			to->up_bias = make_bias(m, &s, x, 1, 2, F);
		} else {
			to->gate = make_matrix(m, &s, x, 0, 2, F);
			to->up = make_matrix(m, &s, x, 1, 2, F);
		}
	}
	return 0;
}
