/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "jinja/jinja_impl.h"

/* Dictionaries, and comparing values, which finding a key needs. */

struct fc_jv fc_jv_dict(struct fc_jx *x)
{
	return (struct fc_jv){
	    .kind = FC_JV_DICT, .dict = fc_jpool_take(&x->pool, sizeof(struct fc_jdict))};
}

struct fc_jv *fc_jv_member(const struct fc_jdict *d, const char *p, size_t n)
{
	for (uint32_t i = 0; i < d->n; i++) {
		const struct fc_jv *k = &d->v[i].k;
		if (k->kind == FC_JV_STR && k->s->n == n && !memcmp(k->s->p, p, n))
			return &d->v[i].v;
	}
	return NULL;
}

static bool is_hashable(struct fc_jv v)
{
	if (v.kind == FC_JV_LIST || v.kind == FC_JV_DICT)
		return false;
	if (v.kind == FC_JV_TUPLE)
		for (uint32_t i = 0; i < v.list->n; i++)
			if (v.list->v[i].kind == FC_JV_LIST || v.list->v[i].kind == FC_JV_DICT)
				return false;
	return true;
}

int fc_jv_find(struct fc_jx *x, const struct fc_jdict *d, struct fc_jv k, struct fc_jv **v)
{
	*v = NULL;
	if (!is_hashable(k))
		return fc_jx_fail(x, "unhashable type: '%s'", fc_jv_type(k));
	x->steps += d->n >> 4;
	if (k.kind == FC_JV_STR) {
		*v = fc_jv_member(d, k.s->p, k.s->n);
		return 0;
	}
	for (uint32_t i = 0; i < d->n; i++) {
		bool same;
		if (fc_jv_equal(x, d->v[i].k, k, &same) < 0)
			return -1;
		if (same) {
			*v = &d->v[i].v;
			return 0;
		}
	}
	return 0;
}

int fc_jv_put(struct fc_jx *x, struct fc_jv dict, struct fc_jv k, struct fc_jv v)
{
	struct fc_jdict *d = dict.dict;
	struct fc_jv *old;
	if (fc_jv_find(x, d, k, &old) < 0)
		return -1;
	if (old) {
		*old = v;
		return 0;
	}
	if (d->n == d->cap) {
		uint32_t cap = d->cap < 4 ? 4 : d->cap * 2;
		d->v = fc_jpool_grow(&x->pool, d->v, d->n * sizeof *d->v, cap * sizeof *d->v);
		d->cap = cap;
	}
	d->v[d->n++] = (struct fc_jpair){k, v};
	return fc_jx_step(x, sizeof *d->v);
}

static int list_equal(
    struct fc_jx *x, const struct fc_jlist *a, const struct fc_jlist *b, bool *out)
{
	*out = a->n == b->n;
	for (uint32_t i = 0; *out && i < a->n; i++)
		if (fc_jv_equal(x, a->v[i], b->v[i], out) < 0)
			return -1;
	return 0;
}

static int dict_equal(
    struct fc_jx *x, const struct fc_jdict *a, const struct fc_jdict *b, bool *out)
{
	*out = a->n == b->n;
	for (uint32_t i = 0; *out && i < a->n; i++) {
		struct fc_jv *v;
		if (fc_jv_find(x, b, a->v[i].k, &v) < 0)
			return -1;
		*out = v != NULL;
		if (v && fc_jv_equal(x, a->v[i].v, *v, out) < 0)
			return -1;
	}
	return 0;
}

int fc_jv_equal(struct fc_jx *x, struct fc_jv a, struct fc_jv b, bool *out)
{
	*out = false;
	if (fc_jv_is_number(a) && fc_jv_is_number(b)) {
		*out = a.kind == FC_JV_INT && b.kind == FC_JV_INT ? a.i == b.i
								  : fc_jv_real(a) == fc_jv_real(b);
		return 0;
	}
	if (a.kind != b.kind)
		return 0;
	int ret = 0;
	switch (a.kind) {
	case FC_JV_UNDEFINED:
	case FC_JV_NONE:
		*out = true;
		return 0;
	case FC_JV_STR:
		x->steps += a.s->n >> 8;
		*out = fc_jstr_same(a.s, b.s);
		return 0;
	case FC_JV_LIST:
	case FC_JV_TUPLE:
	case FC_JV_VIEW:
	case FC_JV_DICT:
		if (fc_jx_enter(x) < 0)
			return -1;
		ret = a.kind == FC_JV_DICT ? dict_equal(x, a.dict, b.dict, out)
					   : list_equal(x, a.list, b.list, out);
		x->depth--;
		return ret;
	default:
		*out = a.list == b.list; /* are they one object? */
		return 0;
	}
}

