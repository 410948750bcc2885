/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/params.h"
#include "store/modeldtype.h"
#include "text/json_write.h"

struct fc_tensor *fc_params_plan(const struct fc_params *p, enum fc_dtype dtype)
{
	struct fc_tensor *t = FC_ARRAY(struct fc_tensor, p->n + p->n_rest);
	for (size_t i = 0; i < p->n; i++) {
		const struct fc_param *v = &p->v[i];
		t[i] = (struct fc_tensor){.name = v->name,
		    .dtype = dtype,
		    .n_dim = v->n_dim,
		    .n_bytes = v->n * fc_dtype_size(dtype)};
		fc_param_shape(v, t[i].dim);
	}
	for (size_t i = 0; i < p->n_rest; i++) {
		t[p->n + i] = p->rest[i];
		t[p->n + i].data = NULL;
	}
	return t;
}

/* The file the model came from, with the type that is written now and the class others need to
 * load it. */
static int save_config(
    const struct fc_config *c, const char *dir, enum fc_dtype dtype, struct fc_err *e)
{
	const char *name = dtype == FC_F32 ? "float32" : dtype == FC_F16 ? "float16" : "bfloat16";
	char *path = fc_path_join(dir, "config.json");
	json_t *o = json_deep_copy(c->json);
	fc_modeldtype_set(o, name);
	if (!json_object_get(o, "architectures"))
		json_object_set_new(o, "architectures", json_pack("[s]", c->architecture));
	int ret = fc_json_write(path, o, e);
	json_decref(o);
	free(path);
	return ret;
}

enum { BLOCK = 1 << 18 }; /* elements that are written at a time */

void fc_param_transpose(float *to, const float *from, size_t n_row, size_t n_col)
{
	enum { SIDE = 32 };
	for (size_t c0 = 0; c0 < n_col; c0 += SIDE)
		for (size_t r = 0; r < n_row; r++)
			for (size_t c = c0; c < n_col && c < c0 + SIDE; c++)
				to[c * n_row + r] = from[r * n_col + c];
}

void fc_param_get(struct fc_nn *nn, const struct fc_param *v, size_t at, size_t n, float *x)
{
	if (!v->transposed) {
		fc_nn_get(fc_nn_home(nn), x, v->w + at, n * sizeof *x);
		return;
	}
	/* rows of the file, which are columns here: those that the piece has something of */
	const size_t n_row = (size_t)v->dim[0], n_col = (size_t)v->dim[1];
	const size_t from = at / n_row, m = n ? (at + n - 1) / n_row + 1 - from : 0;
	float *w = FC_ARRAY(float, n_row *m), *file = FC_ARRAY(float, n_row *m);
	const size_t n_run = m == n_col ? 1 : n_row, run = n_row * m / n_run;
	for (size_t r = 0; r < n_run; r++)
		fc_nn_get(fc_nn_home(nn), w + r * run, v->w + r * n_col + from, run * sizeof *w);
	fc_param_transpose(file, w, n_row, m);
	memcpy(x, file + (at - from * n_row), n * sizeof *x);
	free(w);
	free(file);
}

void fc_param_shape(const struct fc_param *v, int64_t dim[2])
{
	dim[0] = v->dim[v->transposed];
	dim[1] = v->dim[!v->transposed];
}

static int put_param(struct fc_store_writer *w, size_t i, const struct fc_params *p,
    enum fc_dtype dtype, const struct fc_rounding *how, float *master, void *block,
    struct fc_err *e)
{
	const size_t size = fc_dtype_size(dtype);
	const struct fc_param *v = &p->v[i];
	float *file = v->transposed ? FC_ARRAY(float, v->n) : NULL; /* turned once, not by blocks */
	int ret = 0;
	if (file)
		fc_param_get(p->model.nn, v, 0, v->n, file);
	for (size_t at = 0; ret == 0 && at < v->n; at += BLOCK) {
		const size_t n = v->n - at < BLOCK ? v->n - at : BLOCK;
		if (!file)
			fc_nn_get(fc_nn_home(p->model.nn), master, v->w + at, n * sizeof *master);
		fc_round_f32(block, dtype, file ? file + at : master, n, how, v->name, at);
		ret = fc_store_writer_put(w, i, at * size, block, n * size, e);
	}
	free(file);
	return ret;
}

int fc_params_save(const struct fc_params *p, const char *dir, enum fc_dtype dtype,
    const struct fc_rounding *how, size_t shard_bytes, struct fc_err *e)
{
	struct fc_tensor *plan = fc_params_plan(p, dtype);
	struct fc_store_writer *w = NULL;
	void *block = fc_malloc(BLOCK * fc_dtype_size(dtype));
	float *master = FC_ARRAY(float, BLOCK);
	int ret = fc_store_writer_open(&w, dir, plan, p->n + p->n_rest, shard_bytes, e);
	if (ret == 0) {
		for (size_t i = 0; ret == 0 && i < p->n; i++)
			ret = put_param(w, i, p, dtype, how, master, block, e);
		for (size_t i = 0; ret == 0 && i < p->n_rest; i++)
			ret = fc_store_writer_put(
			    w, p->n + i, 0, p->rest[i].data, p->rest[i].n_bytes, e);
		if (ret == 0)
			ret = fc_nn_check(p->model.nn, e);
		struct fc_err closing;
		if (fc_store_writer_close(w, ret == 0 ? e : &closing) < 0)
			ret = -1;
	}
	if (ret == 0)
		ret = save_config(&p->model.cfg, dir, dtype, e);
	free(block);
	free(master);
	free(plan);
	return ret;
}
