/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "jinja/jinja_impl.h"
#include "text/unicode.h"

/* Filters of texts. */

/* s without what stands from open to close, each pair of them; an open one at the end stays. */
static const struct fc_jstr *without(
    struct fc_jx *x, const struct fc_jstr *s, const char *open, const char *close)
{
	const struct fc_jstr a = {open, (uint32_t)strlen(open), 0, NULL},
			     b = {close, (uint32_t)strlen(close), 0, NULL};
	struct fc_jcat c = {0};
	size_t from = 0, at, end;
	while ((at = fc_jstr_find(s, &a, from)) != SIZE_MAX &&
	    (end = fc_jstr_find(s, &b, at)) != SIZE_MAX) {
		fc_jcat_add_sub(x, &c, s, from, at, 0);
		from = end + b.n;
	}
	fc_jcat_add_sub(x, &c, s, from, s->n, 0);
	return fc_jcat_str(x, &c);
}

/* Words with a space between. */
static const struct fc_jstr *collapse(struct fc_jx *x, const struct fc_jstr *s)
{
	struct fc_jcat c = {0};
	for (size_t at = 0; at < s->n;) {
		uint32_t cp;
		const size_t from = at;
		while (at < s->n) {
			const size_t n = fc_jchar_get(s, at, &cp);
			if (fc_jchar_is_space(cp))
				break;
			at += n;
		}
		if (at > from) {
			fc_jcat_adds(x, &c, c.n ? " " : "");
			fc_jcat_add_sub(x, &c, s, from, at, 0);
		} else {
			at += fc_jchar_get(s, at, &cp);
		}
	}
	return fc_jcat_str(x, &c);
}

/* The character that "&name;" stands for at s[at]; 0: none.  *n: its length. */
static uint32_t entity(const struct fc_jstr *s, size_t at, size_t *n)
{
	static const struct {
		const char *name;
		uint32_t cp;
	} named[] = {
	    {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}, {"nbsp", 0xa0}};
	const char *end = memchr(s->p + at, ';', s->n - at < 12 ? s->n - at : 12);
	if (!end)
		return 0;
	const size_t len = (size_t)(end - s->p) - at - 1;
	*n = len + 2;
	for (size_t i = 0; i < sizeof named / sizeof *named; i++)
		if (strlen(named[i].name) == len && !memcmp(s->p + at + 1, named[i].name, len))
			return named[i].cp;
	unsigned cp = 0;
	char text[16] = "", rest;
	memcpy(text, s->p + at + 1, len);
	if (sscanf(text, "#%u%c", &cp, &rest) != 1 && sscanf(text, "#%*[xX]%x%c", &cp, &rest) != 1)
		return 0;
	return cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000) ? 0xfffd : cp;
}

static int unescape(struct fc_jx *x, const struct fc_jstr *s, struct fc_jv *out)
{
	static const struct fc_jstr amp = {"&", 1, 0, NULL};
	struct fc_jcat c = {0};
	size_t from = 0, at, n = 1;
	for (size_t next = 0; (at = fc_jstr_find(s, &amp, next)) != SIZE_MAX; next = at + n) {
		const uint32_t cp = entity(s, at, &n);
		const char next_char = at + 1 < s->n ? (char)(s->p[at + 1] | 0x20) : 0;
		if (!cp && next_char >= 'a' && next_char <= 'z' &&
		    memchr(s->p + at, ';', s->n - at < 12 ? s->n - at : 12))
			return fc_jx_fail(x,
			    "striptags knows &amp; &lt; &gt; &quot; &apos; &nbsp; and "
			    "numbers, no other entity");
		if (!cp) {
			n = 1;
			continue;
		}
		fc_jcat_add_sub(x, &c, s, from, at, 0);
		fc_jcat_add_char(x, &c, cp, fc_jstr_mark(s, at));
		from = at + n;
	}
	fc_jcat_add_sub(x, &c, s, from, s->n, 0);
	*out = fc_jv_str(fc_jcat_str(x, &c));
	return fc_jx_step(x, s->n);
}

static int striptags(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	const struct fc_jstr *s;
	if (fc_jv_to_str(x, a[0], &s) < 0)
		return -1;
	s = without(x, without(x, s, "<!--", "-->"), "<", ">");
	return unescape(x, collapse(x, s), out);
}

