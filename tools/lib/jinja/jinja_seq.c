/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "jinja/jinja_impl.h"

/* Filters of sequences. */

/* The items of v, none where it is false: map and select look at that first. */
static int items_if_true(struct fc_jx *x, struct fc_jv v, struct fc_jlist **l)
{
	return fc_jv_items(x, fc_jv_true(v) ? v : fc_jv_list(x, FC_JV_LIST, 0), l);
}

/* v's member by a path: an index, a name or "a.b.0". */
static int member(struct fc_jx *x, struct fc_jv v, struct fc_jv path, struct fc_jv *out)
{
	if (path.kind != FC_JV_STR)
		return fc_jv_item(x, v, path, out);
	const struct fc_jstr *s = path.s;
	*out = v;
	for (size_t from = 0; from <= s->n;) {
		const char *dot = memchr(s->p + from, '.', s->n - from);
		size_t to = dot ? (size_t)(dot - s->p) : s->n;
		struct fc_jv key = fc_jv_str(fc_jstr_sub(x, s, from, to));
		int64_t index = 0;
		bool digits = to > from && to - from < 10;
		for (size_t i = from; i < to && digits; i++) {
			digits = s->p[i] >= '0' && s->p[i] <= '9';
			index = index * 10 + (s->p[i] - '0');
		}
		struct fc_jv next;
		if (fc_jv_item(x, *out, digits ? fc_jv_int(index) : key, &next) < 0)
			return -1;
		*out = next;
		from = to + 1;
	}
	return 0;
}

/* Sorting and min, max, unique compare strings without case unless told so. */
static int key_of(
    struct fc_jx *x, struct fc_jv v, struct fc_jv attribute, bool cased, struct fc_jv *out)
{
	static const struct fc_jstr lower = {"lower", 5, 0, NULL};
	*out = v;
	if (attribute.kind != FC_JV_MISSING && attribute.kind != FC_JV_NONE &&
	    member(x, v, attribute, out) < 0)
		return -1;
	if (cased || out->kind != FC_JV_STR)
		return 0;
	struct fc_jv s = *out;
	return fc_jinja_str_method(&lower)->fn(x, &s, out);
}

static int list(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jlist *l;
	if (fc_jv_items(x, a[0], &l) < 0 || fc_jx_step(x, l->n * sizeof *l->v) < 0)
		return -1;
	*out = fc_jv_list(x, FC_JV_LIST, l->n);
	for (uint32_t i = 0; i < l->n; i++)
		fc_jv_append(x, *out, l->v[i]);
	return 0;
}

static int join(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jlist *l;
	struct fc_jcat c = {0};
	if (fc_jv_items(x, a[0], &l) < 0)
		return -1;
	for (uint32_t i = 0; i < l->n; i++) {
		struct fc_jv v = l->v[i];
		if (a[2].kind != FC_JV_MISSING && a[2].kind != FC_JV_NONE &&
		    member(x, l->v[i], a[2], &v) < 0)
			return -1;
		if (i && fc_jv_print(x, &c, a[1]) < 0)
			return -1;
		if (fc_jv_print(x, &c, v) < 0)
			return -1;
	}
	*out = fc_jv_str(fc_jcat_str(x, &c));
	return 0;
}

static struct fc_jv empty_item(struct fc_jx *x, const char *which)
{
	return fc_jv_undefined(x, NULL, fc_jv_text(x, which).s);
}

static int first(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jlist *l;
	if (a[0].kind == FC_JV_ITER) {
		struct fc_jlist *it = a[0].list;
		*out = it->taken < it->n ? it->v[it->taken++] : empty_item(x, "first item");
		return 0;
	}
	if (fc_jv_items(x, a[0], &l) < 0)
		return -1;
	*out = l->n ? l->v[0] : empty_item(x, "first item");
	return 0;
}

static int last(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jlist *l;
	if (a[0].kind == FC_JV_ITER)
		return fc_jx_fail(x, "'generator' object is not reversible");
	if (fc_jv_items(x, a[0], &l) < 0)
		return -1;
	*out = l->n ? l->v[l->n - 1] : empty_item(x, "last item");
	return 0;
}

