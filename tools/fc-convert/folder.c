/* SPDX-License-Identifier: Apache-2.0 */
/* A Hugging Face folder from any store. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/progress.h"
#include "chat/model_copy.h"
#include "fc-convert/convert.h"
#include "store/modeldtype.h"
#include "store/modelfiles.h"
#include "tensor/finite.h"
#include "text/json_write.h"

enum { BLOCK = 1 << 18 };

#define COPY_BYTES ((size_t)1 << 17) /* checked, then written while they are in the cache */

static const enum fc_dtype chosen[] = {
    [CONVERT_F32] = FC_F32, [CONVERT_F16] = FC_F16, [CONVERT_BF16] = FC_BF16};

static int make_plan(const struct convert *c, struct fc_tensor *plan, struct fc_err *e)
{
	for (size_t i = 0; i < fc_store_count(c->store); i++) {
		const struct fc_tensor *t = fc_store_at(c->store, i);
		struct fc_tensor *p = &plan[i];
		*p = *t;
		p->data = NULL;
		p->order = FC_ORDER_ROWS;
		if (c->type == CONVERT_SAME && fc_dtype_is_packed(t->dtype))
			return fc_fail(e,
			    "%s: tensor %s is %s, which safetensors has not; say what it becomes, "
			    "as by fc-convert --type bf16 -o DIR %s",
			    c->from, t->name, fc_dtype_name(t->dtype), c->from);
		if (c->type != CONVERT_SAME && fc_dtype_is_real(t->dtype))
			p->dtype = chosen[c->type];
		if (!fc_tensor_bytes(p, &p->n_bytes))
			return fc_fail(
			    e, "%s: tensor %s: the size of its shape overflows", c->from, t->name);
	}
	return 0;
}

/* A number that is none, or would become an infinity, is an error. */
static int check_range(const struct convert *c, const struct fc_tensor *t, enum fc_dtype to,
    const float *v, size_t n, struct fc_err *e)
{
	const float most = convert_most(to);
	for (size_t i = 0; i < n; i++)
		if (!(fabsf(v[i]) < most))
			return convert_refuse(c, t->name, v[i], to, e);
	return 0;
}

static int put_block(const struct convert *c, struct fc_store_writer *w, size_t i, enum fc_dtype to,
    size_t first, size_t n, struct fc_err *e)
{
	const struct fc_tensor *t = fc_store_at(c->store, i);
	const size_t size = fc_dtype_size(to);
	float *v = fc_malloc_aligned(n, sizeof *v);
	void *bytes = fc_malloc(n * size);
	fc_tensor_to_f32(t, first, n, v);
	int ret = check_range(c, t, to, v, n, e);
	if (ret == 0) {
		fc_round_f32(bytes, to, v, n, &c->rounding, t->name, first);
		ret = fc_store_writer_put(w, i, first * size, bytes, n * size, e);
	}
	free(bytes);
	free(v);
	return ret;
}

/* The tensor's own bytes. */
static int copy_block(const struct convert *c, struct fc_store_writer *w, size_t i, size_t first,
    size_t n, struct fc_err *e)
{
	const struct fc_tensor *t = fc_store_at(c->store, i);
	const size_t size = fc_dtype_size(t->dtype);
	const char *bytes = (const char *)t->data + first * size;
	const size_t part = COPY_BYTES / size;
	for (size_t at = 0; at < n; at += part) {
		const size_t m = n - at < part ? n - at : part;
		const size_t good = fc_finite_count(bytes + at * size, t->dtype, m);
		if (good < m)
			return fc_fail(e, "%s: tensor %s: value %zu is not finite", c->from,
			    t->name, first + at + good);
		if (fc_store_writer_put(w, i, (first + at) * size, bytes + at * size, m * size, e) <
		    0)
			return -1;
	}
	return 0;
}

static int write_tensor(const struct convert *c, struct fc_store_writer *w, size_t i,
    const struct fc_tensor *plan, struct fc_err *e)
{
	const struct fc_tensor *t = fc_store_at(c->store, i);
	size_t count = 0;
	int ret = 0;
	fc_tensor_count(t, &count);
	const bool same = t->dtype == plan->dtype && t->order == FC_ORDER_ROWS;
#pragma omp parallel for schedule(dynamic)
	for (size_t at = 0; at < count; at += BLOCK) {
		struct fc_err mine;
		const size_t n = count - at < BLOCK ? count - at : BLOCK;
		if ((same ? copy_block(c, w, i, at, n, &mine)
			  : put_block(c, w, i, plan->dtype, at, n, &mine)) < 0)
#pragma omp critical
		{
			*e = mine;
			ret = -1;
		}
	}
	return ret;
}

static int write_weights(const struct convert *c, const char *dir, struct fc_err *e)
{
	const size_t n = fc_store_count(c->store);
	struct fc_tensor *plan = FC_ARRAY(struct fc_tensor, n + 1);
	struct fc_store_writer *w = NULL;
	uint64_t total = 0, done = 0;
	int ret = make_plan(c, plan, e);
	for (size_t i = 0; ret == 0 && i < n; i++)
		total += plan[i].n_bytes;
	if (ret == 0)
		ret = fc_store_writer_open(&w, dir, plan, n, c->shard_bytes, e);
	if (ret == 0) {
		fc_progress_start("B", total);
		for (size_t i = 0; i < n && ret == 0; i++) {
			const struct fc_tensor *t = fc_store_at(c->store, i);
			ret = write_tensor(c, w, i, &plan[i], e);
			if (t->n_dim > 1) /* a vector may be in our own memory */
				fc_store_forget(t->data, t->n_bytes);
			fc_progress_set(done += plan[i].n_bytes, t->name);
		}
		fc_progress_end();
		struct fc_err closing;
		if (fc_store_writer_close(w, ret == 0 ? e : &closing) < 0)
			ret = -1;
	}
	free(plan);
	return ret;
}

static int write_config(const struct convert *c, const char *dir, struct fc_err *e)
{
	static const char *const name[] = {
	    [CONVERT_F32] = "float32", [CONVERT_F16] = "float16", [CONVERT_BF16] = "bfloat16"};
	json_t *o = json_deep_copy(c->config.json);
	if (c->type != CONVERT_SAME)
		fc_modeldtype_set(o, name[c->type]);
	char *path = fc_path_join(dir, "config.json");
	int ret = fc_json_write(path, o, e);
	free(path);
	json_decref(o);
	return ret;
}

static int copy_files(const char *from, const char *to, struct fc_err *e)
{
	struct fc_buf left = FC_BUF_INIT;
	int ret = fc_model_copy(from, to, FC_MODELFILES_TOKENIZER | FC_MODELFILES_OTHER, &left, e);
	if (ret == 0 && left.n)
		fc_note("%s: not copied, as no model's files: %s", from, left.p);
	fc_buf_release(&left);
	return ret;
}

int convert_to_folder(const struct convert *c, const char *dir, struct fc_err *e)
{
	const struct fc_gguf *g = fc_store_gguf(c->store);
	/* the quick parts first: what they refuse costs no work */
	if ((g ? convert_tokenizer_files(g, dir, e) : copy_files(c->from, dir, e)) < 0)
		return -1;
	return write_config(c, dir, e) < 0 ? -1 : write_weights(c, dir, e);
}
