/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "jinja/jinja_impl.h"
#include "text/unicode.h"

/* Methods of strings; those that search are in jinja_search.c, those that fill lines in
 * jinja_pad.c. */

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
		if (fc_jv_want_str(x, a[1]) < 0)
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
	*out = fc_jv_same_safe(a[0], fc_jstr_sub(x, s, from, to));
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
			return fc_jv_append(
			    x, list, fc_jv_same_safe(v, fc_jstr_sub(x, s, from, s->n)));
		while (at < s->n && !in_set(NULL, s, at, 1))
			at += fc_jchar_get(s, at, &cp);
		if (fc_jv_append(x, list, fc_jv_same_safe(v, fc_jstr_sub(x, s, from, at))) < 0)
			return -1;
	}
}

static int split(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	int64_t max;
	const struct fc_jstr *s = a[0].s;
	*out = fc_jv_list(x, FC_JV_LIST, 0);
	if (fc_jv_want_int(x, a[2], -1, &max) < 0 || fc_jx_step(x, s->n) < 0)
		return -1;
	if (a[1].kind == FC_JV_MISSING || a[1].kind == FC_JV_NONE) {
		return split_space(x, a[0], max, *out);
	}
	if (fc_jv_want_str(x, a[1]) < 0)
		return -1;
	if (!a[1].s->n)
		return fc_jx_fail(x, "empty separator");
	size_t from = 0, at;
	while (out->list->n != (uint64_t)max && (at = fc_jstr_find(s, a[1].s, from)) != SIZE_MAX) {
		if (fc_jv_append(x, *out, fc_jv_same_safe(a[0], fc_jstr_sub(x, s, from, at))) < 0)
			return -1;
		from = at + a[1].s->n;
	}
	if (fc_jv_append(x, *out, fc_jv_same_safe(a[0], fc_jstr_sub(x, s, from, s->n))) < 0)
		return -1;
	return 0;
}

static int rsplit(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	int64_t max;
	const struct fc_jstr *s = a[0].s;
	if (fc_jv_want_int(x, a[2], -1, &max) < 0)
		return -1;
	if (max < 0)
		return split(x, a, out);
	if (fc_jv_want_str(x, a[1]) < 0)
		return -1;
	if (!a[1].s->n)
		return fc_jx_fail(x, "empty separator");
	struct fc_jv back = fc_jv_list(x, FC_JV_LIST, 0);
	size_t end = s->n, at;
	while (
	    back.list->n != (uint64_t)max && (at = fc_jstr_find_last(s, a[1].s, end)) != SIZE_MAX) {
		if (fc_jv_append(
			x, back, fc_jv_same_safe(a[0], fc_jstr_sub(x, s, at + a[1].s->n, end))) < 0)
			return -1;
		end = at;
	}
	if (fc_jv_append(x, back, fc_jv_same_safe(a[0], fc_jstr_sub(x, s, 0, end))) < 0)
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
		if (fc_jv_append(x, *out,
			fc_jv_same_safe(a[0], fc_jstr_sub(x, s, from, keep ? at : end))) < 0)
			return -1;
		from = at;
	}
	if (from < s->n)
		if (fc_jv_append(x, *out, fc_jv_same_safe(a[0], fc_jstr_sub(x, s, from, s->n))) < 0)
			return -1;
	return fc_jx_step(x, s->n);
}

static int removeprefix(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	if (fc_jv_want_str(x, a[1]) < 0)
		return -1;
	size_t cut = fc_jstr_has_affix(a[0].s, a[1].s, false) ? a[1].s->n : 0;
	*out = fc_jv_same_safe(a[0], fc_jstr_sub(x, a[0].s, cut, a[0].s->n));
	return 0;
}

static int removesuffix(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	if (fc_jv_want_str(x, a[1]) < 0)
		return -1;
	size_t cut = fc_jstr_has_affix(a[0].s, a[1].s, true) ? a[1].s->n : 0;
	*out = fc_jv_same_safe(a[0], fc_jstr_sub(x, a[0].s, 0, a[0].s->n - cut));
	return 0;
}

static int replace(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	int64_t max;
	if (fc_jv_want_str(x, a[1]) < 0 || fc_jv_want_str(x, a[2]) < 0 ||
	    fc_jv_want_int(x, a[3], -1, &max) < 0)
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
	*out = fc_jv_same_safe(a[0], fc_jcat_str(x, &c));
	return fc_jx_step(x, s->n);
}

