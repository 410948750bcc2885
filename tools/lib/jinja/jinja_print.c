/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jinja/jinja_impl.h"
#include "text/unicode.h"

/* Values as text: str(), repr() and JSON. */

void fc_jv_float_text(double d, char out[64])
{
	if (isnan(d) || isinf(d)) {
		snprintf(out, 64, "%s", isnan(d) ? "nan" : d < 0 ? "-inf" : "inf");
		return;
	}
	/* the fewest digits that read back as d, as Python's repr() */
	char e[32];
	int digits = 1;
	do
		snprintf(e, sizeof e, "%.*e", digits - 1, d);
	while (strtod(e, NULL) != d && digits++ < 17);
	int exponent = (int)strtol(strchr(e, 'e') + 1, NULL, 10);
	if (exponent >= -4 && exponent < 16) {
		int after = digits - 1 - exponent;
		snprintf(out, 64, "%.*f", after > 1 ? after : 1, d);
		return;
	}
	char *p = strchr(e, 'e');
	*p = 0;
	snprintf(out, 64, "%se%c%02d", e, exponent < 0 ? '-' : '+', abs(exponent));
}

static bool is_printable(uint32_t cp)
{
	if (cp == ' ')
		return true;
	switch (fc_unicode_category(cp)) {
	case FC_UC_CC:
	case FC_UC_CF:
	case FC_UC_CS:
	case FC_UC_CO:
	case FC_UC_CN:
	case FC_UC_ZL:
	case FC_UC_ZP:
	case FC_UC_ZS:
		return false;
	default:
		return true;
	}
}

static void str_repr(struct fc_jx *x, struct fc_jcat *c, const struct fc_jstr *s)
{
	bool single = s->n && memchr(s->p, '\'', s->n), twice = s->n && memchr(s->p, '"', s->n);
	char quote = single && !twice ? '"' : '\'';
	fc_jcat_add(x, c, &quote, 1, 0);
	for (size_t at = 0; at < s->n;) {
		uint32_t cp;
		size_t n = fc_jchar_get(s, at, &cp);
		int32_t mark = fc_jstr_mark(s, at);
		char esc[16] = "";
		if (cp == (uint32_t)quote || cp == '\\')
			snprintf(esc, sizeof esc, "\\%c", (char)cp);
		else if (cp == '\n' || cp == '\r' || cp == '\t')
			snprintf(esc, sizeof esc, "\\%c",
			    cp == '\n'       ? 'n'
				: cp == '\r' ? 'r'
					     : 't');
		else if (!is_printable(cp))
			snprintf(esc, sizeof esc,
			    cp < 0x100         ? "\\x%02" PRIx32
				: cp < 0x10000 ? "\\u%04" PRIx32
					       : "\\U%08" PRIx32,
			    cp);
		if (*esc)
			fc_jcat_add(x, c, esc, strlen(esc), mark);
		else
			fc_jcat_add(x, c, s->p + at, n, mark);
		at += n;
	}
	fc_jcat_add(x, c, &quote, 1, 0);
}

static int list_repr(struct fc_jx *x, struct fc_jcat *c, const struct fc_jlist *l, const char *open,
    const char *close)
{
	fc_jcat_adds(x, c, open);
	for (uint32_t i = 0; i < l->n; i++) {
		if (i)
			fc_jcat_adds(x, c, ", ");
		if (fc_jv_repr(x, c, l->v[i]) < 0)
			return -1;
	}
	fc_jcat_adds(x, c, close);
	return 0;
}

static int dict_repr(struct fc_jx *x, struct fc_jcat *c, const struct fc_jdict *d)
{
	fc_jcat_adds(x, c, "{");
	for (uint32_t i = 0; i < d->n; i++) {
		if (i)
			fc_jcat_adds(x, c, ", ");
		if (fc_jv_repr(x, c, d->v[i].k) < 0)
			return -1;
		fc_jcat_adds(x, c, ": ");
		if (fc_jv_repr(x, c, d->v[i].v) < 0)
			return -1;
	}
	fc_jcat_adds(x, c, "}");
	return 0;
}