static int items(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	static const struct fc_jstr name = {"items", 5, 0, NULL};
	if (a[0].kind != FC_JV_DICT && a[0].kind != FC_JV_UNDEFINED)
		return fc_jx_fail(x, "Can only get item pairs from a mapping.");
	if (a[0].kind == FC_JV_UNDEFINED)
		*out = fc_jv_list(x, FC_JV_ITER, 0);
	else if (fc_jinja_method(a[0], &name)->fn(x, a, out) < 0)
		return -1;
	out->kind = FC_JV_ITER;
	return 0;
}

struct keyed {
	struct fc_jv key, v;
};

/* Stable merge sort of v[0, n) with room for as many in tmp. */
static int merge_sort(struct fc_jx *x, struct keyed *v, struct keyed *tmp, size_t n, bool down)
{
	if (n < 2)
		return 0;
	size_t half = n / 2, i = 0, j = half, k = 0;
	if (merge_sort(x, v, tmp, half, down) < 0 ||
	    merge_sort(x, v + half, tmp, n - half, down) < 0)
		return -1;
	while (i < half && j < n) {
		bool right;
		if (fc_jx_step(x, 0) < 0 ||
		    fc_jv_less(x, v[down ? i : j].key, v[down ? j : i].key, &right) < 0)
			return -1;
		tmp[k++] = right ? v[j++] : v[i++];
	}
	while (i < half)
		tmp[k++] = v[i++];
	memcpy(v, tmp, k * sizeof *v);
	return 0;
}

static int sort_items(struct fc_jx *x, const struct fc_jlist *l, struct fc_jv attribute, bool cased,
    bool down, struct fc_jv *out)
{
	struct keyed *v = fc_jpool_take(&x->pool, (size_t)l->n * 2 * sizeof *v);
	for (uint32_t i = 0; i < l->n; i++) {
		v[i].v = l->v[i];
		if (key_of(x, l->v[i], attribute, cased, &v[i].key) < 0)
			return -1;
	}
	if (merge_sort(x, v, v + l->n, l->n, down) < 0)
		return -1;
	*out = fc_jv_list(x, FC_JV_LIST, l->n);
	for (uint32_t i = 0; i < l->n; i++)
		fc_jv_append(x, *out, v[i].v);
	return 0;
}

/* reverse, case_sensitive, attribute */
static int sort(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jlist *l;
	if (fc_jv_items(x, a[0], &l) < 0)
		return -1;
	return sort_items(x, l, a[3], fc_jv_true(a[2]), fc_jv_true(a[1]), out);
}

/* case_sensitive, by, reverse */
static int dictsort(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jv all;
	if (a[0].kind != FC_JV_DICT)
		return fc_jx_fail(x, "dictsort needs a dict, not %s", fc_jv_type(a[0]));
	bool by_value = a[2].kind == FC_JV_STR && fc_jstr_is(a[2].s, "value");
	if (!by_value && a[2].kind == FC_JV_STR && !fc_jstr_is(a[2].s, "key"))
		return fc_jx_fail(x, "You can only sort by either \"key\" or \"value\"");
	if (items(x, a, &all) < 0)
		return -1;
	return sort_items(
	    x, all.list, fc_jv_int(by_value), fc_jv_true(a[1]), fc_jv_true(a[3]), out);
}

/* case_sensitive, attribute */
static int unique(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jlist *l;
	struct fc_jv seen = fc_jv_dict(x), key, *old;
	if (fc_jv_items(x, a[0], &l) < 0)
		return -1;
	*out = fc_jv_list(x, FC_JV_ITER, 0);
	for (uint32_t i = 0; i < l->n; i++) {
		if (key_of(x, l->v[i], a[2], fc_jv_true(a[1]), &key) < 0 ||
		    fc_jv_find(x, seen.dict, key, &old) < 0)
			return -1;
		if (old)
			continue;
		if (fc_jx_step(x, 0) < 0 || fc_jv_put(x, seen, key, key) < 0)
			return -1;
		fc_jv_append(x, *out, l->v[i]);
	}
	return 0;
}

