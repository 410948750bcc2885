/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "jinja/jinja_impl.h"

/* "text {}".format(values). */

struct braces {
	struct fc_jv self; /* what is formatted */
	const struct fc_jargs *args;
	uint32_t next; /* of the values by position */
	int numbering; /* 1: {}, 2: {0}; 0: none yet */
};

/* The number that text[from, to) is; -1: it is none. */
static int64_t index_of(const char *p, size_t n)
{
	int64_t i = 0;
	for (size_t k = 0; k < n; k++) {
		if (p[k] < '0' || p[k] > '9' || n > 9)
			return -1;
		i = i * 10 + (p[k] - '0');
	}
	return n ? i : -1;
}

static int take_argument(
    struct fc_jx *x, struct braces *b, const char *p, size_t n, struct fc_jv *out)
{
	int64_t i = index_of(p, n);
	if (n && i < 0) {
		for (uint32_t k = 0; k < b->args->n_kw; k++) {
			const struct fc_jstr *name = b->args->kw[k].name;
			if (name->n == n && !memcmp(name->p, p, n)) {
				*out = b->args->kw[k].v;
				return 0;
			}
		}
		return fc_jx_fail(x, "there is no argument '%.*s' to format", (int)n, p);
	}
	const int numbering = n ? 2 : 1;
	if (b->numbering && b->numbering != numbering)
		return fc_jx_fail(x, "fields with and without a number in one format");
	b->numbering = numbering;
	if (!n)
		i = b->next++;
	if (i >= b->args->n)
		return fc_jx_fail(x, "there are only %u arguments to format", b->args->n);
	*out = b->args->v[i];
	return 0;
}

/* v.name or v[name] */
static int take_member(struct fc_jx *x, struct fc_jv *v, const char *p, size_t n)
{
	const int64_t i = index_of(p, n);
	if (v->kind == FC_JV_DICT) {
		const struct fc_jv *member = fc_jv_member(v->dict, p, n);
		*v = member ? *member
			    : fc_jv_undefined(x, "dict object", fc_jstr_new(&x->pool, p, n, 0));
		return 0;
	}
	if (!fc_jv_is_sequence(*v) || i < 0 || i >= v->list->n)
		return fc_jx_fail(
		    x, "a field can't take '%.*s' of a %s", (int)n, p, fc_jv_type(*v));
	*v = v->list->v[i];
	return 0;
}

/* "0", "name", "0.member[1]"; "": the next one */
static int take_field(struct fc_jx *x, struct braces *b, const char *p, size_t n, struct fc_jv *out)
{
	size_t at = 0;
	while (at < n && p[at] != '.' && p[at] != '[')
		at++;
	if (take_argument(x, b, p, at, out) < 0)
		return -1;
	while (at < n) {
		const bool bracket = p[at] == '[';
		size_t from = ++at;
		while (at < n && (bracket ? p[at] != ']' : p[at] != '.' && p[at] != '['))
			at++;
		if (at == from || (bracket && at == n))
			return fc_jx_fail(x, "a field's name is not whole");
		if (take_member(x, out, p + from, at - from) < 0)
			return -1;
		at += bracket;
	}
	return 0;
}

static int64_t take_digits(const struct fc_jstr *s, size_t *at)
{
	int64_t n = 0;
	for (; *at < s->n && s->p[*at] >= '0' && s->p[*at] <= '9'; ++*at)
		n = n > 1000000 ? n : n * 10 + (s->p[*at] - '0');
	return n;
}

static bool is_align(const struct fc_jstr *s, size_t at)
{
	return at < s->n && s->p[at] && strchr("<>=^", s->p[at]);
}

/* [[fill]align][sign][#][0][width][,][.precision][type] */
static int parse_spec(struct fc_jx *x, const struct fc_jstr *s, struct fc_jspec *f, char *type)
{
	size_t at = 0;
	*f = (struct fc_jspec){.fill = ' ', .precision = -1};
	*type = 0;
	if (s->n) {
		uint32_t cp;
		const size_t n = fc_jchar_get(s, 0, &cp);
		if (is_align(s, n)) {
			f->fill = cp;
			at = n;
		}
	}
	if (is_align(s, at))
		f->align = s->p[at++];
	if (at < s->n && s->p[at] && strchr("+- ", s->p[at]))
		f->sign = s->p[at++];
	if (at < s->n && s->p[at] == '#') {
		f->alt = true;
		at++;
	}
	if (at < s->n && s->p[at] == '0') {
		if (!f->align) {
			f->align = '=';
			f->fill = '0';
		} else if (f->fill == ' ') {
			f->fill = '0';
		}
		f->zero = true;
		at++;
	}
	f->width = take_digits(s, &at);
	if (at < s->n && (s->p[at] == ',' || s->p[at] == '_'))
		f->group = s->p[at++];
	if (at < s->n && s->p[at] == '.') {
		const size_t from = ++at;
		f->precision = take_digits(s, &at);
		if (at == from)
			return fc_jx_fail(x, "a precision without digits");
	}
	if (at < s->n)
		*type = s->p[at++];
	if (at < s->n || (*type && !strchr("sdxXobceEfFgG%", *type)))
		return fc_jx_fail(x, "invalid format specifier '%.*s'", (int)s->n, s->p);
	return fc_jspec_check(x, f);
}

