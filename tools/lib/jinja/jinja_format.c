/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jinja/jinja_impl.h"

/* One field of a formatted text: Python's format specification, which % and format() share. */

#define WIDTH_MAX 100000 /* of a field, and its precision of 1000: a template may be hostile */

/* Writes body, in a field of its width: prefix (a sign, 0x) goes before what '=' fills. */
static int put_field(struct fc_jx *x, struct fc_jcat *c, const struct fc_jspec *f, char align,
    const char *prefix, const struct fc_jstr *body)
{
	const int64_t have = (int64_t)(strlen(prefix) + fc_jstr_chars(body));
	int64_t left = 0, right = 0, pad = f->width > have ? f->width - have : 0;
	if (f->align)
		align = f->align;
	if (align == '^')
		left = pad / 2;
	else if (align != '<')
		left = pad;
	right = pad - left;
	if (align == '=')
		fc_jcat_adds(x, c, prefix);
	for (; left > 0; left--)
		fc_jcat_add_char(x, c, f->fill, 0);
	if (align != '=')
		fc_jcat_adds(x, c, prefix);
	fc_jcat_add_str(x, c, body);
	for (; right > 0; right--)
		fc_jcat_add_char(x, c, f->fill, 0);
	return fc_jx_step(x, (size_t)pad);
}

int fc_jformat_text(
    struct fc_jx *x, struct fc_jcat *c, const struct fc_jspec *f, const struct fc_jstr *s)
{
	if (f->precision >= 0)
		s = fc_jstr_sub(x, s, 0, fc_jstr_offset(s, (size_t)f->precision));
	return put_field(x, c, f, '<', "", s);
}

/* A comma or underscore between groups of three digits before the point or exponent. */
static void put_groups(struct fc_jx *x, struct fc_jcat *c, const char *digits, char between)
{
	const size_t n = between ? strspn(digits, "0123456789") : 0;
	for (size_t i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			fc_jcat_add(x, c, &between, 1, 0);
		fc_jcat_add(x, c, digits + i, 1, 0);
	}
	fc_jcat_adds(x, c, digits + n);
}

static int put_number(struct fc_jx *x, struct fc_jcat *c, const struct fc_jspec *f, bool negative,
    const char *base, const char *digits)
{
	struct fc_jcat body = {0};
	char prefix[8];
	if (f->group && f->fill == '0' && f->align == '=')
		return fc_jx_fail(x, "groups of digits filled with zeros are not supported");
	put_groups(x, &body, digits, f->group);
	snprintf(prefix, sizeof prefix, "%s%s",
	    negative             ? "-"
		: f->sign == '+' ? "+"
		: f->sign == ' ' ? " "
				 : "",
	    base);
	return put_field(x, c, f, '>', prefix, fc_jcat_str(x, &body));
}

static int put_whole(
    struct fc_jx *x, struct fc_jcat *c, const struct fc_jspec *f, struct fc_jv v, char type)
{
	const int64_t i = v.kind == FC_JV_BOOL ? v.b : v.i;
	uint64_t rest = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
	const unsigned base = type == 'x' || type == 'X' ? 16
	    : type == 'o'                                ? 8
	    : type == 'b'                                ? 2
							 : 10;
	const char *letter = type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[80], *p = text + sizeof text - 1, prefix[4] = {'0', type, 0};
	*p = 0;
	do {
		*--p = letter[rest % base];
		rest /= base;
	} while (rest);
	if (f->digits > (int64_t)sizeof text - 1)
		return fc_jx_fail(x, "a number of %" PRId64 " digits is too long", f->digits);
	while (f->digits > text + sizeof text - 1 - p && p > text)
		*--p = '0';
	return put_number(x, c, f, i < 0, f->alt && base != 10 ? prefix : "", p);
}

static int put_real(
    struct fc_jx *x, struct fc_jcat *c, const struct fc_jspec *f, double d, char type)
{
	char text[1500], pattern[8];
	const int64_t precision = f->precision < 0 ? 6 : f->precision;
	const bool negative = signbit(d) && !isnan(d);
	if (precision > 1000)
		return fc_jx_fail(x, "a precision of %" PRId64 " is too large", precision);
	d = fabs(d);
	if (!type && f->precision < 0) {
		fc_jv_float_text(d, text);
	} else {
		snprintf(pattern, sizeof pattern, f->alt ? "%%#.*%c" : "%%.*%c",
		    type == '%' ? 'f'
			: type  ? type
				: 'g');
		int n = snprintf(text, sizeof text, pattern, (int)precision + (!type && !precision),
		    type == '%' ? d * 100 : d);
		const char *more = type == '%' ? "%" : !type && !strpbrk(text, ".en") ? ".0" : "";
		snprintf(text + n, sizeof text - (size_t)n, "%s", more);
	}
	return put_number(x, c, f, negative, "", text);
}

static int put_char(
    struct fc_jx *x, struct fc_jcat *c, const struct fc_jspec *f, char align, int64_t cp)
{
	struct fc_jcat body = {0};
	if (cp < 0 || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
		return fc_jx_fail(x, "%%c: %" PRId64 " is no character", cp);
	fc_jcat_add_char(x, &body, (uint32_t)cp, 0);
	return put_field(x, c, f, align, "", fc_jcat_str(x, &body));
}

int fc_jformat_number(
    struct fc_jx *x, struct fc_jcat *c, const struct fc_jspec *f, struct fc_jv v, char type)
{
	const bool whole = v.kind != FC_JV_FLOAT;
	if (type && strchr("eEfFgG%", type))
		return put_real(x, c, f, fc_jv_real(v), type);
	if (!type && !whole)
		return put_real(x, c, f, v.d, 0);
	if (whole && (!type || strchr("dxXob", type)))
		return put_whole(x, c, f, v, type);
	if (whole && type == 'c')
		return put_char(x, c, f, '<', v.kind == FC_JV_BOOL ? v.b : v.i);
	return fc_jx_fail(
	    x, "Unknown format code '%c' for object of type '%s'", type, fc_jv_type(v));
}

int fc_jspec_check(struct fc_jx *x, const struct fc_jspec *f)
{
	if (f->width > WIDTH_MAX || f->precision > WIDTH_MAX)
		return fc_jx_fail(x, "a field of more than %d characters", WIDTH_MAX);
	return 0;
}