/* length, killwords, end, leeway */
static int truncate(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	static const struct fc_jstr dots = {"...", 3, 0, NULL}, space = {" ", 1, 0, NULL};
	int64_t length, leeway;
	if (fc_jv_want_str(x, a[0]) < 0 || fc_jv_want_int(x, a[1], 255, &length) < 0 ||
	    fc_jv_want_int(x, a[4], 5, &leeway) < 0 ||
	    (a[3].kind != FC_JV_MISSING && fc_jv_want_str(x, a[3]) < 0))
		return -1;
	const struct fc_jstr *s = a[0].s, *end = a[3].kind == FC_JV_MISSING ? &dots : a[3].s;
	const int64_t n = (int64_t)fc_jstr_chars(s), n_end = (int64_t)fc_jstr_chars(end);
	if (length < n_end || leeway < 0)
		return fc_jx_fail(x, "truncate: a length below that of its end");
	*out = a[0];
	if (n <= length + leeway)
		return fc_jx_step(x, s->n);
	size_t to = fc_jstr_offset(s, (size_t)(length - n_end));
	if (!fc_jv_true(a[2])) {
		const size_t at = fc_jstr_find_last(s, &space, to);
		to = at == SIZE_MAX ? to : at;
	}
	struct fc_jcat c = {0};
	fc_jcat_add_sub(x, &c, s, 0, to, 0);
	fc_jcat_add_str(x, &c, end);
	*out = fc_jv_str(fc_jcat_str(x, &c));
	return fc_jx_step(x, s->n);
}

/* Letters, digits and underscores, as Python's \w. */
static bool is_word(uint32_t cp)
{
	const enum fc_unicode_category k = fc_unicode_category(cp);
	return cp == '_' || (k >= FC_UC_LU && k <= FC_UC_LO) || (k >= FC_UC_ND && k <= FC_UC_NO);
}

static int wordcount(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	const struct fc_jstr *s;
	int64_t n = 0;
	bool within = false;
	if (fc_jv_to_str(x, a[0], &s) < 0)
		return -1;
	for (size_t at = 0; at < s->n;) {
		uint32_t cp;
		at += fc_jchar_get(s, at, &cp);
		n += is_word(cp) && !within;
		within = is_word(cp);
	}
	*out = fc_jv_int(n);
	return fc_jx_step(x, s->n);
}

static int center(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	static const struct fc_jstr name = {"center", 6, 0, NULL};
	const struct fc_jstr *s;
	if (fc_jv_to_str(x, a[0], &s) < 0)
		return -1;
	const struct fc_jv v[] = {fc_jv_same_safe(a[0], s),
	    a[1].kind == FC_JV_MISSING ? fc_jv_int(80) : a[1], {.kind = FC_JV_MISSING}};
	return fc_jinja_pad_method(&name)->fn(x, v, out);
}

static int forceescape(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	const struct fc_jstr *s;
	struct fc_jcat c = {0};
	if (fc_jv_to_str(x, a[0], &s) < 0)
		return -1;
	fc_jv_escape(x, &c, s);
	*out = fc_jv_str(fc_jcat_str(x, &c));
	out->safe = true;
	return 0;
}

/* in_query: a slash is escaped too, and a space is "+". */
static int quote(struct fc_jx *x, struct fc_jcat *c, struct fc_jv v, bool in_query)
{
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~";
	const struct fc_jstr *s;
	if (fc_jv_to_str(x, v, &s) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		char text[4] = {s->p[i], 0};
		if (in_query && *text == ' ')
			*text = '+';
		else if (!*text || !(strchr(plain, *text) || (*text == '/' && !in_query)))
			snprintf(text, sizeof text, "%%%02X", (unsigned char)s->p[i]);
		fc_jcat_add(x, c, text, strlen(text), fc_jstr_mark(s, i));
	}
	return fc_jx_step(x, s->n);
}

static int urlencode(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jcat c = {0};
	struct fc_jlist *l, *pair;
	const bool dict = a[0].kind == FC_JV_DICT;
	if (!dict && !fc_jv_is_sequence(a[0]) && a[0].kind != FC_JV_ITER) {
		if (quote(x, &c, a[0], false) < 0)
			return -1;
		*out = fc_jv_str(fc_jcat_str(x, &c));
		return 0;
	}
	if (fc_jv_items(x, a[0], &l) < 0)
		return -1;
	for (uint32_t i = 0; i < l->n; i++) {
		struct fc_jv k = l->v[i], v = {.kind = FC_JV_MISSING};
		if (dict) {
			v = a[0].dict->v[i].v;
		} else {
			if (fc_jv_items(x, l->v[i], &pair) < 0)
				return -1;
			if (pair->n != 2)
				return fc_jx_fail(x, "urlencode needs pairs");
			k = pair->v[0];
			v = pair->v[1];
		}
		fc_jcat_adds(x, &c, i ? "&" : "");
		if (quote(x, &c, k, true) < 0)
			return -1;
		fc_jcat_adds(x, &c, "=");
		if (quote(x, &c, v, true) < 0)
			return -1;
	}
	*out = fc_jv_str(fc_jcat_str(x, &c));
	return 0;
}

const struct fc_jbuiltin *fc_jinja_text_filter(const char *p, size_t n)
{
	static const struct fc_jbuiltin table[] = {
	    {"striptags", "", 0, striptags, NULL},
	    {"truncate", "length killwords end leeway", 0, truncate, NULL},
	    {"wordcount", "", 0, wordcount, NULL},
	    {"center", "width", 0, center, NULL},
	    {"forceescape", "", 0, forceescape, NULL},
	    {"urlencode", "", 0, urlencode, NULL},
	};
	return fc_jinja_find(table, sizeof table / sizeof *table, p, n);
}
