/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/update.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/store.h"
#include "stream/writer.h"

/* change[v->n]; false: nothing has changed */
static bool subtract_pivot(
    struct fc_nn *nn, const struct fc_param *v, const struct fc_tensor *before, float *change)
{
	enum { PART = 1024 };
	double x[PART];
	bool any = false;
	fc_param_get(nn, v, 0, v->n, change);
	for (size_t at = 0, m; at < v->n; at += m) {
		m = v->n - at < PART ? v->n - at : PART;
		fc_tensor_to_f64(before, at, m, x);
		for (size_t i = 0; i < m; i++) {
			change[at + i] = (float)((double)change[at + i] - x[i]);
			any = any || change[at + i] != 0;
		}
	}
	return any;
}

static int write_changes(
    struct fc_writer *w, const struct fc_store *store, const struct fc_params *p, struct fc_err *e)
{
	int ret = 0;
	for (size_t i = 0; i < p->n && ret == 0; i++) {
		const struct fc_param *v = &p->v[i];
		const struct fc_tensor *before = fc_store_find(store, v->name);
		if (!before)
			return fc_fail(e, "the model has no tensor %s any more", v->name);
		float *change = FC_ARRAY(float, v->n + 1);
		struct fc_tensor t = {.name = v->name,
		    .dtype = FC_F32,
		    .n_dim = v->n_dim,
		    .data = change,
		    .n_bytes = v->n * sizeof *change};
		fc_param_shape(v, t.dim);
		if (subtract_pivot(p->model.nn, v, before, change))
			ret = fc_nn_check(p->model.nn, e) < 0 ? -1 : fc_writer_tensor(w, &t, e);
		free(change);
	}
	return ret;
}

int train_update_write(const char *path, const char *pivot, uint64_t fingerprint,
    uint64_t tokenizer, const struct fc_params *p, struct fc_err *e)
{
	struct fc_store *store;
	struct fc_writer *w;
	struct fc_header h;
	if (fc_store_open(&store, pivot, e) < 0)
		return -1;
	fc_header_init(&h, FC_KIND_UPDATE);
	h.model = fingerprint;
	h.tokenizer = tokenizer;
	fc_header_add_self(&h);
	int ret = fc_writer_open(&w, path, &h, e);
	if (ret == 0) {
		ret = write_changes(w, store, p, e);
		if (ret == 0)
			ret = fc_writer_finish(w, e);
		else
			fc_writer_abort(w);
	}
	fc_header_release(&h);
	fc_store_close(store);
	return ret;
}
