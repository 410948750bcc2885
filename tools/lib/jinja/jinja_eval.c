/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "jinja/jinja_impl.h"

/* Expressions. */

/* Values of several nodes, in a new list. */
static int eval_list(
    struct fc_jx *x, const struct fc_jnode *n, enum fc_jkind kind, struct fc_jv *out)
{
	struct fc_jv list = fc_jv_list(x, kind, n->n_kid);
	for (uint32_t i = 0; i < n->n_kid; i++) {
		struct fc_jv v;
		if (fc_jx_eval(x, n->kid[i], &v) < 0)
			return -1;
		if (fc_jv_append(x, list, v) < 0)
			return -1;
	}
	*out = list;
	return 0;
}

static int eval_dict(struct fc_jx *x, const struct fc_jnode *n, struct fc_jv *out)
{
	struct fc_jv d = fc_jv_dict(x);
	for (uint32_t i = 0; i < n->n_kid; i += 2) {
		struct fc_jv k, v;
		if (fc_jx_eval(x, n->kid[i], &k) < 0 || fc_jx_eval(x, n->kid[i + 1], &v) < 0 ||
		    fc_jv_put(x, d, k, v) < 0)
			return -1;
	}
	*out = d;
	return 0;
}

static int eval_cond(struct fc_jx *x, const struct fc_jnode *n, struct fc_jv *out)
{
	struct fc_jv test;
	if (fc_jx_eval(x, n->kid[0], &test) < 0)
		return -1;
	const struct fc_jnode *way = n->kid[fc_jv_true(test) ? 1 : 2];
	if (way)
		return fc_jx_eval(x, way, out);
	*out = fc_jv_undefined(x, NULL, fc_jv_text(x, "the inline if without else").s);
	return 0;
}

static int eval_logic(struct fc_jx *x, const struct fc_jnode *n, struct fc_jv *out)
{
	if (fc_jx_eval(x, n->kid[0], out) < 0)
		return -1;
	if (n->kind == FC_JN_NOT) {
		*out = fc_jv_bool(!fc_jv_true(*out));
		return 0;
	}
	return fc_jv_true(*out) == (n->kind == FC_JN_OR) ? 0 : fc_jx_eval(x, n->kid[1], out);
}

static int eval_compare(struct fc_jx *x, const struct fc_jnode *n, struct fc_jv *out)
{
	struct fc_jv a, b;
	bool is = true;
	if (fc_jx_eval(x, n->kid[0], &a) < 0)
		return -1;
	for (uint32_t i = 1; i < n->n_kid && is; i++) {
		const struct fc_jnode *operand = n->kid[i];
		if (fc_jx_eval(x, operand->kid[0], &b) < 0)
			return -1;
		x->line = operand->line;
		if (fc_jv_compare_op(x, operand->op, a, b, &is) < 0)
			return -1;
		a = b;
	}
	*out = fc_jv_bool(is);
	return 0;
}

static int eval_binary(struct fc_jx *x, const struct fc_jnode *n, struct fc_jv *out)
{
	struct fc_jv a, b;
	if (fc_jx_eval(x, n->kid[0], &a) < 0 || fc_jx_eval(x, n->kid[1], &b) < 0)
		return -1;
	x->line = n->line;
	return fc_jv_binary(x, n->op, a, b, out);
}

static int eval_sign(struct fc_jx *x, const struct fc_jnode *n, struct fc_jv *out)
{
	struct fc_jv v;
	if (fc_jx_eval(x, n->kid[0], &v) < 0)
		return -1;
	if (v.kind == FC_JV_UNDEFINED)
		return fc_jv_use_undefined(x, v);
	if (!fc_jv_is_number(v))
		return fc_jx_fail(x, "bad operand type for unary %c: '%s'",
		    n->kind == FC_JN_NEG ? '-' : '+', fc_jv_type(v));
	if (n->kind == FC_JN_POS)
		return fc_jv_binary(x, '+', fc_jv_int(0), v, out);
	if (v.kind != FC_JV_FLOAT)
		return fc_jv_binary(x, '-', fc_jv_int(0), v, out);
	*out = fc_jv_float(-v.d);
	return 0;
}

static int eval_concat(struct fc_jx *x, const struct fc_jnode *n, struct fc_jv *out)
{
	struct fc_jcat c = {0};
	for (uint32_t i = 0; i < n->n_kid; i++) {
		struct fc_jv v;
		if (fc_jx_eval(x, n->kid[i], &v) < 0 || fc_jv_print(x, &c, v) < 0)
			return -1;
	}
	*out = fc_jv_str(fc_jcat_str(x, &c));
	return 0;
}

static int eval_item(struct fc_jx *x, const struct fc_jnode *n, struct fc_jv *out)
{
	struct fc_jv v, part[3];
	const struct fc_jnode *key = n->kid[1];
	if (fc_jx_eval(x, n->kid[0], &v) < 0)
		return -1;
	if (key->kind != FC_JN_SLICE) {
		if (fc_jx_eval(x, key, &part[0]) < 0)
			return -1;
		x->line = n->line;
		return fc_jx_item(x, v, part[0], out);
	}
	for (int i = 0; i < 3; i++) {
		part[i] = fc_jv_none();
		if (key->kid[i] && fc_jx_eval(x, key->kid[i], &part[i]) < 0)
			return -1;
	}
	x->line = n->line;
	return fc_jv_slice(x, v, part, out);
}

static void add_arg(struct fc_jx *x, struct fc_jargs *args, struct fc_jv v)
{
	if (args->n == args->cap) {
		uint32_t cap = args->cap ? args->cap * 2 : 4;
		args->v = fc_jpool_grow(
		    &x->pool, args->v, args->n * sizeof *args->v, cap * sizeof *args->v);
		args->cap = cap;
	}
	args->v[args->n++] = v;
}