static bool is_cased(uint32_t cp)
{
	enum fc_unicode_category k = fc_unicode_category(cp);
	return k == FC_UC_LU || k == FC_UC_LL || k == FC_UC_LT;
}

static void put_upper(struct fc_jx *x, struct fc_jcat *c, uint32_t cp, int32_t mark, bool title)
{
	if (cp == 0xdf) /* sharp s has no single capital */
		fc_jcat_add(x, c, title ? "Ss" : "SS", 2, mark);
	else
		fc_jcat_add_char(x, c, (title ? fc_unicode_title : fc_unicode_upper)(cp), mark);
}

enum casing { UPPER, LOWER, TITLE, CAPITAL, SWAP };

static int recase(struct fc_jx *x, struct fc_jv v, enum casing how, struct fc_jv *out)
{
	struct fc_jcat c = {0};
	bool start = true;
	for (size_t at = 0; at < v.s->n;) {
		uint32_t cp;
		int32_t mark = fc_jstr_mark(v.s, at);
		at += fc_jchar_get(v.s, at, &cp);
		bool small = fc_unicode_category(cp) == FC_UC_LL;
		if (how == SWAP ? small : how == UPPER || (start && how != LOWER))
			put_upper(x, &c, cp, mark, how != UPPER && how != SWAP);
		else
			fc_jcat_add_char(x, &c, fc_unicode_lower(cp), mark);
		start = how == TITLE && !is_cased(cp);
	}
	*out = fc_jv_same_safe(v, fc_jcat_str(x, &c));
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

static int swapcase(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return recase(x, a[0], SWAP, out);
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
	*out = fc_jv_same_safe(a[0], fc_jcat_str(x, &c));
	return 0;
}

static bool is_alpha(uint32_t cp)
{
	enum fc_unicode_category k = fc_unicode_category(cp);
	return k >= FC_UC_LU && k <= FC_UC_LO;
}

static bool is_digit(uint32_t cp)
{
	return fc_unicode_category(cp) == FC_UC_ND;
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
		enum fc_unicode_category k = fc_unicode_category(cp);
		all = !is_cased(cp) || k == (up ? FC_UC_LU : FC_UC_LL);
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

static int isascii_(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	bool all = true;
	for (size_t i = 0; i < a[0].s->n && all; i++)
		all = !(a[0].s->p[i] & 0x80);
	*out = fc_jv_bool(all);
	return fc_jx_step(x, a[0].s->n);
}

/* Capitals begin words, and small letters go on with them. */
static int istitle_(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	bool some = false, all = true, within = false;
	for (size_t at = 0; at < a[0].s->n && all;) {
		uint32_t cp;
		at += fc_jchar_get(a[0].s, at, &cp);
		const bool cased = is_cased(cp);
		const bool small = fc_unicode_category(cp) == FC_UC_LL;
		all = !cased || small == within;
		some = some || cased;
		within = cased;
	}
	*out = fc_jv_bool(some && all);
	return fc_jx_step(x, a[0].s->n);
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
	    {"removeprefix", "prefix", 1, removeprefix, NULL},
	    {"removesuffix", "suffix", 1, removesuffix, NULL},
	    {"replace", "old new count", 2, replace, NULL},
	    {"upper", "", 0, upper, NULL},
	    {"lower", "", 0, lower, NULL},
	    {"title", "", 0, title, NULL},
	    {"capitalize", "", 0, capitalize, NULL},
	    {"swapcase", "", 0, swapcase, NULL},
	    {"format", NULL, 0, NULL, fc_jformat_braces},
	    {"join", "iterable", 1, join, NULL},
	    {"isalpha", "", 0, isalpha_, NULL},
	    {"isdigit", "", 0, isdigit_, NULL},
	    {"isnumeric", "", 0, isdigit_, NULL},
	    {"isdecimal", "", 0, isdigit_, NULL},
	    {"isalnum", "", 0, isalnum_, NULL},
	    {"isspace", "", 0, isspace_, NULL},
	    {"isupper", "", 0, isupper_, NULL},
	    {"islower", "", 0, islower_, NULL},
	    {"isascii", "", 0, isascii_, NULL},
	    {"istitle", "", 0, istitle_, NULL},
	};
	const struct fc_jbuiltin *m =
	    fc_jinja_find(table, sizeof table / sizeof *table, name->p, name->n);
	if (!m)
		m = fc_jinja_search_method(name);
	return m ? m : fc_jinja_pad_method(name);
}
