/* SPDX-License-Identifier: Apache-2.0 */
#include "jinja/jinja_impl.h"

/* Scopes: the names that a place in a template sees. */

struct fc_jframe *fc_jframe_push(struct fc_jx *x, struct fc_jframe *up)
{
	struct fc_jframe *f = fc_jpool_take(&x->pool, sizeof *f);
	f->up = up;
	x->frame = f;
	return f;
}

void fc_jframe_set(struct fc_jx *x, struct fc_jframe *f, const struct fc_jstr *name, struct fc_jv v)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (fc_jstr_same(f->v[i].name, name)) {
			f->v[i].v = v;
			return;
		}
	if (f->n == f->cap) {
		uint32_t cap = f->cap ? f->cap * 2 : 4;
		f->v = fc_jpool_grow(&x->pool, f->v, f->n * sizeof *f->v, cap * sizeof *f->v);
		f->cap = cap;
	}
	x->steps += f->n >> 4;
	f->v[f->n++] = (struct fc_jkeyword){name, v};
}

struct fc_jv fc_jx_lookup(struct fc_jx *x, const struct fc_jstr *name)
{
	for (const struct fc_jframe *f = x->frame; f; f = f->up) {
		x->steps += f->n >> 4;
		for (uint32_t i = 0; i < f->n; i++)
			if (fc_jstr_same(f->v[i].name, name))
				return f->v[i].v;
	}
	const struct fc_jbuiltin *fn = fc_jinja_function(name);
	if (fn)
		return (struct fc_jv){.kind = FC_JV_FUNCTION, .fn = fn};
	return fc_jv_undefined(x, NULL, name);
}
