/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/request/inputs.h"

#include <stdlib.h>

#include "base/mem.h"

/* The pivot's form is the result's: a tied pivot cannot take a target's head of its own. */
static int check_head(const struct ingredient *g, bool base_tied, struct fc_err *e)
{
	if (base_tied && varm_ingredient_has_head(g))
		return fc_fail(e,
		    "%s: tensor " HEAD " differs from " EMBEDDING ", but the pivot has them tied",
		    g->path);
	return 0;
}

static int check_tensor(
    const struct inputs *in, const char *name, const struct ingredient *s, struct fc_err *e)
{
	const struct ingredient *base = &in->base;
	const struct fc_tensor *b = varm_ingredient_find(base, name),
			       *t = varm_ingredient_find(s, name);
	char have[192], want[192];
	if (!t)
		return fc_fail(
		    e, "%s: tensor %s is missing; the pivot %s has it", s->path, name, base->path);
	if (!fc_tensor_same_shape(b, t))
		return fc_fail(e, "%s: tensor %s has shape %s, in the pivot %s it is %s", s->path,
		    name, fc_tensor_shape_text(t, have), base->path, fc_tensor_shape_text(b, want));
	if ((!fc_dtype_is_real(b->dtype) || !fc_dtype_is_real(t->dtype)) &&
	    !varm_ingredient_same_bytes(b, t))
		return fc_fail(e,
		    "%s: tensor %s is %s, which is not merged, and differs from the pivot's in %s",
		    s->path, name, fc_dtype_name(t->dtype), base->path);
	return 0;
}

static int check_target(
    const struct inputs *in, const struct ingredient *s, bool base_tied, struct fc_err *e)
{
	for (size_t i = 0; i < in->n; i++)
		if (check_tensor(in, fc_store_at(in->base.store, i)->name, s, e) < 0)
			return -1;
	for (size_t i = 0; i < fc_store_count(varm_ingredient_store(s)); i++) {
		const char *name = fc_store_at(varm_ingredient_store(s), i)->name;
		if (!varm_ingredient_find(&in->base, name))
			return fc_fail(e, "%s: tensor %s is not in the pivot %s", s->path, name,
			    in->base.path);
	}
	return check_head(s, base_tied, e);
}

int varm_inputs_open(
    struct inputs *in, const char *base, const char *const *target, int n_target, struct fc_err *e)
{
	bool tied;
	*in = (struct inputs){.target = FC_ARRAY(struct ingredient, (size_t)n_target)};
	if (varm_ingredient_open_path(&in->base, base, e) < 0 ||
	    varm_ingredient_attach(&in->base, NULL, e) < 0 ||
	    varm_ingredient_is_tied(&in->base, &tied, e) < 0)
		return -1;
	in->n = fc_store_count(in->base.store);
	for (int k = 0; k < n_target; k++) {
		struct ingredient *s = &in->target[k];
		in->n_target++;
		if (varm_ingredient_open_path(s, target[k], e) < 0 ||
		    varm_ingredient_attach(s, &in->base, e) < 0 || check_target(in, s, tied, e) < 0)
			return -1;
	}
	return 0;
}

void varm_inputs_close(struct inputs *in)
{
	for (int k = 0; k < in->n_target; k++)
		varm_ingredient_close(&in->target[k]);
	varm_ingredient_close(&in->base);
	free(in->target);
}

/* A tensor of integers or the like: the same in all models, and nothing to merge. */
static bool is_carried(const struct fc_tensor *t)
{
	return !fc_dtype_is_real(t->dtype);
}

static const char *table_name(const struct ingredient *g)
{
	return g->adapter ? g->name : g->path;
}

void varm_inputs_plan(const struct inputs *in, const struct request *r, struct plan *p)
{
	varm_plan_init(p, in->n, in->n_target);
	p->base = (struct plan_model){in->base.path, NULL, in->base.fingerprint};
	for (int k = 0; k < in->n_target; k++)
		varm_plan_name_model(p, k, table_name(&in->target[k]), in->target[k].fingerprint);
	for (size_t i = 0; i < in->n; i++) {
		const char *name = fc_store_at(in->base.store, i)->name;
		struct fc_tensor out = *varm_ingredient_find(&in->base, name);
		bool carried = is_carried(&out);
		if (!carried)
			out.dtype = r->keep_dtype ? varm_feed_dtype(out.dtype) : r->dtype;
		out.name = name;
		out.order = FC_ORDER_ROWS;
		struct plan_item *it =
		    varm_plan_place(p, i, &out, carried ? NULL : r->method, in->n_target);
		it->has_base = true;
		it->base = varm_ingredient_feed(&in->base, name, -1);
		it->set = r->settings;
		for (int k = 0; k < in->n_target; k++) {
			it->target[k] = varm_ingredient_feed(&in->target[k], name, k);
			it->term[k] = r->term[k];
		}
	}
}