static int list_less(struct fc_jx *x, const struct fc_jlist *a, const struct fc_jlist *b, bool *out)
{
	for (uint32_t i = 0; i < a->n && i < b->n; i++) {
		bool same;
		if (fc_jv_equal(x, a->v[i], b->v[i], &same) < 0)
			return -1;
		if (!same)
			return fc_jv_less(x, a->v[i], b->v[i], out);
	}
	*out = a->n < b->n;
	return 0;
}

int fc_jv_less(struct fc_jx *x, struct fc_jv a, struct fc_jv b, bool *out)
{
	if (a.kind == FC_JV_UNDEFINED)
		return fc_jv_use_undefined(x, a);
	if (b.kind == FC_JV_UNDEFINED)
		return fc_jv_use_undefined(x, b);
	if (fc_jv_is_number(a) && fc_jv_is_number(b)) {
		*out = a.kind == FC_JV_INT && b.kind == FC_JV_INT ? a.i < b.i
								  : fc_jv_real(a) < fc_jv_real(b);
		return 0;
	}
	if (a.kind == FC_JV_STR && b.kind == FC_JV_STR) {
		/* UTF-8 sorts as its code points */
		uint32_t n = a.s->n < b.s->n ? a.s->n : b.s->n;
		int c = memcmp(a.s->p, b.s->p, n);
		x->steps += n >> 8;
		*out = c < 0 || (c == 0 && a.s->n < b.s->n);
		return 0;
	}
	if (a.kind == b.kind && (a.kind == FC_JV_LIST || a.kind == FC_JV_TUPLE)) {
		if (fc_jx_enter(x) < 0)
			return -1;
		int ret = list_less(x, a.list, b.list, out);
		x->depth--;
		return ret;
	}
	return fc_jx_fail(x, "'<' not supported between instances of '%s' and '%s'", fc_jv_type(a),
	    fc_jv_type(b));
}

static int has_item(struct fc_jx *x, struct fc_jv item, struct fc_jv in, bool *out)
{
	*out = false;
	if (in.kind == FC_JV_STR) {
		if (item.kind != FC_JV_STR)
			return fc_jx_fail(x,
			    "'in <string>' requires string as left operand, not %s",
			    fc_jv_type(item));
		x->steps += in.s->n >> 8;
		*out = fc_jstr_find(in.s, item.s, 0) != SIZE_MAX;
		return 0;
	}
	if (in.kind == FC_JV_DICT) {
		struct fc_jv *v;
		int ret = fc_jv_find(x, in.dict, item, &v);
		*out = v != NULL;
		return ret;
	}
	if (!fc_jv_is_sequence(in) && in.kind != FC_JV_ITER && in.kind != FC_JV_UNDEFINED)
		return fc_jx_fail(x, "argument of type '%s' is not iterable", fc_jv_type(in));
	struct fc_jlist *l;
	if (fc_jv_items(x, in, &l) < 0)
		return -1;
	x->steps += l->n >> 4;
	for (uint32_t i = 0; i < l->n && !*out; i++)
		if (fc_jv_equal(x, l->v[i], item, out) < 0)
			return -1;
	return 0;
}

int fc_jv_compare_op(struct fc_jx *x, int op, struct fc_jv a, struct fc_jv b, bool *out)
{
	bool less = false, same = false;
	switch (op) {
	case FC_JOP_IN:
	case FC_JOP_NOT_IN:
		if (has_item(x, a, b, out) < 0)
			return -1;
		*out = *out == (op == FC_JOP_IN);
		return 0;
	case FC_JOP('=', '='):
	case FC_JOP('!', '='):
		if (fc_jv_equal(x, a, b, out) < 0)
			return -1;
		*out = *out == (op == FC_JOP('=', '='));
		return 0;
	case '<':
		return fc_jv_less(x, a, b, out);
	case '>':
		return fc_jv_less(x, b, a, out);
	default: /* <= and >= are not the negation of > and < where a number is none */
		if (op == FC_JOP('>', '='))
			return fc_jv_compare_op(x, FC_JOP('<', '='), b, a, out);
		if (fc_jv_less(x, a, b, &less) < 0 || fc_jv_equal(x, a, b, &same) < 0)
			return -1;
		*out = less || same;
		return 0;
	}
}
