/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <utf8proc.h>

#include "jinja/jinja_impl.h"

/* Methods of strings, dictionaries, lists and loops. */

static struct fc_jv same_safe(struct fc_jv like, const struct fc_jstr *s)
{
	struct fc_jv v = fc_jv_str(s);
	v.safe = like.safe;
	return v;
}

static int want_str(struct fc_jx *x, struct fc_jv v)
{
	if (v.kind == FC_JV_STR)
		return 0;
	return v.kind == FC_JV_UNDEFINED ? fc_jv_use_undefined(x, v)
					 : fc_jx_fail(x, "expected a str, got %s", fc_jv_type(v));
}

/* *out = the integer v, or def where it was not given. */
static int want_int(struct fc_jx *x, struct fc_jv v, int64_t def, int64_t *out)
{
	*out = v.kind == FC_JV_INT ? v.i : def;
	return v.kind == FC_JV_INT || v.kind == FC_JV_MISSING
	    ? 0
	    : fc_jx_fail(x, "expected an int, got %s", fc_jv_type(v));
}

static bool in_set(const struct fc_jstr *set, const struct fc_jstr *s, size_t at, size_t n)
{
	if (!set) {
		uint32_t cp;
		fc_jchar_get(s, at, &cp);
		return fc_jchar_is_space(cp);
	}
	for (size_t i = 0; i + n <= set->n; i++)
		if (!memcmp(set->p + i, s->p + at, n))
			return true;
	return false;
}

static int strip(struct fc_jx *x, const struct fc_jv *a, bool left, bool right, struct fc_jv *out)
{
	const struct fc_jstr *s = a[0].s, *set = NULL;
	if (a[1].kind != FC_JV_MISSING && a[1].kind != FC_JV_NONE) {
		if (want_str(x, a[1]) < 0)
			return -1;
		set = a[1].s;
	}
	size_t from = 0, to = s->n;
	uint32_t cp;
	for (size_t n; left && from < to; from += n)
		if (!in_set(set, s, from, n = fc_jchar_get(s, from, &cp)))
			break;
	while (right && to > from) {
		size_t k = to - 1;
		while (k > from && (s->p[k] & 0xc0) == 0x80)
			k--;
		if (!in_set(set, s, k, to - k))
			break;
		to = k;
	}
	*out = same_safe(a[0], fc_jstr_sub(x, s, from, to));
	return 0;
}

static int strip_both(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return strip(x, a, true, true, out);
}

static int lstrip(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return strip(x, a, true, false, out);
}

static int rstrip(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return strip(x, a, false, true, out);
}

/* split() at runs of white space, at most max times */
static int split_space(struct fc_jx *x, struct fc_jv v, int64_t max, struct fc_jv list)
{
	const struct fc_jstr *s = v.s;
	size_t at = 0;
	for (;;) {
		uint32_t cp;
		while (at < s->n && in_set(NULL, s, at, 1))
			at += fc_jchar_get(s, at, &cp);
		if (at == s->n)
			return 0;
		size_t from = at;
		if (list.list->n == (uint64_t)max)
			return fc_jv_append(x, list, same_safe(v, fc_jstr_sub(x, s, from, s->n)));
		while (at < s->n && !in_set(NULL, s, at, 1))
			at += fc_jchar_get(s, at, &cp);
		if (fc_jv_append(x, list, same_safe(v, fc_jstr_sub(x, s, from, at))) < 0)
			return -1;
	}
}

static int split(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	int64_t max;
	const struct fc_jstr *s = a[0].s;
	*out = fc_jv_list(x, FC_JV_LIST, 0);
	if (want_int(x, a[2], -1, &max) < 0 || fc_jx_step(x, s->n) < 0)
		return -1;
	if (a[1].kind == FC_JV_MISSING || a[1].kind == FC_JV_NONE) {
		return split_space(x, a[0], max, *out);
	}
	if (want_str(x, a[1]) < 0)
		return -1;
	if (!a[1].s->n)
		return fc_jx_fail(x, "empty separator");
	size_t from = 0, at;
	while (out->list->n != (uint64_t)max && (at = fc_jstr_find(s, a[1].s, from)) != SIZE_MAX) {
		if (fc_jv_append(x, *out, same_safe(a[0], fc_jstr_sub(x, s, from, at))) < 0)
			return -1;
		from = at + a[1].s->n;
	}
	if (fc_jv_append(x, *out, same_safe(a[0], fc_jstr_sub(x, s, from, s->n))) < 0)
		return -1;
	return 0;
}

