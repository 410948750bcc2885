/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "jinja/jinja_impl.h"

/* Members, items and slices. */

/* An undefined member of v, as jinja2 describes it. */
static struct fc_jv no_member(struct fc_jx *x, struct fc_jv v, const struct fc_jstr *name)
{
	static const char *const owner[] = {[FC_JV_NONE] = "None",
	    [FC_JV_BOOL] = "bool object",
	    [FC_JV_INT] = "int object",
	    [FC_JV_FLOAT] = "float object",
	    [FC_JV_STR] = "str object",
	    [FC_JV_LIST] = "list object",
	    [FC_JV_TUPLE] = "tuple object",
	    [FC_JV_DICT] = "dict object",
	    [FC_JV_NAMESPACE] = "jinja2.utils.Namespace object",
	    [FC_JV_LOOP] = "jinja2.runtime.LoopContext object"};
	const char *o = v.kind < sizeof owner / sizeof *owner ? owner[v.kind] : NULL;
	return fc_jv_undefined(x, o ? o : fc_jv_type(v), name);
}

/* Methods that change their object: the immutable sandbox refuses to give them out. */
static bool is_mutator(struct fc_jv v, const struct fc_jstr *name)
{
	static const char *const of_list[] = {
	    "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove", NULL};
	static const char *const of_dict[] = {
	    "clear", "pop", "popitem", "setdefault", "update", NULL};
	const char *const *list = v.kind == FC_JV_LIST ? of_list
	    : v.kind == FC_JV_DICT                     ? of_dict
						       : NULL;
	for (; list && *list; list++)
		if (fc_jstr_is(name, *list))
			return true;
	return false;
}

/* The attribute a Python object of that type has; MISSING where there is none. */
static int own_attr(struct fc_jx *x, struct fc_jv v, const struct fc_jstr *name, struct fc_jv *out)
{
	*out = (struct fc_jv){.kind = FC_JV_MISSING};
	if (v.kind == FC_JV_NAMESPACE) {
		struct fc_jv *member = fc_jv_member(v.dict, name->p, name->n);
		if (member)
			*out = *member;
		return 0;
	}
	if (v.kind == FC_JV_TUPLE && v.list->view && v.list->n == 2 &&
	    (fc_jstr_is(name, "grouper") || fc_jstr_is(name, "list"))) {
		*out = v.list->v[fc_jstr_is(name, "list")];
		return 0;
	}
	if (v.kind == FC_JV_MACRO && fc_jstr_is(name, "name")) {
		*out = fc_jv_str(v.macro->node->str);
		return 0;
	}
	if (is_mutator(v, name)) {
		struct fc_jundef *u = fc_jpool_take(&x->pool, sizeof *u);
		*u = (struct fc_jundef){.name = name, .owner = fc_jv_type(v), .unsafe = true};
		*out = (struct fc_jv){.kind = FC_JV_UNDEFINED, .undef = u};
		return 0;
	}
	const struct fc_jbuiltin *fn = fc_jinja_method(v, name);
	if (fn) {
		struct fc_jmethod *m = fc_jpool_take(&x->pool, sizeof *m);
		*m = (struct fc_jmethod){v, fn};
		*out = (struct fc_jv){.kind = FC_JV_METHOD, .method = m};
	}
	return 0;
}

int fc_jv_attr(struct fc_jx *x, struct fc_jv v, const struct fc_jstr *name, struct fc_jv *out)
{
	if (v.kind == FC_JV_UNDEFINED)
		return fc_jv_use_undefined(x, v);
	if (own_attr(x, v, name, out) < 0)
		return -1;
	if (out->kind != FC_JV_MISSING)
		return 0;
	struct fc_jv *member = v.kind == FC_JV_DICT ? fc_jv_member(v.dict, name->p, name->n) : NULL;
	*out = member ? *member : no_member(x, v, name);
	return 0;
}

static const struct fc_jstr *int_name(struct fc_jx *x, int64_t i)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRId64, i);
	return fc_jv_text(x, text).s;
}

static int item_at(struct fc_jx *x, struct fc_jv v, int64_t i, struct fc_jv *out)
{
	int64_t n = 0;
	if (fc_jv_length(x, v, &n) < 0)
		return -1;
	if (i < 0)
		i += n;
	if (i < 0 || i >= n) {
		*out = no_member(x, v, int_name(x, i));
		return 0;
	}
	if (v.kind != FC_JV_STR) {
		*out = v.list->v[i];
		return 0;
	}
	size_t at = fc_jstr_offset(v.s, (size_t)i);
	uint32_t cp;
	*out = fc_jv_str(fc_jstr_sub(x, v.s, at, at + fc_jchar_get(v.s, at, &cp)));
	out->safe = v.safe;
	return 0;
}

