/* SPDX-License-Identifier: Apache-2.0 */
#include "jinja/jinja_impl.h"

/* Filters that apply a filter or a test to every item, and the table of all filters. */

/* The items of v, none where it is false: map and select look at that first. */
static int items_if_true(struct fc_jx *x, struct fc_jv v, struct fc_jlist **l)
{
	return fc_jv_items(x, fc_jv_true(v) ? v : fc_jv_list(x, FC_JV_LIST, 0), l);
}

/* The filter or test that args->v[at] names, with the arguments after it. */
static int named(struct fc_jx *x, bool filter, const struct fc_jargs *args, uint32_t at,
    const struct fc_jbuiltin **fn, struct fc_jargs *rest)
{
	struct fc_jv name = args->v[at];
	*fn = NULL;
	if (name.kind == FC_JV_STR)
		*fn = (filter ? fc_jinja_filter : fc_jinja_test)(name.s->p, name.s->n);
	if (!*fn)
		return fc_jx_fail(x, "there is no %s '%.*s'", filter ? "filter" : "test",
		    name.kind == FC_JV_STR ? (int)name.s->n : 1,
		    name.kind == FC_JV_STR ? name.s->p : "?");
	*rest = *args;
	rest->v += at + 1;
	rest->n -= at + 1;
	return 0;
}

static int map_attribute(
    struct fc_jx *x, const struct fc_jlist *l, const struct fc_jargs *args, struct fc_jv *out)
{
	struct fc_jv attribute = {.kind = FC_JV_MISSING}, def = attribute, v;
	for (uint32_t i = 0; i < args->n_kw; i++) {
		const struct fc_jstr *name = args->kw[i].name;
		if (fc_jstr_is(name, "attribute"))
			attribute = args->kw[i].v;
		else if (fc_jstr_is(name, "default"))
			def = args->kw[i].v;
		else
			return fc_jx_fail(x, "map got an unexpected keyword argument '%.*s'",
			    (int)name->n, name->p);
	}
	if (attribute.kind == FC_JV_MISSING)
		return fc_jx_fail(x, "map requires a filter argument");
	for (uint32_t i = 0; i < l->n; i++) {
		if (fc_jv_path(x, l->v[i], attribute, &v) < 0 || fc_jx_step(x, 0) < 0)
			return -1;
		bool missing = v.kind == FC_JV_UNDEFINED && def.kind != FC_JV_MISSING &&
		    def.kind != FC_JV_NONE;
		if (fc_jv_append(x, *out, missing ? def : v) < 0)
			return -1;
	}
	return 0;
}

static int map(struct fc_jx *x, struct fc_jv self, const struct fc_jargs *args, struct fc_jv *out)
{
	struct fc_jlist *l;
	struct fc_jargs rest;
	const struct fc_jbuiltin *fn;
	struct fc_jv v;
	if (items_if_true(x, self, &l) < 0)
		return -1;
	*out = fc_jv_list(x, FC_JV_ITER, l->n);
	if (!args->n)
		return map_attribute(x, l, args, out);
	if (named(x, true, args, 0, &fn, &rest) < 0)
		return -1;
	for (uint32_t i = 0; i < l->n; i++) {
		if (fc_jx_call_builtin(x, fn, &l->v[i], &rest, &v) < 0)
			return -1;
		if (fc_jv_append(x, *out, v) < 0)
			return -1;
	}
	return 0;
}

static int choose(struct fc_jx *x, struct fc_jv self, const struct fc_jargs *args, bool by_attr,
    bool keep, struct fc_jv *out)
{
	struct fc_jlist *l;
	struct fc_jargs rest;
	const struct fc_jbuiltin *fn = NULL;
	uint32_t at = by_attr ? 1 : 0;
	if (by_attr && !args->n)
		return fc_jx_fail(x, "Missing parameter for attribute name");
	if (items_if_true(x, self, &l) < 0 ||
	    (args->n > at && named(x, false, args, at, &fn, &rest) < 0))
		return -1;
	*out = fc_jv_list(x, FC_JV_ITER, 0);
	for (uint32_t i = 0; i < l->n; i++) {
		struct fc_jv v = l->v[i], is;
		if (fc_jx_step(x, 0) < 0 || (by_attr && fc_jv_path(x, l->v[i], args->v[0], &v) < 0))
			return -1;
		is = v;
		if (fn && fc_jx_call_builtin(x, fn, &v, &rest, &is) < 0)
			return -1;
		if (fc_jv_true(is) == keep)
			if (fc_jv_append(x, *out, l->v[i]) < 0)
				return -1;
	}
	return 0;
}

static int select_(
    struct fc_jx *x, struct fc_jv self, const struct fc_jargs *args, struct fc_jv *out)
{
	return choose(x, self, args, false, true, out);
}

static int reject_(
    struct fc_jx *x, struct fc_jv self, const struct fc_jargs *args, struct fc_jv *out)
{
	return choose(x, self, args, false, false, out);
}

static int selectattr(
    struct fc_jx *x, struct fc_jv self, const struct fc_jargs *args, struct fc_jv *out)
{
	return choose(x, self, args, true, true, out);
}

static int rejectattr(
    struct fc_jx *x, struct fc_jv self, const struct fc_jargs *args, struct fc_jv *out)
{
	return choose(x, self, args, true, false, out);
}

const struct fc_jbuiltin *fc_jinja_filter(const char *p, size_t n)
{
	static const struct fc_jbuiltin table[] = {
	    {"map", NULL, 0, NULL, map},
	    {"select", NULL, 0, NULL, select_},
	    {"reject", NULL, 0, NULL, reject_},
	    {"selectattr", NULL, 0, NULL, selectattr},
	    {"rejectattr", NULL, 0, NULL, rejectattr},
	};
	const struct fc_jbuiltin *f = fc_jinja_find(table, sizeof table / sizeof *table, p, n);
	if (!f)
		f = fc_jinja_value_filter(p, n);
	if (!f)
		f = fc_jinja_text_filter(p, n);
	if (!f)
		f = fc_jinja_group_filter(p, n);
	return f ? f : fc_jinja_seq_filter(p, n);
}
