/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "jinja/jinja_impl.h"

/* tojson as Transformers defines it: json.dumps() of Python, ensure_ascii off. */

struct style {
	struct fc_jcat *c;
	bool ascii, sort, lines;
	const struct fc_jstr *indent, *comma, *colon;
	int level;
};

static void quote(struct fc_jx *x, const struct style *y, const struct fc_jstr *s)
{
	fc_jcat_adds(x, y->c, "\"");
	for (size_t at = 0; at < s->n;) {
		static const char plain[] = "\"\\\n\r\t\f\b", name[] = "\"\\nrtfb";
		uint32_t cp;
		size_t n = fc_jchar_get(s, at, &cp);
		int32_t mark = fc_jstr_mark(s, at);
		const char *hit = cp && cp < 128 ? strchr(plain, (int)cp) : NULL;
		char esc[16] = "";
		if (hit)
			snprintf(esc, sizeof esc, "\\%c", name[hit - plain]);
		else if (cp >= 0x10000 && y->ascii)
			snprintf(esc, sizeof esc, "\\u%04" PRIx32 "\\u%04" PRIx32,
			    0xd800 + ((cp - 0x10000) >> 10), 0xdc00 + ((cp - 0x10000) & 0x3ff));
		else if (cp < 0x20 || (cp > 0x7e && y->ascii && cp != 0x7f))
			snprintf(esc, sizeof esc, "\\u%04" PRIx32, cp);
		if (*esc)
			fc_jcat_add(x, y->c, esc, strlen(esc), mark);
		else
			fc_jcat_add(x, y->c, s->p + at, n, mark);
		at += n;
	}
	fc_jcat_adds(x, y->c, "\"");
}

static void new_line(struct fc_jx *x, const struct style *y)
{
	if (!y->lines)
		return;
	fc_jcat_adds(x, y->c, "\n");
	for (int i = 0; i < y->level; i++)
		fc_jcat_add_str(x, y->c, y->indent);
}

static int dump(struct fc_jx *x, struct style *y, struct fc_jv v);

static int dump_list(struct fc_jx *x, struct style *y, const struct fc_jlist *l)
{
	fc_jcat_adds(x, y->c, "[");
	y->level++;
	for (uint32_t i = 0; i < l->n; i++) {
		if (i)
			fc_jcat_add_str(x, y->c, y->comma);
		new_line(x, y);
		if (dump(x, y, l->v[i]) < 0)
			return -1;
	}
	y->level--;
	if (l->n)
		new_line(x, y);
	fc_jcat_adds(x, y->c, "]");
	return 0;
}

static int key_text(struct fc_jx *x, struct fc_jv k, const struct fc_jstr **out)
{
	switch (k.kind) {
	case FC_JV_NONE:
		*out = fc_jv_text(x, "null").s;
		return 0;
	case FC_JV_BOOL:
		*out = fc_jv_text(x, k.b ? "true" : "false").s;
		return 0;
	case FC_JV_STR:
	case FC_JV_INT:
	case FC_JV_FLOAT:
		return fc_jv_to_str(x, k, out);
	default:
		return fc_jx_fail(
		    x, "keys must be str, int, float, bool or None, not %s", fc_jv_type(k));
	}
}

/* Insertion sort: objects in templates are small, and the steps are counted. */
static int sort_pairs(struct fc_jx *x, struct fc_jpair *v, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		struct fc_jpair p = v[i];
		uint32_t k = i;
		for (; k > 0; k--) {
			bool less;
			if (fc_jx_step(x, 0) < 0 || fc_jv_less(x, p.k, v[k - 1].k, &less) < 0)
				return -1;
			if (!less)
				break;
			v[k] = v[k - 1];
		}
		v[k] = p;
	}
	return 0;
}

static int dump_dict(struct fc_jx *x, struct style *y, const struct fc_jdict *d)
{
	struct fc_jpair *v = d->v;
	if (y->sort && d->n) {
		v = fc_jpool_take(&x->pool, d->n * sizeof *v);
		memcpy(v, d->v, d->n * sizeof *v);
		if (sort_pairs(x, v, d->n) < 0)
			return -1;
	}
	fc_jcat_adds(x, y->c, "{");
	y->level++;
	for (uint32_t i = 0; i < d->n; i++) {
		const struct fc_jstr *key;
		if (key_text(x, v[i].k, &key) < 0)
			return -1;
		if (i)
			fc_jcat_add_str(x, y->c, y->comma);
		new_line(x, y);
		quote(x, y, key);
		fc_jcat_add_str(x, y->c, y->colon);
		if (dump(x, y, v[i].v) < 0)
			return -1;
	}
	y->level--;
	if (d->n)
		new_line(x, y);
	fc_jcat_adds(x, y->c, "}");
	return 0;
}

static int dump(struct fc_jx *x, struct style *y, struct fc_jv v)
{
	if (fc_jx_enter(x) < 0)
		return -1;
	int ret = 0;
	switch (v.kind) {
	case FC_JV_NONE:
		fc_jcat_adds(x, y->c, "null");
		break;
	case FC_JV_BOOL:
		fc_jcat_adds(x, y->c, v.b ? "true" : "false");
		break;
	case FC_JV_FLOAT:
		if (isnan(v.d) || isinf(v.d)) {
			fc_jcat_adds(x, y->c,
			    isnan(v.d)    ? "NaN"
				: v.d < 0 ? "-Infinity"
					  : "Infinity");
			break;
		}
		/* fall through */
	case FC_JV_INT:
		ret = fc_jv_print(x, y->c, v);
		break;
	case FC_JV_STR:
		quote(x, y, v.s);
		break;
	case FC_JV_LIST:
	case FC_JV_TUPLE:
		ret = dump_list(x, y, v.list);
		break;
	case FC_JV_DICT:
		ret = dump_dict(x, y, v.dict);
		break;
	default:
		ret = fc_jx_fail(x, "Object of type %s is not JSON serializable", fc_jv_type(v));
	}
	x->depth--;
	return ret;
}

/* ensure_ascii, indent, separators, sort_keys */
int fc_jv_tojson(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jcat c = {0};
	struct style y = {.c = &c,
	    .ascii = fc_jv_true(a[1]),
	    .lines = a[2].kind == FC_JV_INT || a[2].kind == FC_JV_STR,
	    .sort = fc_jv_true(a[4]),
	    .colon = fc_jv_text(x, ": ").s};
	y.comma = fc_jv_text(x, y.lines ? "," : ", ").s;
	if (a[2].kind == FC_JV_STR) {
		y.indent = a[2].s;
	} else if (y.lines) {
		struct fc_jcat spaces = {0};
		if (a[2].i > 1000)
			return fc_jx_fail(x, "tojson: indent %" PRId64 " is too wide", a[2].i);
		for (int64_t i = 0; i < a[2].i; i++)
			fc_jcat_adds(x, &spaces, " ");
		y.indent = fc_jcat_str(x, &spaces);
	}
	if (fc_jv_is_sequence(a[3])) {
		const struct fc_jlist *l = a[3].list;
		if (l->n != 2 || l->v[0].kind != FC_JV_STR || l->v[1].kind != FC_JV_STR)
			return fc_jx_fail(x, "tojson: separators must be two strings");
		y.comma = l->v[0].s;
		y.colon = l->v[1].s;
	}
	if (dump(x, &y, a[0]) < 0)
		return -1;
	*out = fc_jv_str(fc_jcat_str(x, &c));
	return 0;
}