/* Offset of the last part that ends at or before end; SIZE_MAX: none. */
static size_t find_last(const struct fc_jstr *s, const struct fc_jstr *part, size_t end)
{
	if (part->n > end)
		return SIZE_MAX;
	for (size_t at = end - part->n;; at--) {
		if (!memcmp(s->p + at, part->p, part->n))
			return at;
		if (!at)
			return SIZE_MAX;
	}
}

static int rsplit(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	int64_t max;
	const struct fc_jstr *s = a[0].s;
	if (want_int(x, a[2], -1, &max) < 0)
		return -1;
	if (max < 0)
		return split(x, a, out);
	if (want_str(x, a[1]) < 0)
		return -1;
	if (!a[1].s->n)
		return fc_jx_fail(x, "empty separator");
	struct fc_jv back = fc_jv_list(x, FC_JV_LIST, 0);
	size_t end = s->n, at;
	while (back.list->n != (uint64_t)max && (at = find_last(s, a[1].s, end)) != SIZE_MAX) {
		if (fc_jv_append(x, back, same_safe(a[0], fc_jstr_sub(x, s, at + a[1].s->n, end))) <
		    0)
			return -1;
		end = at;
	}
	if (fc_jv_append(x, back, same_safe(a[0], fc_jstr_sub(x, s, 0, end))) < 0)
		return -1;
	*out = fc_jv_list(x, FC_JV_LIST, back.list->n);
	for (uint32_t i = back.list->n; i-- > 0;)
		if (fc_jv_append(x, *out, back.list->v[i]) < 0)
			return -1;
	return fc_jx_step(x, s->n);
}

static int splitlines(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	const struct fc_jstr *s = a[0].s;
	bool keep = fc_jv_true(a[1]);
	size_t from = 0;
	*out = fc_jv_list(x, FC_JV_LIST, 0);
	for (size_t at = 0; at < s->n;) {
		uint32_t cp;
		size_t end = at;
		at += fc_jchar_get(s, at, &cp);
		if (!((cp >= 10 && cp <= 13) || (cp >= 28 && cp <= 30) || cp == 0x85 ||
			cp == 0x2028 || cp == 0x2029))
			continue;
		at += cp == '\r' && at < s->n && s->p[at] == '\n';
		if (fc_jv_append(
			x, *out, same_safe(a[0], fc_jstr_sub(x, s, from, keep ? at : end))) < 0)
			return -1;
		from = at;
	}
	if (from < s->n)
		if (fc_jv_append(x, *out, same_safe(a[0], fc_jstr_sub(x, s, from, s->n))) < 0)
			return -1;
	return fc_jx_step(x, s->n);
}

static bool has_affix(const struct fc_jstr *s, const struct fc_jstr *part, bool at_end)
{
	return part->n <= s->n && !memcmp(at_end ? s->p + s->n - part->n : s->p, part->p, part->n);
}

static int affix(struct fc_jx *x, const struct fc_jv *a, bool at_end, struct fc_jv *out)
{
	bool is = false;
	if (a[1].kind == FC_JV_TUPLE) {
		for (uint32_t i = 0; i < a[1].list->n && !is; i++) {
			if (want_str(x, a[1].list->v[i]) < 0)
				return -1;
			is = has_affix(a[0].s, a[1].list->v[i].s, at_end);
		}
	} else {
		if (want_str(x, a[1]) < 0)
			return -1;
		is = has_affix(a[0].s, a[1].s, at_end);
	}
	*out = fc_jv_bool(is);
	return 0;
}

static int startswith(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return affix(x, a, false, out);
}

static int endswith(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return affix(x, a, true, out);
}

static int removeprefix(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	if (want_str(x, a[1]) < 0)
		return -1;
	size_t cut = has_affix(a[0].s, a[1].s, false) ? a[1].s->n : 0;
	*out = same_safe(a[0], fc_jstr_sub(x, a[0].s, cut, a[0].s->n));
	return 0;
}

static int removesuffix(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	if (want_str(x, a[1]) < 0)
		return -1;
	size_t cut = has_affix(a[0].s, a[1].s, true) ? a[1].s->n : 0;
	*out = same_safe(a[0], fc_jstr_sub(x, a[0].s, 0, a[0].s->n - cut));
	return 0;
}

