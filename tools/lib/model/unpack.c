/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of quantized matrices. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/quantized.h"

/* A matrix that is being unpacked. */
struct work {
	const struct fc_quantized *q;
	const struct fc_store *s;
	const char *name, *where;
	size_t O, I;
	struct fc_err *e;
};

/* "X.weight" with another end in the place of ".weight". */
static const struct fc_tensor *find_part(
    const struct fc_store *s, const char *name, const char *suffix)
{
	struct fc_buf b = FC_BUF_INIT;
	const size_t n = strlen(name), m = strlen(".weight");
	if (n < m || strcmp(name + n - m, ".weight"))
		return NULL;
	fc_buf_add(&b, name, n - m);
	fc_buf_adds(&b, suffix);
	const struct fc_tensor *t = fc_store_find(s, b.p);
	fc_buf_release(&b);
	return t;
}

static const struct fc_tensor *find_scale(
    const struct fc_quantized *q, const struct fc_store *s, const char *name)
{
	const struct fc_tensor *t = NULL;
	for (size_t i = 0; !t && q->scale[i]; i++)
		t = find_part(s, name, q->scale[i]);
	return t;
}

static const struct fc_tensor *find_state(const struct fc_store *s, const char *name)
{
	const struct fc_tensor *t = find_part(s, name, ".weight.quant_state.bitsandbytes__nf4");
	return t ? t : find_part(s, name, ".weight.quant_state.bitsandbytes__fp4");
}

bool fc_quantized_has(const struct fc_quantized *q, const struct fc_store *s, const char *name)
{
	const struct fc_tensor *t = fc_store_find(s, name);
	switch (q->kind) {
	case FC_QUANTIZED_NONE:
	case FC_QUANTIZED_MXFP4: /* of all experts: bind_experts.c */
		return false;
	case FC_QUANTIZED_GPTQ:
	case FC_QUANTIZED_AWQ:
		return find_part(s, name, ".qweight") != NULL;
	case FC_QUANTIZED_PACKED:
		return find_part(s, name, ".weight_packed") != NULL;
	case FC_QUANTIZED_SCALED:
		return t && (t->dtype == FC_I8 || t->dtype == FC_F8_E4M3);
	case FC_QUANTIZED_CODED:
		return t && find_state(s, name);
	}
	return false;
}

/* A part that must be there, [n_row, n_col] or, with one column, [n_row], of one of two types. */
static const struct fc_tensor *need(const struct work *w, const struct fc_tensor *t,
    const char *what, size_t n_row, size_t n_col, enum fc_dtype a, enum fc_dtype b)
{
	size_t count = 0;
	if (!t) {
		fc_fail(w->e, "%s: tensor %s is quantized (%s) but its %s are missing", w->where,
		    w->name, w->q->method, what);
		return NULL;
	}
	const bool shaped = t->n_dim == 2
	    ? t->dim[0] == (int64_t)n_row && t->dim[1] == (int64_t)n_col
	    : t->n_dim < 2 && n_col == 1;
	if (!fc_tensor_count(t, &count) || count != n_row * n_col || !shaped ||
	    (t->dtype != a && t->dtype != b)) {
		char is[192];
		fc_fail(w->e,
		    "%s: tensor %s is %s %s, expected %s [%zu, %zu] for a matrix [%zu, %zu]",
		    w->where, t->name, fc_dtype_name(t->dtype), fc_tensor_shape_text(t, is),
		    fc_dtype_name(a), n_row, n_col, w->O, w->I);
		return NULL;
	}
	return t;
}

static const struct fc_tensor *need_part(const struct work *w, const char *suffix, size_t n_row,
    size_t n_col, enum fc_dtype a, enum fc_dtype b)
{
	return need(w, find_part(w->s, w->name, suffix), suffix + 1, n_row, n_col, a, b);
}

