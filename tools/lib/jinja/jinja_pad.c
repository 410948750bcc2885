/* SPDX-License-Identifier: Apache-2.0 */
#include "jinja/jinja_impl.h"

/* Methods of strings that fill them up to a width. */

/* left, right: what of the room goes before and behind.  *out keeps whether it is safe. */
static int fill(struct fc_jx *x, const struct fc_jv *a, int left, int right, struct fc_jv *out)
{
	int64_t width;
	uint32_t cp = ' ';
	struct fc_jcat c = {0};
	if (fc_jv_want_int(x, a[1], 0, &width) < 0)
		return -1;
	if (a[2].kind != FC_JV_MISSING) {
		if (fc_jv_want_str(x, a[2]) < 0)
			return -1;
		if (!a[2].s->n || fc_jchar_get(a[2].s, 0, &cp) != a[2].s->n)
			return fc_jx_fail(
			    x, "The fill character must be exactly one character long");
	}
	const int64_t have = (int64_t)fc_jstr_chars(a[0].s);
	if (width > (int64_t)FC_JINJA_TEXT_MAX)
		return fc_jx_fail(x, "a text of %lld characters is too long", (long long)width);
	int64_t room = width > have ? width - have : 0, before = left ? room : 0;
	if (left && right) /* as CPython shares it */
		before = room / 2 + (room & width & 1);
	for (int64_t i = 0; i < before; i++)
		fc_jcat_add_char(x, &c, cp, 0);
	fc_jcat_add_str(x, &c, a[0].s);
	for (int64_t i = before; i < room; i++)
		fc_jcat_add_char(x, &c, cp, 0);
	*out = fc_jv_same_safe(a[0], fc_jcat_str(x, &c));
	return fc_jx_step(x, (size_t)room);
}

static int center(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return fill(x, a, 1, 1, out);
}

static int ljust(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return fill(x, a, 0, 1, out);
}

static int rjust(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return fill(x, a, 1, 0, out);
}

/* Zeros behind the sign. */
static int zfill(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	static const struct fc_jstr zero = {"0", 1, 0, NULL};
	const struct fc_jstr *s = a[0].s;
	const size_t sign = s->n && (*s->p == '-' || *s->p == '+');
	struct fc_jcat c = {0};
	int64_t width;
	if (fc_jv_want_int(x, a[1], 0, &width) < 0)
		return -1;
	const struct fc_jv part[] = {fc_jv_same_safe(a[0], fc_jstr_sub(x, s, sign, s->n)),
	    fc_jv_int(width - (int64_t)sign), fc_jv_str(&zero)};
	if (fill(x, part, 1, 0, out) < 0)
		return -1;
	fc_jcat_add_sub(x, &c, s, 0, sign, 0);
	fc_jcat_add_str(x, &c, out->s);
	*out = fc_jv_same_safe(a[0], fc_jcat_str(x, &c));
	return 0;
}

static int expandtabs(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	const struct fc_jstr *s = a[0].s;
	struct fc_jcat c = {0};
	int64_t size, column = 0;
	if (fc_jv_want_int(x, a[1], 8, &size) < 0)
		return -1;
	if (size > 1000)
		return fc_jx_fail(x, "tabs of %lld characters are too wide", (long long)size);
	for (size_t at = 0; at < s->n;) {
		uint32_t cp;
		const size_t n = fc_jchar_get(s, at, &cp);
		if (cp == '\t') {
			int64_t step = size > 0 ? size - column % size : 0;
			column += step;
			for (; step > 0; step--)
				fc_jcat_adds(x, &c, " ");
		} else {
			column = cp == '\n' || cp == '\r' ? 0 : column + 1;
			fc_jcat_add_sub(x, &c, s, at, at + n, 0);
		}
		at += n;
	}
	*out = fc_jv_same_safe(a[0], fc_jcat_str(x, &c));
	return fc_jx_step(x, s->n);
}

const struct fc_jbuiltin *fc_jinja_pad_method(const struct fc_jstr *name)
{
	static const struct fc_jbuiltin table[] = {
	    {"center", "width fillchar", 1, center, NULL},
	    {"ljust", "width fillchar", 1, ljust, NULL},
	    {"rjust", "width fillchar", 1, rjust, NULL},
	    {"zfill", "width", 1, zfill, NULL},
	    {"expandtabs", "tabsize", 0, expandtabs, NULL},
	};
	return fc_jinja_find(table, sizeof table / sizeof *table, name->p, name->n);
}
