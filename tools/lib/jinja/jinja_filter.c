/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jinja/jinja_impl.h"

/* Filters of one value; those of sequences are in jinja_seq.c and jinja_map.c. */

/* a[0] as a string, as soft_str() does: a safe one stays safe. */
static int as_text(struct fc_jx *x, struct fc_jv v, struct fc_jv *out)
{
	const struct fc_jstr *s;
	if (fc_jv_to_str(x, v, &s) < 0)
		return -1;
	*out = fc_jv_str(s);
	out->safe = v.kind == FC_JV_STR && v.safe;
	return 0;
}

/* A method of str on whatever text the value prints as. */
static int by_method(
    struct fc_jx *x, const char *method, const struct fc_jv *a, int n_arg, struct fc_jv *out)
{
	struct fc_jv v[4] = {{.kind = FC_JV_MISSING}, {.kind = FC_JV_MISSING},
	    {.kind = FC_JV_MISSING}, {.kind = FC_JV_MISSING}};
	const struct fc_jstr name = {method, (uint32_t)strlen(method), 0, NULL};
	if (as_text(x, a[0], &v[0]) < 0)
		return -1;
	for (int i = 1; i <= n_arg; i++)
		v[i] = a[i];
	return fc_jinja_str_method(&name)->fn(x, v, out);
}

static int trim(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return by_method(x, "strip", a, 1, out);
}

static int upper(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return by_method(x, "upper", a, 0, out);
}

static int lower(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return by_method(x, "lower", a, 0, out);
}

static int capitalize(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return by_method(x, "capitalize", a, 0, out);
}

/* Words begin after white space and - ( { [ <; unlike str.title() not after an apostrophe. */
static int title(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jv v, part;
	struct fc_jcat c = {0};
	if (as_text(x, a[0], &v) < 0)
		return -1;
	const struct fc_jstr *s = v.s;
	for (size_t at = 0; at < s->n;) {
		size_t from = at;
		uint32_t cp;
		bool word = false;
		while (at < s->n) {
			size_t n = fc_jchar_get(s, at, &cp);
			bool between =
			    fc_jchar_is_space(cp) || (cp && cp < 128 && strchr("-({[<", (int)cp));
			if (between && word)
				break;
			at += n;
			word = !between;
			if (between)
				break;
		}
		struct fc_jv piece = fc_jv_str(fc_jstr_sub(x, s, from, at));
		if (by_method(x, "capitalize", &piece, 0, &part) < 0)
			return -1;
		fc_jcat_add_str(x, &c, part.s);
	}
	*out = fc_jv_str(fc_jcat_str(x, &c));
	return 0;
}

static int replace(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jv v[4] = {a[0], a[1], a[2], a[3]};
	for (int i = 1; i < 3; i++)
		if (as_text(x, a[i], &v[i]) < 0)
			return -1;
	if (v[3].kind == FC_JV_NONE)
		v[3].kind = FC_JV_MISSING;
	int ret = by_method(x, "replace", v, 3, out);
	out->safe = false;
	return ret;
}

static int length(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	int64_t n;
	if (a[0].kind == FC_JV_LOOP) {
		if (fc_jloop_fill(x, a[0].loop, UINT32_MAX) < 0)
			return -1;
		n = a[0].loop->list->n;
	} else if (fc_jv_length(x, a[0], &n) < 0) {
		return -1;
	}
	*out = fc_jv_int(n);
	return 0;
}

static int string(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return as_text(x, a[0], out);
}

static int safe(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	int ret = as_text(x, a[0], out);
	out->safe = true;
	return ret;
}

static int escape(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jv v;
	struct fc_jcat c = {0};
	if (as_text(x, a[0], &v) < 0)
		return -1;
	*out = v;
	if (!v.safe) {
		fc_jv_escape(x, &c, v.s);
		*out = fc_jv_str(fc_jcat_str(x, &c));
		out->safe = true;
	}
	return 0;
}

static int default_(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	bool missing = a[0].kind == FC_JV_UNDEFINED || (fc_jv_true(a[2]) && !fc_jv_true(a[0]));
	*out = !missing ? a[0] : a[1].kind == FC_JV_MISSING ? fc_jv_text(x, "") : a[1];
	return 0;
}

/* The number s is, as Python's int() and float() read it: spaces around it and single underscores
 * between digits are fine. */