static int reverse(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jlist *l;
	if (a[0].kind == FC_JV_STR) {
		struct fc_jv step[3] = {fc_jv_none(), fc_jv_none(), fc_jv_int(-1)};
		return fc_jv_slice(x, a[0], step, out);
	}
	if (fc_jv_items(x, a[0], &l) < 0)
		return -1;
	*out = fc_jv_list(x, a[0].kind == FC_JV_ITER ? FC_JV_LIST : FC_JV_ITER, l->n);
	for (uint32_t i = l->n; i-- > 0;)
		fc_jv_append(x, *out, l->v[i]);
	return 0;
}

/* attribute, start */
static int sum(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jlist *l;
	if (fc_jv_items(x, a[0], &l) < 0)
		return -1;
	*out = a[2].kind == FC_JV_MISSING ? fc_jv_int(0) : a[2];
	for (uint32_t i = 0; i < l->n; i++) {
		struct fc_jv v = l->v[i], total;
		if (a[1].kind != FC_JV_MISSING && a[1].kind != FC_JV_NONE &&
		    member(x, l->v[i], a[1], &v) < 0)
			return -1;
		if (fc_jv_binary(x, '+', *out, v, &total) < 0)
			return -1;
		*out = total;
	}
	return 0;
}

/* case_sensitive, attribute */
static int extreme(struct fc_jx *x, const struct fc_jv *a, bool most, struct fc_jv *out)
{
	struct fc_jlist *l;
	struct fc_jv best = {0}, key;
	if (fc_jv_items(x, a[0], &l) < 0)
		return -1;
	*out = empty_item(x, "an item of an empty sequence");
	for (uint32_t i = 0; i < l->n; i++) {
		bool better = i == 0;
		if (key_of(x, l->v[i], a[2], fc_jv_true(a[1]), &key) < 0 ||
		    (i && fc_jv_less(x, most ? best : key, most ? key : best, &better) < 0))
			return -1;
		if (better) {
			best = key;
			*out = l->v[i];
		}
	}
	return 0;
}

static int min(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return extreme(x, a, false, out);
}

static int max(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return extreme(x, a, true, out);
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
		if (member(x, l->v[i], attribute, &v) < 0 || fc_jx_step(x, 0) < 0)
			return -1;
		bool missing = v.kind == FC_JV_UNDEFINED && def.kind != FC_JV_MISSING &&
		    def.kind != FC_JV_NONE;
		fc_jv_append(x, *out, missing ? def : v);
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
		fc_jv_append(x, *out, v);
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
		if (fc_jx_step(x, 0) < 0 || (by_attr && member(x, l->v[i], args->v[0], &v) < 0))
			return -1;
		is = v;
		if (fn && fc_jx_call_builtin(x, fn, &v, &rest, &is) < 0)
			return -1;
		if (fc_jv_true(is) == keep)
			fc_jv_append(x, *out, l->v[i]);
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

const struct fc_jbuiltin *fc_jinja_seq_filter(const char *p, size_t n)
{
	static const struct fc_jbuiltin table[] = {
	    {"list", "", 0, list, NULL},
	    {"join", "d attribute", 0, join, NULL},
	    {"first", "", 0, first, NULL},
	    {"last", "", 0, last, NULL},
	    {"items", "", 0, items, NULL},
	    {"sort", "reverse case_sensitive attribute", 0, sort, NULL},
	    {"dictsort", "case_sensitive by reverse", 0, dictsort, NULL},
	    {"unique", "case_sensitive attribute", 0, unique, NULL},
	    {"reverse", "", 0, reverse, NULL},
	    {"sum", "attribute start", 0, sum, NULL},
	    {"min", "case_sensitive attribute", 0, min, NULL},
	    {"max", "case_sensitive attribute", 0, max, NULL},
	    {"map", NULL, 0, NULL, map},
	    {"select", NULL, 0, NULL, select_},
	    {"reject", NULL, 0, NULL, reject_},
	    {"selectattr", NULL, 0, NULL, selectattr},
	    {"rejectattr", NULL, 0, NULL, rejectattr},
	};
	return fc_jinja_find(table, sizeof table / sizeof *table, p, n);
}
