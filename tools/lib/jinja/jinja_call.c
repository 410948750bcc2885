/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* gmtime_r, strftime's %-d */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "jinja/jinja_impl.h"

/* Calls, and the functions templates are given. */

const struct fc_jbuiltin *fc_jinja_find(
    const struct fc_jbuiltin *table, size_t count, const char *p, size_t n)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(table[i].name) == n && !memcmp(table[i].name, p, n))
			return &table[i];
	return NULL;
}

/* Index of the parameter called name, -1: none.  *count: how many there are. */
static int param_index(const char *params, const struct fc_jstr *name, int *count)
{
	int found = -1;
	*count = 0;
	while (*params) {
		size_t n = strcspn(params, " ");
		if (name && n == name->n && !memcmp(params, name->p, n))
			found = *count;
		++*count;
		params += n + (params[n] == ' ');
	}
	return found;
}

int fc_jx_call_builtin(struct fc_jx *x, const struct fc_jbuiltin *fn, const struct fc_jv *self,
    const struct fc_jargs *args, struct fc_jv *out)
{
	struct fc_jv a[FC_JINJA_PARAM_MAX + 1];
	int n, shift = self ? 1 : 0;
	if (fc_jx_step(x, 0) < 0)
		return -1;
	if (fn->call)
		return fn->call(x, self ? *self : fc_jv_none(), args, out);
	param_index(fn->params, NULL, &n);
	if (self)
		a[0] = *self;
	for (int i = 0; i < n; i++)
		a[shift + i] =
		    (uint32_t)i < args->n ? args->v[i] : (struct fc_jv){.kind = FC_JV_MISSING};
	if (args->n > (uint32_t)n)
		return fc_jx_fail(x, "%s takes at most %d argument(s)", fn->name, n);
	for (uint32_t i = 0; i < args->n_kw; i++) {
		const struct fc_jstr *name = args->kw[i].name;
		int k = param_index(fn->params, name, &n);
		if (k < 0)
			return fc_jx_fail(x, "%s got an unexpected keyword argument '%.*s'",
			    fn->name, (int)name->n, name->p);
		if (a[shift + k].kind != FC_JV_MISSING)
			return fc_jx_fail(
			    x, "%s got two values for '%.*s'", fn->name, (int)name->n, name->p);
		a[shift + k] = args->kw[i].v;
	}
	for (int i = 0; i < fn->required; i++)
		if (a[shift + i].kind == FC_JV_MISSING)
			return fc_jx_fail(x, "%s needs %d argument(s)", fn->name, fn->required);
	return fn->fn(x, a, out);
}

int fc_jx_call(struct fc_jx *x, struct fc_jv fn, const struct fc_jargs *args, struct fc_jv *out)
{
	if (fn.kind == FC_JV_UNDEFINED)
		return fc_jv_use_undefined(x, fn);
	if (fn.kind == FC_JV_FUNCTION)
		return fc_jx_call_builtin(x, fn.fn, NULL, args, out);
	if (fn.kind == FC_JV_METHOD)
		return fc_jx_call_builtin(x, fn.method->fn, &fn.method->self, args, out);
	if (fn.kind != FC_JV_MACRO)
		return fc_jx_fail(x, "'%s' object is not callable", fc_jv_type(fn));
	if (fc_jx_enter(x) < 0)
		return -1;
	int ret = fc_jx_call_macro(x, fn.macro, args, out);
	x->depth--;
	return ret;
}

static int raise_exception(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	const struct fc_jstr *s;
	(void)out;
	if (fc_jv_to_str(x, a[0], &s) < 0)
		return -1;
	return fc_jx_fail(x, "%.*s", (int)(s->n < 800 ? s->n : 800), s->p);
}

static int strftime_now(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	char text[512], format[128];
	time_t t = (time_t)x->now_s;
	struct tm tm;
	if (a[0].kind != FC_JV_STR || a[0].s->n >= sizeof format)
		return fc_jx_fail(x, "strftime_now needs a format of at most 127 bytes");
	memcpy(format, a[0].s->p, a[0].s->n);
	format[a[0].s->n] = 0;
	if (!gmtime_r(&t, &tm))
		return fc_jx_fail(x, "strftime_now: the year is out of range");
	size_t n = strftime(text, sizeof text, format, &tm);
	text[n] = 0;
	*out = fc_jv_text(x, text);
	return 0;
}