static bool parse_number(const struct fc_jstr *s, int base, int64_t *whole, double *real)
{
	char text[64];
	size_t n = 0, from = 0, to = s->n;
	while (from < to && strchr(" \t\n\r\f\v", s->p[from]) && s->p[from])
		from++;
	while (to > from && strchr(" \t\n\r\f\v", s->p[to - 1]) && s->p[to - 1])
		to--;
	for (size_t i = from; i < to; i++) {
		char c = s->p[i];
		if (c == '_' && i > from && i + 1 < to && s->p[i - 1] != '_')
			continue;
		if (n == sizeof text - 1 || !c ||
		    !strchr("0123456789+-.eEabcdefABCDEFinftyINFTYoOxX", c))
			return false;
		text[n++] = c;
	}
	text[n] = 0;
	char *end, *digits = text + (*text == '-' || *text == '+');
	if (real) {
		if (strpbrk(digits, "xXoO") || !n)
			return false;
		*real = strtod(text, &end);
		return *end == 0;
	}
	if (digits[0] == '0' && digits[1] &&
	    strchr(base == 2    ? "bB"
		    : base == 8 ? "oO"
				: "xX",
		digits[1]) &&
	    base != 10)
		memmove(digits, digits + 2, strlen(digits + 2) + 1);
	errno = 0;
	if (strchr("+-", *digits) || strpbrk(digits, "xXoO"))
		return false;
	*whole = strtoll(text, &end, base);
	return *end == 0 && !errno;
}

static bool real_to_int(double d, struct fc_jv *out)
{
	if (!(d > -9.2e18 && d < 9.2e18))
		return false;
	*out = fc_jv_int((int64_t)d);
	return true;
}

static int to_int(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	int64_t i, base = a[2].kind == FC_JV_INT ? a[2].i : 10;
	double d;
	if (base != 2 && base != 8 && base != 10 && base != 16)
		return fc_jx_fail(x, "int knows the bases 2, 8, 10 and 16");
	if (a[0].kind == FC_JV_UNDEFINED)
		return fc_jv_use_undefined(x, a[0]);
	*out = a[1].kind == FC_JV_MISSING ? fc_jv_int(0) : a[1];
	if (a[0].kind == FC_JV_STR && parse_number(a[0].s, (int)base, &i, NULL))
		*out = fc_jv_int(i);
	else if (a[0].kind == FC_JV_STR && parse_number(a[0].s, 10, NULL, &d))
		real_to_int(d, out);
	else if (a[0].kind == FC_JV_FLOAT)
		real_to_int(a[0].d, out);
	else if (fc_jv_is_number(a[0]))
		*out = fc_jv_int(a[0].kind == FC_JV_INT ? a[0].i : a[0].b);
	return 0;
}

static int to_float(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	double d;
	if (a[0].kind == FC_JV_UNDEFINED)
		return fc_jv_use_undefined(x, a[0]);
	*out = a[1].kind == FC_JV_MISSING ? fc_jv_float(0) : a[1];
	if (a[0].kind == FC_JV_STR && parse_number(a[0].s, 10, NULL, &d))
		*out = fc_jv_float(d);
	else if (fc_jv_is_number(a[0]))
		*out = fc_jv_float(fc_jv_real(a[0]));
	return 0;
}

static int abs_(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	if (!fc_jv_is_number(a[0]))
		return fc_jx_fail(x, "bad operand type for abs(): '%s'", fc_jv_type(a[0]));
	if (a[0].kind == FC_JV_FLOAT)
		*out = fc_jv_float(fabs(a[0].d));
	else if (fc_jv_real(a[0]) < 0)
		return fc_jv_binary(x, '-', fc_jv_int(0), a[0], out);
	else
		*out = fc_jv_int(a[0].kind == FC_JV_INT ? a[0].i : a[0].b);
	return 0;
}

static int round_(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	int64_t digits = a[1].kind == FC_JV_INT ? a[1].i : 0;
	if (!fc_jv_is_number(a[0]) || digits < 0 || digits > 15)
		return fc_jx_fail(x, "round needs a number and a precision of 0 to 15");
	double d = fc_jv_real(a[0]), scale = pow(10, (double)digits);
	bool common =
	    a[2].kind == FC_JV_MISSING || (a[2].kind == FC_JV_STR && fc_jstr_is(a[2].s, "common"));
	if (common && a[0].kind != FC_JV_FLOAT) {
		*out = fc_jv_int(a[0].kind == FC_JV_INT ? a[0].i : a[0].b);
		return 0;
	}
	if (common) { /* printf rounds the exact binary value, half to even, as Python does */
		char text[400];
		snprintf(text, sizeof text, "%.*f", (int)digits, d);
		d = strtod(text, NULL);
	} else if (a[2].kind == FC_JV_STR && fc_jstr_is(a[2].s, "ceil")) {
		d = ceil(d * scale) / scale;
	} else if (a[2].kind == FC_JV_STR && fc_jstr_is(a[2].s, "floor")) {
		d = floor(d * scale) / scale;
	} else {
		return fc_jx_fail(x, "method must be common, ceil or floor");
	}
	*out = fc_jv_float(d);
	return 0;
}

