/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "jinja/jinja_impl.h"

/* Filters of sequences. */

int fc_jv_path(struct fc_jx *x, struct fc_jv v, struct fc_jv path, struct fc_jv *out)
{
	if (path.kind != FC_JV_STR)
		return fc_jx_item(x, v, path, out);
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
		if (fc_jx_item(x, *out, digits ? fc_jv_int(index) : key, &next) < 0)
			return -1;
		*out = next;
		from = to + 1;
	}
	return 0;
}

/* Sorting and min, max, unique compare strings without case unless told so. */
int fc_jv_sort_key(struct fc_jx *x, struct fc_jv v, const struct fc_jsort *s, struct fc_jv *out)
{
	static const struct fc_jstr lower = {"lower", 5, 0, NULL};
	const bool has_default = s->def.kind != FC_JV_MISSING && s->def.kind != FC_JV_NONE;
	*out = v;
	if (s->attribute.kind != FC_JV_MISSING && s->attribute.kind != FC_JV_NONE &&
	    fc_jv_path(x, v, s->attribute, out) < 0)
		return -1;
	if (out->kind == FC_JV_UNDEFINED && has_default)
		*out = s->def;
	if (s->cased || out->kind != FC_JV_STR)
		return 0;
	struct fc_jv text = *out;
	return fc_jinja_str_method(&lower)->fn(x, &text, out);
}

static int key_of(
    struct fc_jx *x, struct fc_jv v, struct fc_jv attribute, bool cased, struct fc_jv *out)
{
	const struct fc_jsort s = {attribute, {.kind = FC_JV_MISSING}, cased, false};
	return fc_jv_sort_key(x, v, &s, out);
}

static int list(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jlist *l;
	if (fc_jv_items(x, a[0], &l) < 0 || fc_jx_step(x, l->n * sizeof *l->v) < 0)
		return -1;
	*out = fc_jv_list(x, FC_JV_LIST, l->n);
	for (uint32_t i = 0; i < l->n; i++)
		if (fc_jv_append(x, *out, l->v[i]) < 0)
			return -1;
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
		    fc_jv_path(x, l->v[i], a[2], &v) < 0)
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

int fc_jv_sort(
    struct fc_jx *x, const struct fc_jlist *l, const struct fc_jsort *s, struct fc_jv *out)
{
	struct keyed *v = fc_jpool_take(&x->pool, (size_t)l->n * 2 * sizeof *v);
	for (uint32_t i = 0; i < l->n; i++) {
		v[i].v = l->v[i];
		if (fc_jv_sort_key(x, l->v[i], s, &v[i].key) < 0)
			return -1;
	}
	if (merge_sort(x, v, v + l->n, l->n, s->down) < 0)
		return -1;
	*out = fc_jv_list(x, FC_JV_LIST, l->n);
	for (uint32_t i = 0; i < l->n; i++)
		if (fc_jv_append(x, *out, v[i].v) < 0)
			return -1;
	return 0;
}

/* reverse, case_sensitive, attribute */
static int sort(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jlist *l;
	if (fc_jv_items(x, a[0], &l) < 0)
		return -1;
	const struct fc_jsort s = {
	    a[3], {.kind = FC_JV_MISSING}, fc_jv_true(a[2]), fc_jv_true(a[1])};
	return fc_jv_sort(x, l, &s, out);
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
	const struct fc_jsort s = {
	    fc_jv_int(by_value), {.kind = FC_JV_MISSING}, fc_jv_true(a[1]), fc_jv_true(a[3])};
	return fc_jv_sort(x, all.list, &s, out);
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
		if (fc_jv_append(x, *out, l->v[i]) < 0)
			return -1;
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
		if (fc_jv_append(x, *out, l->v[i]) < 0)
			return -1;
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
		    fc_jv_path(x, l->v[i], a[1], &v) < 0)
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
	};
	return fc_jinja_find(table, sizeof table / sizeof *table, p, n);
}