/* Numbers of a part as floats; the caller's to free(). */
static float *floats_of(const struct fc_tensor *t)
{
	size_t n;
	if (!fc_tensor_count(t, &n))
		return NULL;
	float *x = FC_ARRAY(float, n + 1);
	fc_to_f32(x, t->data, t->dtype, n);
	return x;
}

static uint32_t word(const struct fc_tensor *t, size_t i)
{
	uint32_t x;
	memcpy(&x, (const char *)t->data + 4 * i, sizeof x);
	return x;
}

static size_t parts_of(size_t n, size_t each)
{
	return each ? (n + each - 1) / each : 1;
}

/* Which group every input is in; the caller's to free(), NULL is a failure. */
static uint32_t *groups_of(
    const struct work *w, const struct fc_tensor *index, size_t each, size_t n_group)
{
	uint32_t *g = FC_ARRAY(uint32_t, w->I);
	for (size_t i = 0; i < w->I; i++) {
		g[i] = index ? word(index, i) : (uint32_t)(each ? i / each : 0);
		if (g[i] >= n_group) {
			fc_fail(w->e, "%s: tensor %s: input %zu is of group %u of %zu", w->where,
			    index ? index->name : w->name, i, g[i], n_group);
			free(g);
			return NULL;
		}
	}
	return g;
}

/* Where AWQ has output 8 c + k in a word: at the fourth of 32 bits place[k]. */
static const unsigned char awq_place[8] = {0, 4, 1, 5, 2, 6, 3, 7};

/* Integer (row, column) of a matrix of n_col columns that has them packed along its columns. */
static uint32_t packed_at(
    const struct fc_quantized *q, const struct fc_tensor *t, size_t row, size_t col, size_t n_col)
{
	const size_t per = 32 / q->bits, k = col % per;
	const size_t at = q->kind == FC_QUANTIZED_AWQ ? awq_place[k] : k;
	return word(t, row * (n_col / per) + col / per) >> at * q->bits &
	    (uint32_t)((1u << q->bits) - 1);
}

/* GPTQ and AWQ: (integer - zero point) * scale, matrices are [in, out] in the file. */
static int unpack_groups(const struct work *w, void *out, enum fc_dtype t)
{
	const struct fc_quantized *q = w->q;
	const size_t O = w->O, I = w->I, per = 32 / q->bits, n_group = parts_of(I, q->n_col);
	const bool awq = q->kind == FC_QUANTIZED_AWQ;
	const uint32_t mask = (1u << q->bits) - 1;
	const struct fc_tensor *index = awq ? NULL : find_part(w->s, w->name, ".g_idx");
	if (O % per || I % per)
		return fc_fail(w->e, "%s: tensor %s [%zu, %zu]: not a multiple of %zu", w->where,
		    w->name, O, I, per);
	const struct fc_tensor *v = awq ? need_part(w, ".qweight", I, O / per, FC_I32, FC_I32)
					: need_part(w, ".qweight", I / per, O, FC_I32, FC_I32);
	const struct fc_tensor *z = need_part(w, ".qzeros", n_group, O / per, FC_I32, FC_I32);
	const struct fc_tensor *c = need_part(w, ".scales", n_group, O, FC_F16, FC_BF16);
	if (!v || !z || !c || (index && !need_part(w, ".g_idx", I, 1, FC_I32, FC_I32)))
		return -1;
	uint32_t *g = groups_of(w, index, q->n_col, n_group);
	if (!g)
		return -1;
	float *scale = floats_of(c);
#pragma omp parallel for
	for (size_t o = 0; o < O; o++) {
		float *row = FC_ARRAY(float, I);
		for (size_t i = 0; i < I; i++) {
			const uint32_t x = awq
			    ? packed_at(q, v, i, o, O)
			    : word(v, i / per * O + o) >> i % per * q->bits & mask;
			const uint32_t zero = packed_at(q, z, g[i], o, O) + q->zero_lacks;
			row[i] = ((float)x - (float)zero) * scale[g[i] * O + o];
		}
		fc_from_f32((char *)out + o * I * fc_dtype_size(t), t, row, I);
		free(row);
	}
	free(g);
	free(scale);
	return 0;
}

