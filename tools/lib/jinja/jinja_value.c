/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "jinja/jinja_impl.h"

struct fc_jv fc_jv_undefined(struct fc_jx *x, const char *owner, const struct fc_jstr *name)
{
	struct fc_jundef *u = fc_jpool_take(&x->pool, sizeof *u);
	u->name = name;
	u->owner = owner;
	return (struct fc_jv){.kind = FC_JV_UNDEFINED, .undef = u};
}

struct fc_jv fc_jv_none(void)
{
	return (struct fc_jv){.kind = FC_JV_NONE};
}

struct fc_jv fc_jv_bool(bool b)
{
	return (struct fc_jv){.kind = FC_JV_BOOL, .b = b};
}

struct fc_jv fc_jv_int(int64_t i)
{
	return (struct fc_jv){.kind = FC_JV_INT, .i = i};
}

struct fc_jv fc_jv_float(double d)
{
	return (struct fc_jv){.kind = FC_JV_FLOAT, .d = d};
}

struct fc_jv fc_jv_str(const struct fc_jstr *s)
{
	return (struct fc_jv){.kind = FC_JV_STR, .s = s};
}

struct fc_jv fc_jv_text(struct fc_jx *x, const char *s)
{
	struct fc_jcat c = {0};
	fc_jcat_adds(x, &c, s);
	return fc_jv_str(fc_jcat_str(x, &c));
}

struct fc_jv fc_jv_list(struct fc_jx *x, enum fc_jkind kind, size_t n)
{
	struct fc_jlist *l = fc_jpool_take(&x->pool, sizeof *l);
	l->cap = (uint32_t)n;
	l->v = fc_jpool_take(&x->pool, n * sizeof *l->v);
	return (struct fc_jv){.kind = (uint8_t)kind, .list = l};
}

int fc_jv_append(struct fc_jx *x, struct fc_jv list, struct fc_jv v)
{
	struct fc_jlist *l = list.list;
	if (l->n == l->cap) {
		uint32_t cap = l->cap < 4 ? 8 : l->cap * 2;
		l->v = fc_jpool_grow(&x->pool, l->v, l->n * sizeof *l->v, cap * sizeof *l->v);
		l->cap = cap;
	}
	l->v[l->n++] = v;
	return fc_jx_step(x, sizeof v);
}

const char *fc_jv_type(struct fc_jv v)
{
	static const char *const name[] = {"missing", "Undefined", "NoneType", "bool", "int",
	    "float", "str", "list", "tuple", "generator", "view", "dict", "Namespace", "Macro",
	    "builtin_function_or_method", "function", "LoopContext"};
	if (v.kind == FC_JV_STR && v.safe)
		return "Markup";
	return v.kind == FC_JV_VIEW ? v.list->view : name[v.kind];
}

bool fc_jv_true(struct fc_jv v)
{
	switch (v.kind) {
	case FC_JV_MISSING:
	case FC_JV_UNDEFINED:
	case FC_JV_NONE:
		return false;
	case FC_JV_BOOL:
		return v.b;
	case FC_JV_INT:
		return v.i != 0;
	case FC_JV_FLOAT:
		return v.d != 0;
	case FC_JV_STR:
		return v.s->n != 0;
	case FC_JV_LIST:
	case FC_JV_TUPLE:
	case FC_JV_VIEW:
		return v.list->n != 0;
	case FC_JV_DICT:
		return v.dict->n != 0;
	default:
		return true;
	}
}

bool fc_jv_is_number(struct fc_jv v)
{
	return v.kind == FC_JV_BOOL || v.kind == FC_JV_INT || v.kind == FC_JV_FLOAT;
}

double fc_jv_real(struct fc_jv v)
{
	return v.kind == FC_JV_FLOAT ? v.d : v.kind == FC_JV_INT ? (double)v.i : v.b;
}

bool fc_jv_is_sequence(struct fc_jv v)
{
	return v.kind == FC_JV_LIST || v.kind == FC_JV_TUPLE || v.kind == FC_JV_VIEW;
}