static int put_str(
    struct fc_jx *x, struct fc_jcat *c, struct fc_jspec *f, char type, struct fc_jv v)
{
	if (f->align == '=' && f->zero) {
		f->align = '<';
	} else if (f->align == '=') {
		return fc_jx_fail(x, "'=' alignment not allowed in a text's format");
	}
	if ((type && type != 's') || f->sign || f->alt || f->group)
		return fc_jx_fail(
		    x, "Unknown format code '%c' for object of type 'str'", type ? type : 's');
	return fc_jformat_text(x, c, f, v.s);
}

/* v as its format says, escaped where the whole is safe. */
static int put_value(struct fc_jx *x, struct fc_jcat *c, const struct braces *b, struct fc_jv v,
    const struct fc_jstr *spec)
{
	struct fc_jspec f;
	struct fc_jcat text = {0};
	char type;
	int ret;
	if (!spec->n || v.kind == FC_JV_UNDEFINED)
		ret = fc_jv_print(x, &text, v);
	else if (parse_spec(x, spec, &f, &type) < 0)
		return -1;
	else if (v.kind == FC_JV_STR)
		ret = put_str(x, &text, &f, type, v);
	else if (fc_jv_is_number(v))
		ret = fc_jformat_number(x, &text, &f, v, type);
	else
		return fc_jx_fail(
		    x, "unsupported format string passed to %s.__format__", fc_jv_type(v));
	if (ret < 0)
		return -1;
	const struct fc_jstr *s = fc_jcat_str(x, &text);
	if (b->self.safe && !(v.kind == FC_JV_STR && v.safe))
		fc_jv_escape(x, c, s);
	else
		fc_jcat_add_str(x, c, s);
	return 0;
}

/* The end of the field that begins at at, behind its brace: at its own closing one. */
static size_t field_end(const struct fc_jstr *s, size_t at)
{
	int depth = 1;
	for (; at < s->n; at++) {
		depth += s->p[at] == '{' ? 1 : s->p[at] == '}' ? -1 : 0;
		if (!depth)
			return at;
	}
	return SIZE_MAX;
}

static int put_fields(
    struct fc_jx *x, struct fc_jcat *c, struct braces *b, const struct fc_jstr *s, bool nested);

/* name[!conversion][:specification], in which there may be fields too */
static int put_replacement(
    struct fc_jx *x, struct fc_jcat *c, struct braces *b, const struct fc_jstr *s, bool nested)
{
	size_t n = 0;
	bool bracket = false;
	for (; n < s->n && (bracket || (s->p[n] != '!' && s->p[n] != ':')); n++)
		bracket = s->p[n] == '[' || (bracket && s->p[n] != ']');
	struct fc_jv v;
	if (take_field(x, b, s->p, n, &v) < 0)
		return -1;
	if (n < s->n && s->p[n] == '!') {
		struct fc_jcat text = {0};
		const char kind = n + 1 < s->n ? s->p[n + 1] : 0;
		n += 2;
		if ((kind != 'r' && kind != 's') || (n < s->n && s->p[n] != ':'))
			return fc_jx_fail(x, "a field's conversion is !r or !s");
		if ((kind == 'r' ? fc_jv_repr : fc_jv_print)(x, &text, v) < 0)
			return -1;
		v = fc_jv_str(fc_jcat_str(x, &text));
	}
	struct fc_jcat spec = {0};
	if (n < s->n && put_fields(x, &spec, b, fc_jstr_sub(x, s, n + 1, s->n), true) < 0)
		return -1;
	if (nested && spec.n)
		return fc_jx_fail(x, "fields in fields of fields");
	return put_value(x, c, b, v, fc_jcat_str(x, &spec));
}

static int put_fields(
    struct fc_jx *x, struct fc_jcat *c, struct braces *b, const struct fc_jstr *s, bool nested)
{
	if (fc_jx_enter(x) < 0)
		return -1;
	for (size_t at = 0; at < s->n;) {
		size_t from = at, end;
		while (at < s->n && s->p[at] != '{' && s->p[at] != '}')
			at++;
		fc_jcat_add_sub(x, c, s, from, at, 0);
		if (at == s->n)
			break;
		if (!nested && at + 1 < s->n && s->p[at + 1] == s->p[at]) {
			fc_jcat_add_sub(x, c, s, at, at + 1, 0);
			at += 2;
			continue;
		}
		if (s->p[at] == '}' || (end = field_end(s, at + 1)) == SIZE_MAX)
			return fc_jx_fail(x, "Single '%c' encountered in format string", s->p[at]);
		if (put_replacement(x, c, b, fc_jstr_sub(x, s, at + 1, end), nested) < 0)
			return -1;
		at = end + 1;
	}
	x->depth--;
	return 0;
}

int fc_jformat_braces(
    struct fc_jx *x, struct fc_jv self, const struct fc_jargs *args, struct fc_jv *out)
{
	struct braces b = {.self = self, .args = args};
	struct fc_jcat c = {0};
	if (put_fields(x, &c, &b, self.s, false) < 0)
		return -1;
	*out = fc_jv_str(fc_jcat_str(x, &c));
	out->safe = self.safe;
	return 0;
}