/* FP8 of four bits of exponent and three of mantissa, without infinities. */
static float e4m3(uint8_t x)
{
	const int exponent = x >> 3 & 15, mantissa = x & 7;
	const float size = (x & 127) == 127 ? NAN
	    : exponent                      ? ldexpf((float)(8 + mantissa), exponent - 10)
					    : ldexpf((float)mantissa, -9);
	return x & 128 ? -size : size;
}

static bool is_zero(const struct fc_tensor *t)
{
	const char *p = t->data;
	size_t i = 0;
	while (i < t->n_bytes && !p[i])
		i++;
	return i == t->n_bytes;
}

/* bitsandbytes before 0.46 could save int8 in the tiles of a GPU (weight_format 1 to 3). */
static int check_format(const struct work *w)
{
	const struct fc_tensor *t = find_part(w->s, w->name, ".weight_format");
	if (!t || is_zero(t))
		return 0;
	return fc_fail(w->e,
	    "%s: tensor %s is not in rows, as %s says; take the model as it was before", w->where,
	    w->name, t->name);
}

/* Zero points of compressed-tensors, [n_row, n_col] as scales; NULL: there are none.  Packed ones
 * are packed along outputs. */
static float *zero_points(const struct work *w, size_t n_row, size_t n_col, int *ret)
{
	const struct fc_quantized *q = w->q;
	const struct fc_tensor *t = find_part(w->s, w->name, ".weight_zero_point");
	const bool packed = q->kind == FC_QUANTIZED_PACKED;
	const size_t per = packed ? 32 / q->bits : 1;
	*ret = 0;
	if (!t)
		return NULL;
	if (!packed && t->dtype != FC_I8 && is_zero(t)) /* of FP8, in its type */
		return NULL;
	if (!need(w, t, "zero points", parts_of(n_row, per), n_col, packed ? FC_I32 : FC_I8,
		packed ? FC_I32 : FC_I8)) {
		*ret = -1;
		return NULL;
	}
	float *z = FC_ARRAY(float, n_row *n_col);
	for (size_t r = 0; r < n_row; r++)
		for (size_t c = 0; c < n_col; c++)
			z[r * n_col + c] = packed
			    ? (float)(word(t, r / per * n_col + c) >> r % per * q->bits &
				  ((1u << q->bits) - 1)) -
				(float)(1u << (q->bits - 1))
			    : (float)((const int8_t *)t->data)[r * n_col + c];
	return z;
}

/* One row of integers or FP8 as floats. */
static void read_row(const struct work *w, const struct fc_tensor *v, size_t o, float *row)
{
	const struct fc_quantized *q = w->q;
	const size_t I = w->I, per = q->kind == FC_QUANTIZED_PACKED ? 32 / q->bits : 1;
	const uint8_t *bytes = v->data;
	for (size_t i = 0; i < I; i++)
		row[i] = q->kind == FC_QUANTIZED_PACKED
		    ? (float)(word(v, o * parts_of(I, per) + i / per) >> i % per * q->bits &
			  ((1u << q->bits) - 1)) -
			(float)(1u << (q->bits - 1))
		    : v->dtype == FC_I8 ? (float)(int8_t)bytes[o * I + i]
					: e4m3(bytes[o * I + i]);
}

