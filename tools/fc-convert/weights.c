/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/progress.h"
#include "fc-convert/convert.h"
#include "tensor/finite.h"

enum { BLOCK_FLOATS = 1 << 18, PACKED_PART = 1 << 13 };

/* Where row r of the file is in the Hugging Face tensor. */
static size_t source_row(const struct item *it, const struct fc_config *c, size_t r)
{
	const size_t rows = (size_t)it->out.dim[0];
	size_t D;
	switch (it->rule->change) {
	case FC_GGUF_PAIRS_Q:
		D = rows / c->n_head;
		return r / D * D + r % D % 2 * (D / 2) + r % D / 2;
	case FC_GGUF_PAIRS_K:
		D = rows / c->n_head_kv;
		return r / D * D + r % D % 2 * (D / 2) + r % D / 2;
	case FC_GGUF_QKV:
		D = rows / 3 / c->n_head;
		return r % (rows / 3) / D * 3 * D + r / (rows / 3) * D + r % D;
	default:
		return r;
	}
}

/* Rows [r, r + n) of [out, in] from [in, out], tile by tile. */
static void transposed_rows(const struct fc_tensor *from, size_t r, size_t n, float *to)
{
	const size_t in = (size_t)from->dim[0], out = (size_t)from->dim[1];
	if (from->order == FC_ORDER_COLUMNS) { /* stored as [out, in] */
		fc_to_f32(to, (const char *)from->data + fc_dtype_bytes(from->dtype, r * in),
		    from->dtype, n * in);
		return;
	}
	float *part = fc_malloc(n * sizeof *part);
	for (size_t i = 0; i < in; i++) {
		fc_tensor_to_f32(from, i * out + r, n, part);
		for (size_t o = 0; o < n; o++)
			to[o * in + i] = part[o];
	}
	free(part);
}

/* Rows [r, r + n) of the file's tensor as floats; all but the last dimension are rows. */
static void read_rows(const struct convert *c, const struct item *it, size_t r, size_t n, float *to)
{
	const struct fc_tensor *t = &it->out;
	const size_t cols = t->n_dim ? (size_t)t->dim[t->n_dim - 1] : 1;
	if (it->made) {
		memcpy(to, it->made + r * cols, n * cols * sizeof *to);
	} else if (it->rule->change == FC_GGUF_EXPERTS) {
		const size_t each = (size_t)t->dim[1];
		for (size_t k = 0; k < n; k++)
			fc_tensor_to_f32(
			    &it->from[(r + k) / each], (r + k) % each * cols, cols, to + k * cols);
	} else if (it->rule->change == FC_GGUF_TRANSPOSED && t->n_dim == 2) {
		transposed_rows(&it->from[0], r, n, to);
	} else if (t->n_dim == 1) {
		for (size_t i = 0; i < cols; i++)
			fc_tensor_to_f32(&it->from[0], source_row(it, &c->config, i), 1, to + i);
	} else {
		for (size_t k = 0; k < n; k++)
			fc_tensor_to_f32(&it->from[0], source_row(it, &c->config, r + k) * cols,
			    cols, to + k * cols);
	}
	for (size_t i = 0; !it->made && it->rule->change == FC_GGUF_PLUS_ONE && i < n * cols; i++)
		to[i] += 1;
}

/* Below this in magnitude, a value stays finite when it is rounded to the type. */
float convert_most(enum fc_dtype to)
{
	switch (to) {
	case FC_F16:
		return 65520;
	case FC_BF16:
		return 0x1.ffp127f;
	case FC_Q4_0:
		return 65504.0f * 8;
	case FC_Q8_0:
		return 65504.0f * 127;
	default:
		return INFINITY;
	}
}

int convert_refuse(
    const struct convert *c, const char *tensor, float v, enum fc_dtype to, struct fc_err *e)
{
	if (!isfinite(v))
		return fc_fail(e, "%s: tensor %s: a value is %g", c->from, tensor, (double)v);
	return fc_fail(e, "%s: tensor %s: %g does not fit into %s", c->from, tensor, (double)v,
	    fc_dtype_name(to));
}

/* A number that is none, or would become an infinity, is an error. */
static int check_range(
    const struct convert *c, const struct item *it, const float *v, size_t n, struct fc_err *e)
{
	const float most = convert_most(it->out.dtype);
	for (size_t i = 0; i < n; i++)
		if (!(fabsf(v[i]) < most))
			return convert_refuse(c, it->out.name, v[i], it->out.dtype, e);
	return 0;
}