int fc_jv_use_undefined(struct fc_jx *x, struct fc_jv v)
{
	const struct fc_jundef *u = v.undef;
	int n = (int)(u->name ? u->name->n : 0);
	const char *name = u->name ? u->name->p : "";
	if (u->unsafe)
		return fc_jx_fail(
		    x, "access to attribute '%.*s' of '%s' object is unsafe", n, name, u->owner);
	if (u->owner)
		return fc_jx_fail(x, "'%s' has no attribute '%.*s'", u->owner, n, name);
	return fc_jx_fail(x, "'%.*s' is undefined", n, name);
}

int fc_jv_items(struct fc_jx *x, struct fc_jv v, struct fc_jlist **out)
{
	struct fc_jv l;
	switch (v.kind) {
	case FC_JV_LIST:
	case FC_JV_TUPLE:
	case FC_JV_VIEW:
		*out = v.list;
		return 0;
	case FC_JV_ITER:
		*out = fc_jpool_take(&x->pool, sizeof **out);
		(*out)->v = v.list->v + v.list->taken;
		(*out)->n = v.list->n - v.list->taken;
		v.list->taken = v.list->n;
		return 0;
	case FC_JV_UNDEFINED:
		*out = fc_jv_list(x, FC_JV_LIST, 0).list;
		return 0;
	case FC_JV_DICT:
		l = fc_jv_list(x, FC_JV_LIST, v.dict->n);
		for (uint32_t i = 0; i < v.dict->n; i++)
			if (fc_jv_append(x, l, v.dict->v[i].k) < 0)
				return -1;
		*out = l.list;
		return 0;
	case FC_JV_STR:
		if (fc_jx_step(x, v.s->n * sizeof l) < 0)
			return -1;
		l = fc_jv_list(x, FC_JV_LIST, fc_jstr_chars(v.s));
		for (size_t at = 0; at < v.s->n;) {
			uint32_t cp;
			size_t n = fc_jchar_get(v.s, at, &cp);
			if (fc_jv_append(x, l, fc_jv_str(fc_jstr_sub(x, v.s, at, at + n))) < 0)
				return -1;
			at += n;
		}
		*out = l.list;
		return 0;
	default:
		return fc_jx_fail(x, "'%s' object is not iterable", fc_jv_type(v));
	}
}

int fc_jv_length(struct fc_jx *x, struct fc_jv v, int64_t *out)
{
	switch (v.kind) {
	case FC_JV_LIST:
	case FC_JV_TUPLE:
	case FC_JV_VIEW:
		*out = v.list->n;
		return 0;
	case FC_JV_UNDEFINED:
		*out = 0;
		return 0;
	case FC_JV_DICT:
		*out = v.dict->n;
		return 0;
	case FC_JV_STR:
		x->steps += v.s->n >> 8;
		*out = (int64_t)fc_jstr_chars(v.s);
		return 0;
	default:
		return fc_jx_fail(x, "object of type '%s' has no len()", fc_jv_type(v));
	}
}

struct fc_jv fc_jv_same_safe(struct fc_jv like, const struct fc_jstr *s)
{
	struct fc_jv v = fc_jv_str(s);
	v.safe = like.safe;
	return v;
}

int fc_jv_want_str(struct fc_jx *x, struct fc_jv v)
{
	if (v.kind == FC_JV_STR)
		return 0;
	return v.kind == FC_JV_UNDEFINED ? fc_jv_use_undefined(x, v)
					 : fc_jx_fail(x, "expected a str, got %s", fc_jv_type(v));
}

int fc_jv_want_int(struct fc_jx *x, struct fc_jv v, int64_t def, int64_t *out)
{
	*out = v.kind == FC_JV_INT ? v.i : def;
	return v.kind == FC_JV_INT || v.kind == FC_JV_MISSING
	    ? 0
	    : fc_jx_fail(x, "expected an int, got %s", fc_jv_type(v));
}