static int nested_repr(struct fc_jx *x, struct fc_jcat *c, struct fc_jv v)
{
	switch (v.kind) {
	case FC_JV_LIST:
		return list_repr(x, c, v.list, "[", "]");
	case FC_JV_TUPLE:
		return list_repr(x, c, v.list, "(", v.list->n == 1 ? ",)" : ")");
	case FC_JV_VIEW:
		fc_jcat_adds(x, c, v.list->view);
		return list_repr(x, c, v.list, "([", "])");
	case FC_JV_NAMESPACE:
		fc_jcat_adds(x, c, "<Namespace ");
		if (dict_repr(x, c, v.dict) < 0)
			return -1;
		fc_jcat_adds(x, c, ">");
		return 0;
	default:
		return dict_repr(x, c, v.dict);
	}
}

int fc_jv_repr(struct fc_jx *x, struct fc_jcat *c, struct fc_jv v)
{
	bool range = v.kind == FC_JV_VIEW && !strcmp(v.list->view, "range");
	if (v.kind == FC_JV_STR) {
		fc_jcat_adds(x, c, v.safe ? "Markup(" : "");
		str_repr(x, c, v.s);
		fc_jcat_adds(x, c, v.safe ? ")" : "");
		return 0;
	}
	if (v.kind == FC_JV_UNDEFINED) {
		fc_jcat_adds(x, c, "Undefined");
		return 0;
	}
	if (!range && (fc_jv_is_sequence(v) || v.kind == FC_JV_DICT || v.kind == FC_JV_NAMESPACE)) {
		if (fc_jx_enter(x) < 0)
			return -1;
		int ret = nested_repr(x, c, v);
		x->depth--;
		return ret;
	}
	return fc_jv_print(x, c, v);
}

int fc_jv_print(struct fc_jx *x, struct fc_jcat *c, struct fc_jv v)
{
	char text[64];
	switch (v.kind) {
	case FC_JV_STR:
		fc_jcat_add_str(x, c, v.s);
		return 0;
	case FC_JV_MISSING:
	case FC_JV_UNDEFINED:
		return 0;
	case FC_JV_NONE:
		fc_jcat_adds(x, c, "None");
		return 0;
	case FC_JV_BOOL:
		fc_jcat_adds(x, c, v.b ? "True" : "False");
		return 0;
	case FC_JV_INT:
		snprintf(text, sizeof text, "%" PRId64, v.i);
		fc_jcat_adds(x, c, text);
		return 0;
	case FC_JV_FLOAT:
		fc_jv_float_text(v.d, text);
		fc_jcat_adds(x, c, text);
		return 0;
	case FC_JV_VIEW:
		if (!strcmp(v.list->view, "range"))
			break;
		return fc_jv_repr(x, c, v);
	case FC_JV_LIST:
	case FC_JV_TUPLE:
	case FC_JV_DICT:
	case FC_JV_NAMESPACE:
		return fc_jv_repr(x, c, v);
	case FC_JV_MACRO:
		fc_jcat_adds(x, c, "<Macro '");
		fc_jcat_add_str(x, c, v.macro->node->str);
		fc_jcat_adds(x, c, "'>");
		return 0;
	default:
		break;
	}
	return fc_jx_fail(x, "a %s can't be printed", fc_jv_type(v));
}

int fc_jv_to_str(struct fc_jx *x, struct fc_jv v, const struct fc_jstr **out)
{
	if (v.kind == FC_JV_STR) {
		*out = v.s;
		return 0;
	}
	struct fc_jcat c = {0};
	int ret = fc_jv_print(x, &c, v);
	*out = fc_jcat_str(x, &c);
	return ret;
}

void fc_jv_escape(struct fc_jx *x, struct fc_jcat *c, const struct fc_jstr *s)
{
	static const char special[] = "&<>'\"";
	static const char *const entity[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
	size_t from = 0;
	for (size_t at = 0; at < s->n; at++) {
		const char *hit = s->p[at] ? strchr(special, s->p[at]) : NULL;
		if (!hit)
			continue;
		const char *to = entity[hit - special];
		fc_jcat_add_sub(x, c, s, from, at, 0);
		fc_jcat_add(x, c, to, strlen(to), fc_jstr_mark(s, at));
		from = at + 1;
	}
	fc_jcat_add_sub(x, c, s, from, s->n, 0);
}