static int range(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	int64_t v[3] = {0, 0, 1};
	int n = a[1].kind == FC_JV_MISSING ? 1 : a[2].kind == FC_JV_MISSING ? 2 : 3;
	for (int i = 0; i < n; i++) {
		if (a[i].kind == FC_JV_UNDEFINED)
			return fc_jv_use_undefined(x, a[i]);
		if (a[i].kind != FC_JV_INT && a[i].kind != FC_JV_BOOL)
			return fc_jx_fail(
			    x, "'%s' object cannot be interpreted as an integer", fc_jv_type(a[i]));
		v[n == 1 ? 1 : i] = a[i].kind == FC_JV_INT ? a[i].i : a[i].b;
	}
	if (!v[2])
		return fc_jx_fail(x, "range() arg 3 must not be zero");
	*out = fc_jv_list(x, FC_JV_VIEW, 0);
	out->list->view = "range";
	for (int64_t i = v[0]; v[2] > 0 ? i < v[1] : i > v[1];) {
		if (out->list->n == FC_JINJA_RANGE_MAX)
			return fc_jx_fail(x, "range of more than %d items", FC_JINJA_RANGE_MAX);
		fc_jv_append(x, *out, fc_jv_int(i));
		if (__builtin_add_overflow(i, v[2], &i))
			break;
	}
	return fc_jx_step(x, out->list->n * sizeof *out->list->v);
}

static int add_members(struct fc_jx *x, struct fc_jv d, const struct fc_jargs *args)
{
	if (args->n > 1)
		return fc_jx_fail(x, "expected at most 1 argument, got %u", args->n);
	if (args->n && args->v[0].kind == FC_JV_DICT) {
		const struct fc_jdict *from = args->v[0].dict;
		for (uint32_t i = 0; i < from->n; i++)
			if (fc_jv_put(x, d, from->v[i].k, from->v[i].v) < 0)
				return -1;
	} else if (args->n) {
		struct fc_jlist *l, *pair;
		if (fc_jv_items(x, args->v[0], &l) < 0)
			return -1;
		for (uint32_t i = 0; i < l->n; i++) {
			if (fc_jv_items(x, l->v[i], &pair) < 0)
				return -1;
			if (pair->n != 2)
				return fc_jx_fail(x, "expected pairs of a key and a value");
			if (fc_jv_put(x, d, pair->v[0], pair->v[1]) < 0)
				return -1;
		}
	}
	for (uint32_t i = 0; i < args->n_kw; i++)
		if (fc_jv_put(x, d, fc_jv_str(args->kw[i].name), args->kw[i].v) < 0)
			return -1;
	return 0;
}

static int new_dict(
    struct fc_jx *x, struct fc_jv self, const struct fc_jargs *args, struct fc_jv *out)
{
	(void)self;
	*out = fc_jv_dict(x);
	return add_members(x, *out, args);
}

static int new_namespace(
    struct fc_jx *x, struct fc_jv self, const struct fc_jargs *args, struct fc_jv *out)
{
	int ret = new_dict(x, self, args, out);
	out->kind = FC_JV_NAMESPACE;
	return ret;
}

const struct fc_jbuiltin *fc_jinja_function(const struct fc_jstr *name)
{
	static const struct fc_jbuiltin table[] = {
	    {"raise_exception", "message", 1, raise_exception, NULL},
	    {"strftime_now", "format", 1, strftime_now, NULL},
	    {"range", "start stop step", 1, range, NULL},
	    {"dict", NULL, 0, NULL, new_dict},
	    {"namespace", NULL, 0, NULL, new_namespace},
	};
	return fc_jinja_find(table, sizeof table / sizeof *table, name->p, name->n);
}

int fc_jv_loop_attr(
    struct fc_jx *x, struct fc_jloop *l, const struct fc_jstr *name, struct fc_jv *out)
{
	bool peeks = fc_jstr_is(name, "last") || fc_jstr_is(name, "nextitem");
	bool counts = fc_jstr_is(name, "length") || fc_jstr_is(name, "revindex") ||
	    fc_jstr_is(name, "revindex0");
	if ((peeks || counts) && fc_jloop_fill(x, l, counts ? UINT32_MAX : l->i + 2) < 0)
		return -1;
	int64_t i = l->i, n = l->list->n;
	if (fc_jstr_is(name, "index0"))
		*out = fc_jv_int(i);
	else if (fc_jstr_is(name, "index"))
		*out = fc_jv_int(i + 1);
	else if (fc_jstr_is(name, "revindex0"))
		*out = fc_jv_int(n - i - 1);
	else if (fc_jstr_is(name, "revindex"))
		*out = fc_jv_int(n - i);
	else if (fc_jstr_is(name, "first"))
		*out = fc_jv_bool(i == 0);
	else if (fc_jstr_is(name, "last"))
		*out = fc_jv_bool(i == n - 1);
	else if (fc_jstr_is(name, "length"))
		*out = fc_jv_int(n);
	else if (fc_jstr_is(name, "depth"))
		*out = fc_jv_int(1);
	else if (fc_jstr_is(name, "depth0"))
		*out = fc_jv_int(0);
	else if (fc_jstr_is(name, "previtem"))
		*out = i > 0 ? l->list->v[i - 1] : fc_jv_undefined(x, NULL, name);
	else if (fc_jstr_is(name, "nextitem"))
		*out = i + 1 < n ? l->list->v[i + 1] : fc_jv_undefined(x, NULL, name);
	return 0;
}
