/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "jinja/jinja_impl.h"

/* "text %s" % values. */

struct percent {
	struct fc_jv text; /* what is formatted */
	const struct fc_jstr *s;
	size_t at;           /* behind what was read */
	struct fc_jv values; /* a tuple, or one value */
	uint32_t next;       /* of the values */
	bool by_name;        /* a value was asked for by its name */
};

static char peek(const struct percent *p)
{
	return p->at < p->s->n ? p->s->p[p->at] : 0;
}

static int take_value(struct fc_jx *x, struct percent *p, struct fc_jv *out)
{
	const bool many = p->values.kind == FC_JV_TUPLE;
	if (p->next == (many ? p->values.list->n : 1))
		return fc_jx_fail(x, "not enough arguments for format string");
	*out = many ? p->values.list->v[p->next] : p->values;
	p->next++;
	return 0;
}

/* "(name)": the value of that name. */
static int take_named(struct fc_jx *x, struct percent *p, struct fc_jv *out)
{
	const size_t from = p->at + 1;
	const char *end = memchr(p->s->p + from, ')', p->s->n - from);
	if (p->values.kind != FC_JV_DICT)
		return fc_jx_fail(x, "format requires a mapping");
	if (!end)
		return fc_jx_fail(x, "incomplete format key");
	const size_t n = (size_t)(end - p->s->p) - from;
	struct fc_jv *v = fc_jv_member(p->values.dict, p->s->p + from, n);
	if (!v)
		return fc_jx_fail(x, "there is no '%.*s' to format", (int)n, p->s->p + from);
	*out = *v;
	p->at = from + n + 1;
	p->by_name = true;
	return 0;
}

/* A width or precision: digits or "*". */
static int take_size(struct fc_jx *x, struct percent *p, int64_t *out)
{
	struct fc_jv v;
	*out = 0;
	if (peek(p) == '*') {
		p->at++;
		if (take_value(x, p, &v) < 0)
			return -1;
		if (v.kind != FC_JV_INT || v.i > INT32_MAX || v.i < -INT32_MAX)
			return fc_jx_fail(x, "* wants an int, and no large one");
		*out = v.i;
		return 0;
	}
	for (; peek(p) >= '0' && peek(p) <= '9'; p->at++)
		*out = *out > 1000000 ? *out : *out * 10 + (peek(p) - '0');
	return 0;
}

static int take_flags(struct fc_jx *x, struct percent *p, struct fc_jspec *f)
{
	bool left = false, zero = false;
	for (; peek(p) && strchr("-+ 0#", peek(p)); p->at++)
		switch (peek(p)) {
		case '-':
			left = true;
			break;
		case '0':
			zero = true;
			break;
		case '#':
			f->alt = true;
			break;
		default:
			f->sign = f->sign == '+' ? '+' : peek(p);
		}
	if (take_size(x, p, &f->width) < 0)
		return -1;
	if (f->width < 0) {
		left = true;
		f->width = -f->width;
	}
	f->align = left ? '<' : zero ? '=' : '>';
	f->fill = zero && !left ? '0' : ' ';
	if (peek(p) == '.') {
		p->at++;
		if (take_size(x, p, &f->precision) < 0)
			return -1;
		if (f->precision < 0)
			f->precision = 0;
	}
	while (peek(p) && strchr("hlL", peek(p)))
		p->at++;
	return fc_jspec_check(x, f);
}

/* %s, %r and %c: what v prints as, escaped where the format is safe. */
static int put_text(struct fc_jx *x, struct fc_jcat *c, const struct percent *p, struct fc_jspec *f,
    char kind, struct fc_jv v)
{
	struct fc_jcat text = {0}, escaped = {0};
	if (f->align == '=') { /* no zeros before a text */
		f->align = '>';
		f->fill = ' ';
	}
	if ((kind == 'r' ? fc_jv_repr : fc_jv_print)(x, &text, v) < 0)
		return -1;
	if (p->text.safe && !(v.kind == FC_JV_STR && v.safe && kind != 'r')) {
		fc_jv_escape(x, &escaped, fc_jcat_str(x, &text));
		text = escaped;
	}
	return fc_jformat_text(x, c, f, fc_jcat_str(x, &text));
}

static int put_item(struct fc_jx *x, struct fc_jcat *c, const struct percent *p, struct fc_jspec *f,
    char kind, struct fc_jv v)
{
	if (kind == 's' || kind == 'r')
		return put_text(x, c, p, f, kind, v);
	if (kind == 'c' && v.kind == FC_JV_STR) {
		if (fc_jstr_chars(v.s) != 1)
			return fc_jx_fail(x, "%%c requires int or char");
		return put_text(x, c, p, f, kind, v);
	}
	if (v.kind == FC_JV_UNDEFINED)
		return fc_jv_use_undefined(x, v);
	if (!fc_jv_is_number(v))
		return fc_jx_fail(
		    x, "%%%c format: a number is required, not %s", kind, fc_jv_type(v));
	if (kind == 'i' || kind == 'u')
		kind = 'd';
	if (kind == 'd' && v.kind == FC_JV_FLOAT) {
		if (!(fabs(v.d) < 9.2e18))
			return fc_jx_fail(x, "%%d format: the number is too large");
		v = fc_jv_int((int64_t)v.d);
	}
	if (strchr("xXoc", kind) && v.kind == FC_JV_FLOAT)
		return fc_jx_fail(x, "%%%c format: an integer is required, not float", kind);
	if (strchr("dxXo", kind) && f->precision >= 0) {
		f->digits = f->precision;
		f->precision = -1;
	}
	if (kind == 'c' && f->align == '=') {
		f->align = '>';
		f->fill = ' ';
	}
	return fc_jformat_number(x, c, f, v, kind);
}

int fc_jformat_percent(struct fc_jx *x, struct fc_jv text, struct fc_jv values, struct fc_jv *out)
{
	static const struct fc_jstr percent = {"%", 1, 0, NULL};
	struct percent p = {.text = text, .s = text.s, .values = values};
	struct fc_jcat c = {0};
	for (size_t from = 0, hit;; from = p.at) {
		struct fc_jspec f = {.fill = ' ', .precision = -1};
		struct fc_jv v;
		hit = fc_jstr_find(p.s, &percent, from);
		fc_jcat_add_sub(x, &c, p.s, from, hit == SIZE_MAX ? p.s->n : hit, 0);
		if (hit == SIZE_MAX)
			break;
		p.at = hit + 1;
		const bool named = peek(&p) == '(';
		if ((named && take_named(x, &p, &v) < 0) || take_flags(x, &p, &f) < 0)
			return -1;
		const char kind = peek(&p);
		p.at++;
		if (kind == '%') {
			fc_jcat_adds(x, &c, "%");
			continue;
		}
		if (!kind || !strchr("srcdiuxXoeEfFgG", kind))
			return fc_jx_fail(x,
			    kind ? "unsupported format character '%c'" : "incomplete format", kind);
		if ((!named && take_value(x, &p, &v) < 0) || put_item(x, &c, &p, &f, kind, v) < 0)
			return -1;
	}
	const bool subscribes = values.kind == FC_JV_DICT || values.kind == FC_JV_LIST ||
	    values.kind == FC_JV_VIEW ||
	    values.kind == FC_JV_UNDEFINED; /* Python does not count these */
	const uint32_t n = values.kind == FC_JV_TUPLE ? values.list->n : 1;
	if (p.next < n && !subscribes && !p.by_name)
		return fc_jx_fail(x, "not all arguments converted during string formatting");
	*out = fc_jv_str(fc_jcat_str(x, &c));
	out->safe = text.safe;
	return 0;
}