/* Integers or FP8 with scales by rows, blocks, groups or one: (x - zero point) * scale. */
static int unpack_scaled(const struct work *w, void *out, enum fc_dtype t)
{
	const struct fc_quantized *q = w->q;
	const size_t O = w->O, I = w->I, n_col = parts_of(I, q->n_col);
	const size_t n_row = parts_of(O, q->n_row), per = 32 / (q->bits ? q->bits : 32);
	const struct fc_tensor *index = find_part(w->s, w->name, ".weight_g_idx");
	const struct fc_tensor *v = q->kind == FC_QUANTIZED_PACKED
	    ? need_part(w, ".weight_packed", O, parts_of(I, per), FC_I32, FC_I32)
	    : need(w, fc_store_find(w->s, w->name), "numbers", O, I, FC_I8, FC_F8_E4M3);
	const struct fc_tensor *c = find_scale(q, w->s, w->name);
	const enum fc_dtype narrow = c && c->dtype == FC_F16 ? FC_F16 : FC_BF16;
	if (index &&
	    (!need_part(w, ".weight_g_idx", I, 1, FC_I32, FC_I32) || word(index, 0) > INT32_MAX))
		index = NULL; /* -1: inputs are in their order */
	if (!v || !need(w, c, "scales", n_row, n_col, FC_F32, narrow) || check_format(w) < 0)
		return -1;
	int ret;
	uint32_t *g = groups_of(w, index, q->n_col, n_col);
	float *zero = g ? zero_points(w, n_row, n_col, &ret) : NULL;
	if (!g || ret < 0) {
		free(g);
		return -1;
	}
	float *scale = floats_of(c);
#pragma omp parallel for
	for (size_t o = 0; o < O; o++) {
		float *row = FC_ARRAY(float, I);
		const size_t at = (q->n_row ? o / q->n_row : 0) * n_col;
		read_row(w, v, o, row);
		for (size_t i = 0; i < I; i++)
			row[i] = (row[i] - (zero ? zero[at + g[i]] : 0)) * scale[at + g[i]] *
			    q->scale_by;
		fc_from_f32((char *)out + o * I * fc_dtype_size(t), t, row, I);
		free(row);
	}
	free(g);
	free(zero);
	free(scale);
	return 0;
}

void fc_mxfp4_row(uint16_t *out, const uint8_t *codes, const uint8_t *exponents, size_t n)
{
	/* E2M1: a sign, two bits of exponent, one of mantissa (OCP Microscaling Formats 1.0) */
	static const float number[8] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
	for (size_t i = 0; i < n; i++) {
		const unsigned code = codes[i / 2] >> (i % 2 ? 4 : 0) & 15;
		const float size = ldexpf(number[code & 7], (int)exponents[i / 32] - 127);
		out[i] = fc_f32_to_bf16(code & 8 ? -size : size);
	}
}

/* The JSON of a quant_state; the caller's to json_decref(). */
static json_t *state_of(const struct fc_store *s, const char *name, struct fc_err *e)
{
	const struct fc_tensor *t = find_state(s, name);
	return fc_json_text(t->data, t->n_bytes, t->name, e);
}

/* The scale of every block of elements; with nested quantization these are codes themselves.  NULL
 * is a failure. */
static float *block_scales(const struct work *w, const json_t *state, size_t n_block)
{
	const struct fc_tensor *a = find_part(w->s, w->name, ".weight.absmax");
	if (!need(w, a, "absmax", n_block, 1, FC_F32, FC_U8))
		return NULL;
	if (a->dtype == FC_F32)
		return floats_of(a);
	const json_int_t each = json_integer_value(json_object_get(state, "nested_blocksize"));
	const float offset = (float)json_number_value(json_object_get(state, "nested_offset"));
	if (each < 1) {
		fc_fail(w->e, "%s: tensor %s: quant_state without a nested_blocksize", w->where,
		    w->name);
		return NULL;
	}
	const struct fc_tensor *m =
	    need_part(w, ".weight.nested_quant_map", 256, 1, FC_F32, FC_F32);
	const struct fc_tensor *b = need_part(
	    w, ".weight.nested_absmax", parts_of(n_block, (size_t)each), 1, FC_F32, FC_F32);
	if (!m || !b)
		return NULL;
	float *map = floats_of(m), *outer = floats_of(b), *scale = FC_ARRAY(float, n_block);
	for (size_t i = 0; i < n_block; i++)
		scale[i] = map[((const uint8_t *)a->data)[i]] * outer[i / (size_t)each] + offset;
	free(map);
	free(outer);
	return scale;
}