static int add_keyword(
    struct fc_jx *x, struct fc_jargs *args, const struct fc_jstr *name, struct fc_jv v)
{
	for (uint32_t i = 0; i < args->n_kw; i++)
		if (fc_jstr_same(args->kw[i].name, name))
			return fc_jx_fail(x, "argument '%.*s' given twice", (int)name->n, name->p);
	if (args->n_kw == args->cap_kw) {
		uint32_t cap = args->cap_kw ? args->cap_kw * 2 : 4;
		args->kw = fc_jpool_grow(
		    &x->pool, args->kw, args->n_kw * sizeof *args->kw, cap * sizeof *args->kw);
		args->cap_kw = cap;
	}
	args->kw[args->n_kw++] = (struct fc_jkeyword){name, v};
	return 0;
}

static int spread(struct fc_jx *x, struct fc_jargs *args, enum fc_jnode_kind kind, struct fc_jv v)
{
	if (kind == FC_JN_STAR) {
		struct fc_jlist *l;
		if (fc_jv_items(x, v, &l) < 0)
			return -1;
		for (uint32_t i = 0; i < l->n; i++)
			add_arg(x, args, l->v[i]);
		return 0;
	}
	if (v.kind != FC_JV_DICT)
		return fc_jx_fail(x, "argument after ** must be a mapping, not %s", fc_jv_type(v));
	for (uint32_t i = 0; i < v.dict->n; i++) {
		struct fc_jpair *p = &v.dict->v[i];
		if (p->k.kind != FC_JV_STR)
			return fc_jx_fail(x, "keywords must be strings");
		if (add_keyword(x, args, p->k.s, p->v) < 0)
			return -1;
	}
	return 0;
}

int fc_jx_args(struct fc_jx *x, const struct fc_jnode *n, uint32_t first, struct fc_jargs *args)
{
	*args = (struct fc_jargs){0};
	for (uint32_t i = first; i < n->n_kid; i++) {
		const struct fc_jnode *arg = n->kid[i];
		bool named = arg->kind == FC_JN_KEYWORD,
		     many = arg->kind == FC_JN_STAR || arg->kind == FC_JN_STARSTAR;
		struct fc_jv v;
		if (fc_jx_eval(x, named || many ? arg->kid[0] : arg, &v) < 0)
			return -1;
		if (many && spread(x, args, arg->kind, v) < 0)
			return -1;
		if (named && add_keyword(x, args, arg->str, v) < 0)
			return -1;
		if (!named && !many)
			add_arg(x, args, v);
	}
	x->line = n->line;
	return 0;
}

static int eval_call(struct fc_jx *x, const struct fc_jnode *n, struct fc_jv *out)
{
	struct fc_jv fn;
	struct fc_jargs args;
	if (fc_jx_eval(x, n->kid[0], &fn) < 0 || fc_jx_args(x, n, 1, &args) < 0)
		return -1;
	int ret = fc_jx_call(x, fn, &args, out);
	x->line = n->line;
	return ret;
}

/* A filter or a test. */
static int eval_builtin(struct fc_jx *x, const struct fc_jnode *n, struct fc_jv *out)
{
	struct fc_jv v = x->block_text;
	struct fc_jargs args;
	if (!n->fn)
		return fc_jx_fail(x, "there is no %s '%.*s'",
		    n->kind == FC_JN_FILTER ? "filter" : "test", (int)n->str->n, n->str->p);
	if (n->kid[0] && fc_jx_eval(x, n->kid[0], &v) < 0)
		return -1;
	if (fc_jx_args(x, n, 1, &args) < 0)
		return -1;
	return fc_jx_call_builtin(x, n->fn, &v, &args, out);
}

static int eval_attr(struct fc_jx *x, const struct fc_jnode *n, struct fc_jv *out)
{
	struct fc_jv v;
	if (fc_jx_eval(x, n->kid[0], &v) < 0)
		return -1;
	x->line = n->line;
	return fc_jx_attr(x, v, n->str, out);
}

static int eval_node(struct fc_jx *x, const struct fc_jnode *n, struct fc_jv *out)
{
	switch (n->kind) {
	case FC_JN_CONST:
		*out = n->value;
		return 0;
	case FC_JN_NAME:
		*out = fc_jx_lookup(x, n->str);
		return 0;
	case FC_JN_TUPLE:
		return eval_list(x, n, FC_JV_TUPLE, out);
	case FC_JN_LIST:
		return eval_list(x, n, FC_JV_LIST, out);
	case FC_JN_DICT:
		return eval_dict(x, n, out);
	case FC_JN_COND:
		return eval_cond(x, n, out);
	case FC_JN_OR:
	case FC_JN_AND:
	case FC_JN_NOT:
		return eval_logic(x, n, out);
	case FC_JN_COMPARE:
		return eval_compare(x, n, out);
	case FC_JN_BINARY:
		return eval_binary(x, n, out);
	case FC_JN_NEG:
	case FC_JN_POS:
		return eval_sign(x, n, out);
	case FC_JN_CONCAT:
		return eval_concat(x, n, out);
	case FC_JN_ATTR:
		return eval_attr(x, n, out);
	case FC_JN_ITEM:
		return eval_item(x, n, out);
	case FC_JN_CALL:
		return eval_call(x, n, out);
	default:
		return eval_builtin(x, n, out);
	}
}

int fc_jx_eval(struct fc_jx *x, const struct fc_jnode *n, struct fc_jv *out)
{
	if (fc_jx_enter(x) < 0)
		return -1;
	x->line = n->line;
	int ret = eval_node(x, n, out);
	x->depth--;
	return ret;
}