static int replace(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	int64_t max;
	if (want_str(x, a[1]) < 0 || want_str(x, a[2]) < 0 || want_int(x, a[3], -1, &max) < 0)
		return -1;
	const struct fc_jstr *s = a[0].s, *old = a[1].s;
	struct fc_jcat c = {0};
	size_t from = 0, at = 0;
	for (; max != 0 && at <= s->n; max--) {
		size_t hit = fc_jstr_find(s, old, at);
		if (hit == SIZE_MAX || fc_jx_step(x, 0) < 0)
			break;
		fc_jcat_add_sub(x, &c, s, from, hit, 0);
		fc_jcat_add_str(x, &c, a[2].s);
		from = hit + old->n;
		at = from;
		if (!old->n) { /* between all characters */
			uint32_t cp;
			at += hit < s->n ? fc_jchar_get(s, hit, &cp) : 1;
		}
	}
	fc_jcat_add_sub(x, &c, s, from, s->n, 0);
	*out = same_safe(a[0], fc_jcat_str(x, &c));
	return fc_jx_step(x, s->n);
}

static bool is_cased(uint32_t cp)
{
	utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)cp);
	return k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT;
}

static void put_upper(struct fc_jx *x, struct fc_jcat *c, uint32_t cp, int32_t mark, bool title)
{
	if (cp == 0xdf) /* sharp s has no single capital */
		fc_jcat_add(x, c, title ? "Ss" : "SS", 2, mark);
	else
		fc_jcat_add_char(x, c,
		    (uint32_t)(title ? utf8proc_totitle : utf8proc_toupper)((utf8proc_int32_t)cp),
		    mark);
}

enum casing { UPPER, LOWER, TITLE, CAPITAL };

static int recase(struct fc_jx *x, struct fc_jv v, enum casing how, struct fc_jv *out)
{
	struct fc_jcat c = {0};
	bool start = true;
	for (size_t at = 0; at < v.s->n;) {
		uint32_t cp;
		int32_t mark = fc_jstr_mark(v.s, at);
		at += fc_jchar_get(v.s, at, &cp);
		if (how == UPPER || (start && how != LOWER))
			put_upper(x, &c, cp, mark, how != UPPER);
		else
			fc_jcat_add_char(
			    x, &c, (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp), mark);
		start = how == TITLE && !is_cased(cp);
	}
	*out = same_safe(v, fc_jcat_str(x, &c));
	return fc_jx_step(x, v.s->n);
}

static int upper(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return recase(x, a[0], UPPER, out);
}

static int lower(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return recase(x, a[0], LOWER, out);
}

static int title(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return recase(x, a[0], TITLE, out);
}

static int capitalize(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return recase(x, a[0], CAPITAL, out);
}

static int find(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	if (want_str(x, a[1]) < 0 || fc_jx_step(x, a[0].s->n) < 0)
		return -1;
	size_t at = fc_jstr_find(a[0].s, a[1].s, 0);
	struct fc_jstr before = {a[0].s->p, at == SIZE_MAX ? 0 : (uint32_t)at, 0, NULL};
	*out = fc_jv_int(at == SIZE_MAX ? -1 : (int64_t)fc_jstr_chars(&before));
	return 0;
}

static int rfind(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	if (want_str(x, a[1]) < 0 || fc_jx_step(x, a[0].s->n) < 0)
		return -1;
	size_t at = find_last(a[0].s, a[1].s, a[0].s->n);
	struct fc_jstr before = {a[0].s->p, at == SIZE_MAX ? 0 : (uint32_t)at, 0, NULL};
	*out = fc_jv_int(at == SIZE_MAX ? -1 : (int64_t)fc_jstr_chars(&before));
	return 0;
}

static int count_str(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	if (want_str(x, a[1]) < 0 || fc_jx_step(x, a[0].s->n) < 0)
		return -1;
	int64_t n = 0;
	if (!a[1].s->n)
		n = (int64_t)fc_jstr_chars(a[0].s) + 1;
	else
		for (size_t at = 0; (at = fc_jstr_find(a[0].s, a[1].s, at)) != SIZE_MAX; n++)
			at += a[1].s->n;
	*out = fc_jv_int(n);
	return 0;
}