/* bitsandbytes: a byte has two elements, the first in its upper half. */
static int unpack_coded(const struct work *w, void *out, enum fc_dtype t)
{
	const size_t n = w->O * w->I;
	json_t *state = state_of(w->s, w->name, w->e);
	const json_int_t each = json_integer_value(json_object_get(state, "blocksize"));
	const json_t *shape = json_object_get(state, "shape");
	const bool fits = each >= 2 && json_array_size(shape) == 2 &&
	    json_integer_value(json_array_get(shape, 0)) == (json_int_t)w->O &&
	    json_integer_value(json_array_get(shape, 1)) == (json_int_t)w->I;
	if (state && !fits)
		fc_fail(w->e,
		    "%s: tensor %s: quant_state: expected a blocksize and the shape [%zu, %zu]",
		    w->where, w->name, w->O, w->I);
	const struct fc_tensor *m = NULL, *v = NULL;
	float *scale = NULL;
	if (fits) {
		m = need_part(w, ".weight.quant_map", 16, 1, FC_F32, FC_F32);
		v = need(w, fc_store_find(w->s, w->name), "codes", (n + 1) / 2, 1, FC_U8, FC_U8);
		scale = m && v ? block_scales(w, state, parts_of(n, (size_t)each)) : NULL;
	}
	json_decref(state);
	if (!scale)
		return -1;
	float *map = floats_of(m);
#pragma omp parallel for
	for (size_t o = 0; o < w->O; o++) {
		float *row = FC_ARRAY(float, w->I);
		for (size_t i = 0; i < w->I; i++) {
			const size_t at = o * w->I + i;
			const uint8_t byte = ((const uint8_t *)v->data)[at / 2];
			row[i] = map[at % 2 ? byte & 15 : byte >> 4] * scale[at / (size_t)each];
		}
		fc_from_f32((char *)out + o * w->I * fc_dtype_size(t), t, row, w->I);
		free(row);
	}
	free(map);
	free(scale);
	return 0;
}

/* Code that reads such files computes in the type of the scales; of float32 ones in the model's. */
int fc_quantized_dtype(const struct fc_quantized *q, const struct fc_store *s, const char *name,
    enum fc_dtype dtype, enum fc_dtype *t, struct fc_err *e)
{
	const struct fc_tensor *scale = NULL;
	*t = dtype;
	if (q->kind == FC_QUANTIZED_CODED) {
		json_t *state = state_of(s, name, e);
		const char *type = json_string_value(json_object_get(state, "dtype"));
		const bool known = type &&
		    (!strcmp(type, "bfloat16") || !strcmp(type, "float16") ||
			!strcmp(type, "float32"));
		if (known)
			*t = *type == 'b' ? FC_BF16 : !strcmp(type, "float16") ? FC_F16 : FC_F32;
		else if (state)
			fc_fail(e, "%s: quant_state: dtype \"%.64s\" is not supported", name,
			    type ? type : "");
		json_decref(state);
		return known ? 0 : -1;
	}
	scale = q->kind == FC_QUANTIZED_GPTQ || q->kind == FC_QUANTIZED_AWQ
	    ? find_part(s, name, ".scales")
	    : find_scale(q, s, name);
	if (scale && (scale->dtype == FC_F16 || scale->dtype == FC_BF16))
		*t = scale->dtype;
	return 0;
}

int fc_quantized_unpack(const struct fc_quantized *q, const struct fc_store *s, const char *name,
    size_t n_out, size_t n_in, void *out, enum fc_dtype t, const char *where, struct fc_err *e)
{
	const struct work w = {q, s, name, where, n_out, n_in, e};
	if (q->kind == FC_QUANTIZED_GPTQ || q->kind == FC_QUANTIZED_AWQ)
		return unpack_groups(&w, out, t);
	return q->kind == FC_QUANTIZED_CODED ? unpack_coded(&w, out, t) : unpack_scaled(&w, out, t);
}
