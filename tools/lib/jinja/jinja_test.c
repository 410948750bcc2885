/* SPDX-License-Identifier: Apache-2.0 */
#include "jinja/jinja_impl.h"

/* What follows "is". */

static int is_kind(const struct fc_jv *a, enum fc_jkind kind, struct fc_jv *out)
{
	*out = fc_jv_bool(a[0].kind == kind);
	return 0;
}

static int defined(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	(void)x;
	*out = fc_jv_bool(a[0].kind != FC_JV_UNDEFINED);
	return 0;
}

static int undefined(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	(void)x;
	return is_kind(a, FC_JV_UNDEFINED, out);
}

static int none(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	(void)x;
	return is_kind(a, FC_JV_NONE, out);
}

static int string(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	(void)x;
	return is_kind(a, FC_JV_STR, out);
}

static int integer(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	(void)x;
	return is_kind(a, FC_JV_INT, out);
}

static int is_float(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	(void)x;
	return is_kind(a, FC_JV_FLOAT, out);
}

static int boolean(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	(void)x;
	return is_kind(a, FC_JV_BOOL, out);
}

static int mapping(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	(void)x;
	return is_kind(a, FC_JV_DICT, out);
}

static int number(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	(void)x;
	*out = fc_jv_bool(fc_jv_is_number(a[0]));
	return 0;
}

static int sequence(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	(void)x;
	bool range = a[0].kind == FC_JV_VIEW && a[0].list->view[0] == 'r';
	*out = fc_jv_bool(a[0].kind == FC_JV_STR || a[0].kind == FC_JV_LIST ||
	    a[0].kind == FC_JV_TUPLE || a[0].kind == FC_JV_DICT || a[0].kind == FC_JV_UNDEFINED ||
	    range);
	return 0;
}

static int iterable(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	(void)x;
	*out = fc_jv_bool(fc_jv_is_sequence(a[0]) || a[0].kind == FC_JV_STR ||
	    a[0].kind == FC_JV_DICT || a[0].kind == FC_JV_ITER || a[0].kind == FC_JV_UNDEFINED);
	return 0;
}

static int callable(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	(void)x;
	*out = fc_jv_bool(a[0].kind == FC_JV_MACRO || a[0].kind == FC_JV_METHOD ||
	    a[0].kind == FC_JV_FUNCTION || a[0].kind == FC_JV_UNDEFINED);
	return 0;
}

static int is_true(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	(void)x;
	*out = fc_jv_bool(a[0].kind == FC_JV_BOOL && a[0].b);
	return 0;
}

static int is_false(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	(void)x;
	*out = fc_jv_bool(a[0].kind == FC_JV_BOOL && !a[0].b);
	return 0;
}

static int remainder_is(
    struct fc_jx *x, struct fc_jv v, struct fc_jv by, int64_t want, struct fc_jv *out)
{
	struct fc_jv r;
	bool same;
	if (fc_jv_binary(x, '%', v, by, &r) < 0 || fc_jv_equal(x, r, fc_jv_int(want), &same) < 0)
		return -1;
	*out = fc_jv_bool(same);
	return 0;
}

static int odd(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return remainder_is(x, a[0], fc_jv_int(2), 1, out);
}

static int even(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return remainder_is(x, a[0], fc_jv_int(2), 0, out);
}

static int divisible_by(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return remainder_is(x, a[0], a[1], 0, out);
}

static int compare(struct fc_jx *x, int op, const struct fc_jv *a, struct fc_jv *out)
{
	bool is;
	if (fc_jv_compare_op(x, op, a[0], a[1], &is) < 0)
		return -1;
	*out = fc_jv_bool(is);
	return 0;
}

static int eq(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return compare(x, FC_JOP('=', '='), a, out);
}

static int ne(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return compare(x, FC_JOP('!', '='), a, out);
}

static int lt(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return compare(x, '<', a, out);
}

static int le(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return compare(x, FC_JOP('<', '='), a, out);
}

static int gt(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return compare(x, '>', a, out);
}

static int ge(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return compare(x, FC_JOP('>', '='), a, out);
}

static int in(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return compare(x, FC_JOP_IN, a, out);
}

static int same_as(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	bool same = a[0].kind == a[1].kind;
	if (same && a[0].kind <= FC_JV_STR && fc_jv_equal(x, a[0], a[1], &same) < 0)
		return -1;
	*out = fc_jv_bool(same && (a[0].kind <= FC_JV_STR || a[0].list == a[1].list));
	return 0;
}

static int casing(struct fc_jx *x, const struct fc_jv *a, const char *method, struct fc_jv *out)
{
	struct fc_jv s = a[0];
	const struct fc_jstr *text, name = {method, 7, 0, NULL};
	if (fc_jv_to_str(x, a[0], &text) < 0)
		return -1;
	s = fc_jv_str(text);
	return fc_jinja_str_method(&name)->fn(x, &s, out);
}

static int lower(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return casing(x, a, "islower", out);
}

static int upper(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return casing(x, a, "isupper", out);
}

static int escaped(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	(void)x;
	*out = fc_jv_bool(a[0].kind == FC_JV_STR && a[0].safe);
	return 0;
}

const struct fc_jbuiltin *fc_jinja_test(const char *p, size_t n)
{
	static const struct fc_jbuiltin table[] = {
	    {"defined", "", 0, defined, NULL},
	    {"undefined", "", 0, undefined, NULL},
	    {"none", "", 0, none, NULL},
	    {"string", "", 0, string, NULL},
	    {"integer", "", 0, integer, NULL},
	    {"float", "", 0, is_float, NULL},
	    {"boolean", "", 0, boolean, NULL},
	    {"number", "", 0, number, NULL},
	    {"mapping", "", 0, mapping, NULL},
	    {"sequence", "", 0, sequence, NULL},
	    {"iterable", "", 0, iterable, NULL},
	    {"callable", "", 0, callable, NULL},
	    {"true", "", 0, is_true, NULL},
	    {"false", "", 0, is_false, NULL},
	    {"odd", "", 0, odd, NULL},
	    {"even", "", 0, even, NULL},
	    {"divisibleby", "num", 1, divisible_by, NULL},
	    {"eq", "other", 1, eq, NULL},
	    {"equalto", "other", 1, eq, NULL},
	    {"==", "other", 1, eq, NULL},
	    {"ne", "other", 1, ne, NULL},
	    {"!=", "other", 1, ne, NULL},
	    {"lt", "other", 1, lt, NULL},
	    {"lessthan", "other", 1, lt, NULL},
	    {"<", "other", 1, lt, NULL},
	    {"le", "other", 1, le, NULL},
	    {"<=", "other", 1, le, NULL},
	    {"gt", "other", 1, gt, NULL},
	    {"greaterthan", "other", 1, gt, NULL},
	    {">", "other", 1, gt, NULL},
	    {"ge", "other", 1, ge, NULL},
	    {">=", "other", 1, ge, NULL},
	    {"in", "seq", 1, in, NULL},
	    {"sameas", "other", 1, same_as, NULL},
	    {"lower", "", 0, lower, NULL},
	    {"upper", "", 0, upper, NULL},
	    {"escaped", "", 0, escaped, NULL},
	};
	return fc_jinja_find(table, sizeof table / sizeof *table, p, n);
}
