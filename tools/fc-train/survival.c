/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/survival.h"

#include <math.h>
#include <stdlib.h>

#include "base/die.h"
#include "base/mem.h"
#include "store/store.h"

#define ENOUGH 0.9 /* of the squared change: below it there is a warning */

/* Elements [first, first + n) of a parameter, whose values are w. */
static struct train_survival measure_block(const struct fc_param *v, const float *w,
    const struct fc_tensor *pivot, size_t first, size_t n, enum fc_dtype dtype,
    const struct fc_rounding *how)
{
	struct train_survival m = {0};
	double *before = FC_ARRAY(double, n), *saved = FC_ARRAY(double, n);
	float *start = FC_ARRAY(float, n);
	void *raw = fc_malloc(n * fc_dtype_size(dtype));
	fc_tensor_to_f64(pivot, first, n, before);
	fc_round_f32(raw, dtype, w, n, how, v->name, first);
	fc_to_f64(saved, raw, dtype, n);
	/* the pivot's own value in that type */
	for (size_t i = 0; i < n; i++)
		start[i] = (float)before[i];
	if (!how->stochastic) {
		fc_from_f32(raw, dtype, start, n);
		fc_to_f32(start, raw, dtype, n);
	}
	for (size_t i = 0; i < n; i++) {
		const double d = (double)w[i] - before[i], s = saved[i] - (double)start[i];
		m.change += d * d;
		m.along += d * s;
		m.error += (s - d) * (s - d);
		m.n_changed += d != 0;
		m.n_survived += d != 0 && s != 0;
	}
	free(raw);
	free(start);
	free(saved);
	free(before);
	return m;
}

static void add_counts(struct train_survival *m, const struct train_survival *x)
{
	m->change += x->change;
	m->along += x->along;
	m->error += x->error;
	m->n_changed += x->n_changed;
	m->n_survived += x->n_survived;
}

/* Blocks are added in their order: the same figures for any number of threads. */
static void measure_param(struct train_survival *m, struct fc_nn *nn, const struct fc_param *v,
    const struct fc_tensor *pivot, enum fc_dtype dtype, const struct fc_rounding *how)
{
	/* BLOCK: a multiple of every packed type's block; MOST of them are got at a time */
	enum { BLOCK = 1 << 16, MOST = 64 };
	const size_t piece = MOST * BLOCK < v->n ? MOST * BLOCK : v->n;
	struct train_survival part[MOST];
	float *w = FC_ARRAY(float, piece);
	for (size_t at = 0, n; at < v->n; at += n) {
		n = v->n - at < piece ? v->n - at : piece;
		fc_param_get(nn, v, at, n, w);
#pragma omp parallel for schedule(static)
		for (size_t b = 0; b < n; b += BLOCK)
			part[b / BLOCK] = measure_block(
			    v, w + b, pivot, at + b, n - b < BLOCK ? n - b : BLOCK, dtype, how);
		for (size_t b = 0; b < n; b += BLOCK)
			add_counts(m, &part[b / BLOCK]);
	}
	free(w);
}

int train_survival_measure(struct train_survival *m, const struct fc_params *p, const char *pivot,
    enum fc_dtype dtype, const struct fc_rounding *how, struct fc_err *e)
{
	struct fc_store *store;
	int ret = 0;
	*m = (struct train_survival){0};
	if (fc_store_open(&store, pivot, e) < 0)
		return -1;
	for (size_t i = 0; i < p->n && ret == 0; i++) {
		const struct fc_tensor *t = fc_store_find(store, p->v[i].name);
		if (!t)
			ret = fc_fail(e, "%s: has no tensor %s any more", pivot, p->v[i].name);
		else
			measure_param(m, p->model.nn, &p->v[i], t, dtype, how);
	}
	if (ret == 0)
		ret = fc_nn_check(p->model.nn, e);
	fc_store_close(store);
	return ret;
}

double train_survival_share(const struct train_survival *m, const struct fc_rounding *how)
{
	if (m->change == 0)
		return 1;
	return how->stochastic ? m->along / m->change : fmax(0, 1 - m->error / m->change);
}

void train_survival_report(
    const struct train_survival *m, enum fc_dtype dtype, const struct fc_rounding *how)
{
	const char *type = fc_dtype_name(dtype);
	const double share = 100 * train_survival_share(m, how);
	if (m->n_changed == 0) {
		fc_note("no weight has changed");
		return;
	}
	const double weights = 100 * (double)m->n_survived / (double)m->n_changed;
	if (how->stochastic && dtype != FC_F32)
		fc_note("saved as %s with stochastic rounding: on average %.1f %% of the change "
			"survives, in %.1f %% of the changed weights",
		    type, share, weights);
	else if (share >= 100 * ENOUGH)
		fc_note("saved as %s: %.1f %% of the squared change and %.1f %% of the changed "
			"weights survive",
		    type, share, weights);
	else
		fc_warn(
		    "saved as %s: only %.1f %% of the squared change and %.1f %% of the changed "
		    "weights survive; --save-dtype f32 keeps all of it, --rounding stochastic "
		    "its average",
		    type, share, weights);
}
