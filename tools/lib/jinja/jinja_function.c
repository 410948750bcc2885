/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* gmtime_r, strftime's %-d */
#include <string.h>
#include <time.h>

#include "jinja/jinja_impl.h"

/* Functions that templates are given. */

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
		if (fc_jv_append(x, *out, fc_jv_int(i)) < 0)
			return -1;
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

/* self: [what is put between, was it called?] */
static int joiner_next(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jv *state = a[0].list->v;
	*out = state[1].b ? state[0] : fc_jv_text(x, "");
	state[1] = fc_jv_bool(true);
	return 0;
}

static struct fc_jv method_of(struct fc_jx *x, struct fc_jv self, const struct fc_jbuiltin *fn)
{
	struct fc_jmethod *m = fc_jpool_take(&x->pool, sizeof *m);
	*m = (struct fc_jmethod){self, fn};
	return (struct fc_jv){.kind = FC_JV_METHOD, .method = m};
}

static int joiner(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	static const struct fc_jbuiltin next = {"joiner", "", 0, joiner_next, NULL};
	struct fc_jv state = fc_jv_list(x, FC_JV_LIST, 2);
	if (fc_jv_append(x, state, a[0].kind == FC_JV_MISSING ? fc_jv_text(x, ", ") : a[0]) < 0 ||
	    fc_jv_append(x, state, fc_jv_bool(false)) < 0)
		return -1;
	*out = method_of(x, state, &next);
	return 0;
}

/* self: the cycler, whose items stand under 0 and the place of the current one under 1. */
static int cycle_to(struct fc_jx *x, struct fc_jdict *d, bool reset, struct fc_jv *out)
{
	struct fc_jv *items, *at, *current = fc_jv_member(d, "current", 7);
	if (fc_jv_find(x, d, fc_jv_int(0), &items) < 0 || fc_jv_find(x, d, fc_jv_int(1), &at) < 0)
		return -1;
	*out = *current;
	at->i = reset ? 0 : (at->i + 1) % items->list->n;
	*current = items->list->v[at->i];
	return 0;
}

static int cycler_next(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return cycle_to(x, a[0].dict, false, out);
}

static int cycler_reset(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	int ret = cycle_to(x, a[0].dict, true, out);
	*out = fc_jv_none();
	return ret;
}

static int cycler(
    struct fc_jx *x, struct fc_jv self, const struct fc_jargs *args, struct fc_jv *out)
{
	static const struct fc_jbuiltin next = {"next", "", 0, cycler_next, NULL},
					reset = {"reset", "", 0, cycler_reset, NULL};
	struct fc_jv items = fc_jv_list(x, FC_JV_LIST, args->n);
	(void)self;
	if (!args->n || args->n_kw)
		return fc_jx_fail(x, "at least one item has to be provided");
	for (uint32_t i = 0; i < args->n; i++)
		if (fc_jv_append(x, items, args->v[i]) < 0)
			return -1;
	*out = fc_jv_dict(x);
	out->kind = FC_JV_NAMESPACE;
	if (fc_jv_put(x, *out, fc_jv_int(0), items) < 0 ||
	    fc_jv_put(x, *out, fc_jv_int(1), fc_jv_int(0)) < 0 ||
	    fc_jv_put(x, *out, fc_jv_text(x, "current"), items.list->v[0]) < 0 ||
	    fc_jv_put(x, *out, fc_jv_text(x, "next"), method_of(x, *out, &next)) < 0 ||
	    fc_jv_put(x, *out, fc_jv_text(x, "reset"), method_of(x, *out, &reset)) < 0)
		return -1;
	return 0;
}

const struct fc_jbuiltin *fc_jinja_function(const struct fc_jstr *name)
{
	static const struct fc_jbuiltin table[] = {
	    {"raise_exception", "message", 1, raise_exception, NULL},
	    {"strftime_now", "format", 1, strftime_now, NULL},
	    {"range", "start stop step", 1, range, NULL},
	    {"dict", NULL, 0, NULL, new_dict},
	    {"namespace", NULL, 0, NULL, new_namespace},
	    {"joiner", "sep", 0, joiner, NULL},
	    {"cycler", NULL, 0, NULL, cycler},
	};
	return fc_jinja_find(table, sizeof table / sizeof *table, name->p, name->n);
}