static int write_rows(const struct convert *c, struct fc_gguf_writer *w, size_t i,
    const struct item *it, size_t r, size_t n, struct fc_err *e)
{
	const struct fc_tensor *t = &it->out;
	const size_t cols = t->n_dim ? (size_t)t->dim[t->n_dim - 1] : 1;
	const size_t n_bytes = fc_dtype_bytes(t->dtype, n * cols);
	float *v = fc_malloc_aligned(n * cols, sizeof *v);
	void *bytes = fc_malloc(n_bytes);
	read_rows(c, it, r, n, v);
	int ret = check_range(c, it, v, n * cols, e);
	if (ret == 0) {
		fc_from_f32(bytes, t->dtype, v, n * cols);
		ret =
		    fc_gguf_writer_put(w, i, fc_dtype_bytes(t->dtype, r * cols), bytes, n_bytes, e);
	}
	free(bytes);
	free(v);
	return ret;
}

/* Packed values are not finite where the scale of their block is not. */
static int check_packed(const struct convert *c, const struct fc_tensor *t, struct fc_err *e)
{
	size_t count = 0;
	int ret = 0;
	fc_tensor_count(t, &count);
#pragma omp parallel for schedule(dynamic)
	for (size_t at = 0; at < count; at += PACKED_PART) {
		const size_t n = count - at < PACKED_PART ? count - at : PACKED_PART;
		float v[PACKED_PART];
		fc_to_f32(v, (const char *)t->data + fc_dtype_bytes(t->dtype, at), t->dtype, n);
		const size_t good = fc_finite_count(v, FC_F32, n);
		if (good < n)
#pragma omp critical
			ret = convert_refuse(c, t->name, v[good], t->dtype, e);
	}
	return ret;
}

/* Packed already, and to stay so: the same bytes, row by row. */
static int copy_rows(struct fc_gguf_writer *w, size_t i, const struct item *it,
    const struct convert *c, struct fc_err *e)
{
	const struct fc_tensor *from = &it->from[0];
	for (size_t k = 0; k < it->n_from; k++)
		if (check_packed(c, &it->from[k], e) < 0)
			return -1;
	if (it->rule->change == FC_GGUF_EXPERTS) {
		for (size_t k = 0; k < it->n_from; k++)
			if (fc_gguf_writer_put(w, i, k * it->from[k].n_bytes, it->from[k].data,
				it->from[k].n_bytes, e) < 0)
				return -1;
		return 0;
	}
	if (it->rule->change == FC_GGUF_TRANSPOSED)
		return fc_gguf_writer_put(w, i, 0, from->data, from->n_bytes, e);
	const size_t rows = (size_t)it->out.dim[0], size = from->n_bytes / (rows ? rows : 1);
	for (size_t r = 0; r < rows; r++)
		if (fc_gguf_writer_put(w, i, r * size,
			fc_tensor_row(from, source_row(it, &c->config, r)), size, e) < 0)
			return -1;
	return 0;
}

static int write_item(const struct convert *c, struct fc_gguf_writer *w, size_t i,
    const struct item *it, struct fc_err *e)
{
	const struct fc_tensor *t = &it->out;
	const size_t cols = t->n_dim ? (size_t)t->dim[t->n_dim - 1] : 1;
	size_t count;
	int ret = 0;
	if (!fc_tensor_count(t, &count) || !count)
		return 0;
	if (!it->made && fc_dtype_is_packed(it->from[0].dtype) && it->from[0].dtype == t->dtype)
		return copy_rows(w, i, it, c, e);
	const size_t rows = count / cols, each = cols < BLOCK_FLOATS ? BLOCK_FLOATS / cols : 1;
#pragma omp parallel for schedule(dynamic)
	for (size_t r = 0; r < rows; r += each) {
		struct fc_err mine;
		if (write_rows(c, w, i, it, r, rows - r < each ? rows - r : each, &mine) < 0)
#pragma omp critical
		{
			*e = mine;
			ret = -1;
		}
	}
	return ret;
}

int convert_weights(
    const struct convert *c, const struct items *items, struct fc_gguf_writer *w, struct fc_err *e)
{
	uint64_t total = 0, done = 0;
	int ret = 0;
	for (size_t i = 0; i < items->n; i++)
		total += items->v[i].out.n_bytes;
	fc_progress_start("B", total);
	for (size_t i = 0; i < items->n && ret == 0; i++) {
		const struct item *it = &items->v[i];
		ret = write_item(c, w, i, it, e);
		for (size_t k = 0; k < it->n_from; k++)
			/* with 1 added, a tensor may be in our own memory */
			if (it->rule->change != FC_GGUF_PLUS_ONE)
				fc_store_forget(it->from[k].data, it->from[k].n_bytes);
		done += it->out.n_bytes;
		fc_progress_set(done, it->out.name);
	}
	fc_progress_end();
	return ret;
}