static int join(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jlist *l;
	struct fc_jcat c = {0};
	if (fc_jv_items(x, a[1], &l) < 0)
		return -1;
	for (uint32_t i = 0; i < l->n; i++) {
		if (l->v[i].kind != FC_JV_STR)
			return fc_jx_fail(x, "sequence item %u: expected str instance, %s found", i,
			    fc_jv_type(l->v[i]));
		if (i)
			fc_jcat_add_str(x, &c, a[0].s);
		fc_jcat_add_str(x, &c, l->v[i].s);
	}
	*out = same_safe(a[0], fc_jcat_str(x, &c));
	return 0;
}

static bool is_alpha(uint32_t cp)
{
	utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)cp);
	return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}

static bool is_digit(uint32_t cp)
{
	return utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_ND;
}

static bool is_alnum(uint32_t cp)
{
	return is_alpha(cp) || is_digit(cp);
}

static int all_chars(
    struct fc_jx *x, const struct fc_jstr *s, bool (*is)(uint32_t cp), struct fc_jv *out)
{
	bool all = s->n > 0;
	for (size_t at = 0; at < s->n && all;) {
		uint32_t cp;
		at += fc_jchar_get(s, at, &cp);
		all = is(cp);
	}
	*out = fc_jv_bool(all);
	return fc_jx_step(x, s->n);
}

static int isalpha_(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return all_chars(x, a[0].s, is_alpha, out);
}

static int isdigit_(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return all_chars(x, a[0].s, is_digit, out);
}

static int isalnum_(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return all_chars(x, a[0].s, is_alnum, out);
}

static int isspace_(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return all_chars(x, a[0].s, fc_jchar_is_space, out);
}

static int all_cased(struct fc_jx *x, const struct fc_jstr *s, bool up, struct fc_jv *out)
{
	bool some = false, all = true;
	for (size_t at = 0; at < s->n && all;) {
		uint32_t cp;
		at += fc_jchar_get(s, at, &cp);
		utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)cp);
		all = !is_cased(cp) || k == (up ? UTF8PROC_CATEGORY_LU : UTF8PROC_CATEGORY_LL);
		some = some || is_cased(cp);
	}
	*out = fc_jv_bool(some && all);
	return fc_jx_step(x, s->n);
}

static int isupper_(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return all_cased(x, a[0].s, true, out);
}

static int islower_(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return all_cased(x, a[0].s, false, out);
}

const struct fc_jbuiltin *fc_jinja_str_method(const struct fc_jstr *name)
{
	static const struct fc_jbuiltin table[] = {
	    {"strip", "chars", 0, strip_both, NULL},
	    {"lstrip", "chars", 0, lstrip, NULL},
	    {"rstrip", "chars", 0, rstrip, NULL},
	    {"split", "sep maxsplit", 0, split, NULL},
	    {"rsplit", "sep maxsplit", 0, rsplit, NULL},
	    {"splitlines", "keepends", 0, splitlines, NULL},
	    {"startswith", "prefix", 1, startswith, NULL},
	    {"endswith", "suffix", 1, endswith, NULL},
	    {"removeprefix", "prefix", 1, removeprefix, NULL},
	    {"removesuffix", "suffix", 1, removesuffix, NULL},
	    {"replace", "old new count", 2, replace, NULL},
	    {"upper", "", 0, upper, NULL},
	    {"lower", "", 0, lower, NULL},
	    {"title", "", 0, title, NULL},
	    {"capitalize", "", 0, capitalize, NULL},
	    {"find", "sub", 1, find, NULL},
	    {"rfind", "sub", 1, rfind, NULL},
	    {"count", "sub", 1, count_str, NULL},
	    {"join", "iterable", 1, join, NULL},
	    {"isalpha", "", 0, isalpha_, NULL},
	    {"isdigit", "", 0, isdigit_, NULL},
	    {"isnumeric", "", 0, isdigit_, NULL},
	    {"isdecimal", "", 0, isdigit_, NULL},
	    {"isalnum", "", 0, isalnum_, NULL},
	    {"isspace", "", 0, isspace_, NULL},
	    {"isupper", "", 0, isupper_, NULL},
	    {"islower", "", 0, islower_, NULL},
	};
	return fc_jinja_find(table, sizeof table / sizeof *table, name->p, name->n);
}