int fc_jv_item(struct fc_jx *x, struct fc_jv v, struct fc_jv key, struct fc_jv *out)
{
	if (v.kind == FC_JV_UNDEFINED)
		return fc_jv_use_undefined(x, v);
	bool indexed = v.kind == FC_JV_LIST || v.kind == FC_JV_TUPLE || v.kind == FC_JV_STR ||
	    (v.kind == FC_JV_VIEW && !strcmp(v.list->view, "range"));
	if (indexed && (key.kind == FC_JV_INT || key.kind == FC_JV_BOOL))
		return item_at(x, v, key.kind == FC_JV_INT ? key.i : key.b, out);
	if (v.kind == FC_JV_DICT && key.kind != FC_JV_LIST && key.kind != FC_JV_DICT) {
		struct fc_jv *member;
		if (fc_jv_find(x, v.dict, key, &member) < 0)
			return -1;
		if (member) {
			*out = *member;
			return 0;
		}
	}
	if (key.kind == FC_JV_STR) {
		if (own_attr(x, v, key.s, out) < 0)
			return -1;
		if (out->kind == FC_JV_MISSING)
			*out = no_member(x, v, key.s);
		return 0;
	}
	struct fc_jcat c = {0};
	if (fc_jv_repr(x, &c, key) < 0)
		return -1;
	*out = no_member(x, v, fc_jcat_str(x, &c));
	return 0;
}

/* *out = the integer v, or def where v is none. */
static int bound(struct fc_jx *x, struct fc_jv v, int64_t def, int64_t *out)
{
	if (v.kind == FC_JV_NONE || v.kind == FC_JV_MISSING)
		*out = def;
	else if (v.kind == FC_JV_INT)
		*out = v.i;
	else if (v.kind == FC_JV_BOOL)
		*out = v.b;
	else
		return fc_jx_fail(x, "slice indices must be integers or None");
	return 0;
}

static int64_t clamp(int64_t i, int64_t n, int64_t least, int64_t most)
{
	if (i < 0)
		i += n;
	return i < least ? least : i > most ? most : i;
}

static int slice_list(
    struct fc_jx *x, struct fc_jv v, int64_t from, int64_t to, int64_t step, struct fc_jv *out)
{
	*out = fc_jv_list(x, v.kind, 0);
	out->list->view = v.kind == FC_JV_VIEW ? v.list->view : NULL;
	for (int64_t i = from; step > 0 ? i < to : i > to; i += step)
		if (fc_jv_append(x, *out, v.list->v[i]) < 0)
			return -1;
	return 0;
}

static int slice_str(
    struct fc_jx *x, struct fc_jv v, int64_t from, int64_t to, int64_t step, struct fc_jv *out)
{
	if (step == 1) {
		size_t a = fc_jstr_offset(v.s, (size_t)from);
		size_t b = from < to ? fc_jstr_offset(v.s, (size_t)to) : a;
		*out = fc_jv_str(fc_jstr_sub(x, v.s, a, b));
	} else {
		struct fc_jcat c = {0};
		size_t at = fc_jstr_offset(v.s, (size_t)(from < 0 ? 0 : from));
		for (int64_t i = from; step > 0 ? i < to : i > to;) {
			uint32_t cp;
			size_t n = fc_jchar_get(v.s, at, &cp);
			fc_jcat_add_sub(x, &c, v.s, at, at + n, 0);
			i += step;
			for (int64_t k = step; k > 0 && at < v.s->n; k--)
				at += fc_jchar_get(v.s, at, &cp);
			for (int64_t k = step; k < 0 && at > 0; k++)
				do
					at--;
				while (at > 0 && (v.s->p[at] & 0xc0) == 0x80);
		}
		*out = fc_jv_str(fc_jcat_str(x, &c));
	}
	out->safe = v.safe;
	return 0;
}

int fc_jv_slice(struct fc_jx *x, struct fc_jv v, const struct fc_jv range[3], struct fc_jv *out)
{
	if (v.kind == FC_JV_UNDEFINED)
		return fc_jv_use_undefined(x, v);
	bool str = v.kind == FC_JV_STR;
	if (!str && v.kind != FC_JV_LIST && v.kind != FC_JV_TUPLE &&
	    !(v.kind == FC_JV_VIEW && !strcmp(v.list->view, "range")))
		return fc_jx_fail(x, "'%s' object can't be sliced", fc_jv_type(v));
	int64_t n = 0, from = 0, to = 0, step = 1;
	if (fc_jv_length(x, v, &n) < 0 || bound(x, range[2], 1, &step) < 0)
		return -1;
	if (step == 0)
		return fc_jx_fail(x, "slice step cannot be zero");
	if (step > n + 1 || step < -n - 1)
		step = step > 0 ? n + 1 : -n - 1; /* i + step stays in range */
	bool up = step > 0;
	if (bound(x, range[0], up ? 0 : n - 1, &from) < 0 ||
	    bound(x, range[1], up ? n : -n - 1, &to) < 0)
		return -1;
	from = clamp(from, n, up ? 0 : -1, up ? n : n - 1);
	to = clamp(to, n, up ? 0 : -1, up ? n : n - 1);
	if (fc_jx_step(x, (size_t)n) < 0)
		return -1;
	return (str ? slice_str : slice_list)(x, v, from, to, step, out);
}