/* width (number or string), first, blank */
static int indent(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jv v[2], lines;
	struct fc_jcat pad = {0}, c = {0};
	static const struct fc_jstr name = {"splitlines", 10, 0, NULL};
	if (a[0].kind == FC_JV_UNDEFINED)
		return fc_jv_use_undefined(x, a[0]);
	if (a[0].kind != FC_JV_STR)
		return fc_jx_fail(x, "indent needs a str, not %s", fc_jv_type(a[0]));
	v[0] = a[0];
	v[1] = fc_jv_bool(false);
	int64_t width = a[1].kind == FC_JV_INT ? a[1].i : 4;
	if (width > 1000)
		return fc_jx_fail(x, "indent: %" PRId64 " is too wide", width);
	for (int64_t i = 0; i < width && a[1].kind != FC_JV_STR; i++)
		fc_jcat_adds(x, &pad, " ");
	const struct fc_jstr *p = a[1].kind == FC_JV_STR ? a[1].s : fc_jcat_str(x, &pad);
	struct fc_jcat whole = {0}; /* a newline at the end makes the last line count */
	fc_jcat_add_str(x, &whole, v[0].s);
	fc_jcat_adds(x, &whole, "\n");
	v[0] = fc_jv_str(fc_jcat_str(x, &whole));
	if (fc_jinja_str_method(&name)->fn(x, v, &lines) < 0)
		return -1;
	for (uint32_t i = 0; i < lines.list->n; i++) {
		const struct fc_jstr *line = lines.list->v[i].s;
		if (i)
			fc_jcat_adds(x, &c, "\n");
		if (i ? line->n || fc_jv_true(a[3]) : fc_jv_true(a[2]))
			fc_jcat_add_str(x, &c, p);
		fc_jcat_add_str(x, &c, line);
	}
	*out = fc_jv_str(fc_jcat_str(x, &c));
	out->safe = a[0].safe;
	return 0;
}

static int attr(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	if (a[1].kind != FC_JV_STR)
		return fc_jx_fail(x, "attr needs a name");
	if (a[0].kind == FC_JV_DICT && !fc_jinja_method(a[0], a[1].s)) {
		*out = fc_jv_undefined(x, "dict object", a[1].s); /* attributes only, no keys */
		return 0;
	}
	return fc_jx_attr(x, a[0], a[1].s, out);
}

static int format(
    struct fc_jx *x, struct fc_jv self, const struct fc_jargs *args, struct fc_jv *out)
{
	struct fc_jv text, list = fc_jv_list(x, FC_JV_TUPLE, args->n);
	if (args->n_kw && args->n)
		return fc_jx_fail(
		    x, "can't handle positional and keyword arguments at the same time");
	if (args->n_kw) {
		list = fc_jv_dict(x);
		for (uint32_t i = 0; i < args->n_kw; i++)
			if (fc_jv_put(x, list, fc_jv_str(args->kw[i].name), args->kw[i].v) < 0)
				return -1;
	}
	for (uint32_t i = 0; i < args->n; i++)
		if (fc_jv_append(x, list, args->v[i]) < 0)
			return -1;
	return as_text(x, self, &text) < 0 ? -1 : fc_jv_binary(x, '%', text, list, out);
}

const struct fc_jbuiltin *fc_jinja_value_filter(const char *p, size_t n)
{
	static const struct fc_jbuiltin table[] = {
	    {"tojson", "ensure_ascii indent separators sort_keys", 0, fc_jv_tojson, NULL},
	    {"trim", "chars", 0, trim, NULL},
	    {"upper", "", 0, upper, NULL},
	    {"lower", "", 0, lower, NULL},
	    {"capitalize", "", 0, capitalize, NULL},
	    {"title", "", 0, title, NULL},
	    {"replace", "old new count", 2, replace, NULL},
	    {"length", "", 0, length, NULL},
	    {"count", "", 0, length, NULL},
	    {"string", "", 0, string, NULL},
	    {"safe", "", 0, safe, NULL},
	    {"escape", "", 0, escape, NULL},
	    {"e", "", 0, escape, NULL},
	    {"default", "default_value boolean", 0, default_, NULL},
	    {"d", "default_value boolean", 0, default_, NULL},
	    {"int", "default base", 0, to_int, NULL},
	    {"float", "default", 0, to_float, NULL},
	    {"abs", "", 0, abs_, NULL},
	    {"round", "precision method", 0, round_, NULL},
	    {"indent", "width first blank", 0, indent, NULL},
	    {"attr", "name", 1, attr, NULL},
	    {"format", NULL, 0, NULL, format},
	};
	return fc_jinja_find(table, sizeof table / sizeof *table, p, n);
}
