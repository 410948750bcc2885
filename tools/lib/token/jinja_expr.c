/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "token/jinja_impl.h"

/* Expressions, by jinja2's precedence: if, or, and, not, comparisons, + -, ~, * / // %, **, sign,
 * then members, calls, filters and tests. */

static struct fc_jnode *parse_or(struct fc_jparser *p);
static struct fc_jnode *parse_unary(struct fc_jparser *p, bool with_filter);

static const struct fc_jtok *cur(const struct fc_jparser *p)
{
	return &p->tok.v[p->at];
}

static const struct fc_jtok *peek(const struct fc_jparser *p)
{
	return cur(p)->kind == FC_JT_END ? cur(p) : cur(p) + 1;
}

struct fc_jnode *fc_jparser_fail(struct fc_jparser *p, uint32_t line, const char *fmt, ...)
{
	char what[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	fc_fail(p->e, "%s:%" PRIu32 ": %s", p->name, line, what);
	return NULL;
}

struct fc_jnode *fc_jparser_unexpected(struct fc_jparser *p)
{
	const struct fc_jtok *t = cur(p);
	char op[3] = {(char)t->op, 0, 0};
	if (t->op > 255) {
		op[0] = (char)(t->op >> 8);
		op[1] = (char)t->op;
	}
	switch (t->kind) {
	case FC_JT_NAME:
		return fc_jparser_fail(p, t->line, "unexpected '%.*s'", (int)t->n, t->p);
	case FC_JT_OP:
		return fc_jparser_fail(p, t->line, "unexpected '%s'", op);
	case FC_JT_CONST:
		return fc_jparser_fail(
		    p, t->line, "unexpected %s", t->value.kind == FC_JV_STR ? "string" : "number");
	case FC_JT_END:
		return fc_jparser_fail(p, t->line, "unexpected end of the template");
	default:
		return fc_jparser_fail(p, t->line, "unexpected end of the tag");
	}
}

bool fc_jparser_is_op(const struct fc_jparser *p, int op)
{
	return cur(p)->kind == FC_JT_OP && cur(p)->op == op;
}

bool fc_jparser_is_name(const struct fc_jparser *p, const char *name)
{
	const struct fc_jtok *t = cur(p);
	return t->kind == FC_JT_NAME && t->n == strlen(name) && !memcmp(t->p, name, t->n);
}

bool fc_jparser_skip_op(struct fc_jparser *p, int op)
{
	bool is = fc_jparser_is_op(p, op);
	p->at += is;
	return is;
}

bool fc_jparser_skip_name(struct fc_jparser *p, const char *name)
{
	bool is = fc_jparser_is_name(p, name);
	p->at += is;
	return is;
}

int fc_jparser_expect_op(struct fc_jparser *p, int op)
{
	if (fc_jparser_skip_op(p, op))
		return 0;
	fc_jparser_unexpected(p);
	return -1;
}

const struct fc_jstr *fc_jparser_name(struct fc_jparser *p)
{
	const struct fc_jtok *t = cur(p);
	if (t->kind != FC_JT_NAME) {
		fc_jparser_unexpected(p);
		return NULL;
	}
	p->at++;
	return fc_jstr_new(p->pool, t->p, t->n, 0);
}

struct fc_jnode *fc_jparser_node(struct fc_jparser *p, enum fc_jnode_kind kind, uint32_t line)
{
	struct fc_jnode *n = fc_jpool_take(p->pool, sizeof *n);
	n->kind = (uint8_t)kind;
	n->line = line;
	n->depth = 1;
	return n;
}

struct fc_jnode *fc_jparser_add(struct fc_jparser *p, struct fc_jnode *n, struct fc_jnode *kid)
{
	if (n->n_kid == n->cap_kid) {
		uint32_t cap = n->cap_kid ? n->cap_kid * 2 : 4;
		n->kid =
		    fc_jpool_grow(p->pool, n->kid, n->n_kid * sizeof *n->kid, cap * sizeof *n->kid);
		n->cap_kid = cap;
	}
	n->kid[n->n_kid++] = kid;
	if (kid && kid->depth >= n->depth)
		n->depth = (uint16_t)(kid->depth + 1);
	if (n->depth > FC_JINJA_NEST_MAX)
		return fc_jparser_fail(p, n->line, "nested too deeply");
	return n;
}

/* A node with one or two kids; NULL where one failed. */
static struct fc_jnode *node_of(struct fc_jparser *p, enum fc_jnode_kind kind, uint32_t line,
    struct fc_jnode *a, struct fc_jnode *b, int n_kid)
{
	if (!a || (n_kid == 2 && !b))
		return NULL;
	struct fc_jnode *n = fc_jparser_node(p, kind, line);
	n = fc_jparser_add(p, n, a);
	return n && n_kid == 2 ? fc_jparser_add(p, n, b) : n;
}

static struct fc_jnode *constant(struct fc_jparser *p, struct fc_jv v, uint32_t line)
{
	struct fc_jnode *n = fc_jparser_node(p, FC_JN_CONST, line);
	n->value = v;
	return n;
}

struct fc_jnode *fc_jparser_expr(struct fc_jparser *p)
{
	if (++p->depth > FC_JINJA_NEST_MAX)
		return fc_jparser_fail(p, cur(p)->line, "nested too deeply");
	struct fc_jnode *n = parse_or(p);
	while (n && fc_jparser_is_name(p, "if")) {
		struct fc_jnode *c = fc_jparser_node(p, FC_JN_COND, cur(p)->line);
		p->at++;
		struct fc_jnode *test = parse_or(p), *other = NULL;
		if (!test)
			return NULL;
		if (fc_jparser_skip_name(p, "else") && !(other = fc_jparser_expr(p)))
			return NULL;
		if (!fc_jparser_add(p, c, test) || !fc_jparser_add(p, c, n))
			return NULL;
		n = fc_jparser_add(p, c, other);
	}
	p->depth--;
	return n;
}

static bool tuple_ends(const struct fc_jparser *p, enum fc_jtuple mode)
{
	const struct fc_jtok *t = cur(p);
	return t->kind == FC_JT_PRINT_END || t->kind == FC_JT_BLOCK_END ||
	    fc_jparser_is_op(p, ')') || (mode == FC_JTUPLE_TARGET && fc_jparser_is_name(p, "in")) ||
	    (mode == FC_JTUPLE_LIST && fc_jparser_is_name(p, "recursive"));
}

static struct fc_jnode *parse_list(struct fc_jparser *p)
{
	struct fc_jnode *n = fc_jparser_node(p, FC_JN_LIST, cur(p)->line);
	p->at++;
	while (!fc_jparser_skip_op(p, ']')) {
		if (n->n_kid && fc_jparser_expect_op(p, ',') < 0)
			return NULL;
		if (fc_jparser_skip_op(p, ']'))
			break;
		struct fc_jnode *item = fc_jparser_expr(p);
		if (!item || !fc_jparser_add(p, n, item))
			return NULL;
	}
	return n;
}

static struct fc_jnode *parse_dict(struct fc_jparser *p)
{
	struct fc_jnode *n = fc_jparser_node(p, FC_JN_DICT, cur(p)->line);
	p->at++;
	while (!fc_jparser_skip_op(p, '}')) {
		if (n->n_kid && fc_jparser_expect_op(p, ',') < 0)
			return NULL;
		if (fc_jparser_skip_op(p, '}'))
			break;
		struct fc_jnode *k = fc_jparser_expr(p);
		if (!k || fc_jparser_expect_op(p, ':') < 0)
			return NULL;
		struct fc_jnode *v = fc_jparser_expr(p);
		if (!v || !fc_jparser_add(p, n, k) || !fc_jparser_add(p, n, v))
			return NULL;
	}
	return n;
}

static struct fc_jnode *parse_string(struct fc_jparser *p)
{
	const struct fc_jtok *t = cur(p);
	size_t n = 0, at = p->at;
	for (; cur(p)->kind == FC_JT_CONST && cur(p)->value.kind == FC_JV_STR; p->at++)
		n += cur(p)->value.s->n;
	if (p->at == at + 1)
		return constant(p, t->value, t->line);
	char *s = fc_jpool_take(p->pool, n);
	for (n = 0; at < p->at; at++) {
		const struct fc_jstr *part = p->tok.v[at].value.s;
		memcpy(s + n, part->p, part->n);
		n += part->n;
	}
	return constant(p, fc_jv_str(fc_jstr_new(p->pool, s, n, 0)), t->line);
}

static struct fc_jnode *parse_name(struct fc_jparser *p, bool target)
{
	const struct fc_jtok *t = cur(p);
	const struct fc_jstr *s = fc_jparser_name(p);
	if (fc_jstr_is(s, "true") || fc_jstr_is(s, "True"))
		return constant(p, fc_jv_bool(true), t->line);
	if (fc_jstr_is(s, "false") || fc_jstr_is(s, "False"))
		return constant(p, fc_jv_bool(false), t->line);
	if (fc_jstr_is(s, "none") || fc_jstr_is(s, "None"))
		return constant(p, fc_jv_none(), t->line);
	bool member = target && fc_jparser_skip_op(p, '.');
	struct fc_jnode *n = fc_jparser_node(p, member ? FC_JN_NSREF : FC_JN_NAME, t->line);
	n->str = s;
	if (member) {
		const struct fc_jstr *attr = fc_jparser_name(p);
		if (!attr)
			return NULL;
		n->value = fc_jv_str(attr);
		return n;
	}
	p->uses |= fc_jstr_is(s, "varargs") ? FC_JN_USES_VARARGS
	    : fc_jstr_is(s, "kwargs")       ? FC_JN_USES_KWARGS
	    : fc_jstr_is(s, "caller")       ? FC_JN_USES_CALLER
					    : 0;
	return n;
}

static struct fc_jnode *parse_primary(struct fc_jparser *p, bool target)
{
	const struct fc_jtok *t = cur(p);
	if (t->kind == FC_JT_NAME)
		return parse_name(p, target);
	if (t->kind == FC_JT_CONST && t->value.kind == FC_JV_STR)
		return parse_string(p);
	if (t->kind == FC_JT_CONST) {
		p->at++;
		return constant(p, t->value, t->line);
	}
	if (fc_jparser_is_op(p, '[') && !target)
		return parse_list(p);
	if (fc_jparser_is_op(p, '{') && !target)
		return parse_dict(p);
	if (!fc_jparser_skip_op(p, '('))
		return fc_jparser_unexpected(p);
	struct fc_jnode *n = fc_jparser_tuple(p, target ? FC_JTUPLE_TARGET : FC_JTUPLE_EXPR, true);
	return n && fc_jparser_expect_op(p, ')') == 0 ? n : NULL;
}

struct fc_jnode *fc_jparser_tuple(struct fc_jparser *p, enum fc_jtuple mode, bool parens)
{
	if (++p->depth > FC_JINJA_NEST_MAX)
		return fc_jparser_fail(p, cur(p)->line, "nested too deeply");
	struct fc_jnode *n = fc_jparser_node(p, FC_JN_TUPLE, cur(p)->line);
	bool is_tuple = false;
	for (;;) {
		if (n->n_kid && fc_jparser_expect_op(p, ',') < 0)
			return NULL;
		if (tuple_ends(p, mode))
			break;
		struct fc_jnode *item = mode == FC_JTUPLE_TARGET ? parse_primary(p, true)
		    : mode == FC_JTUPLE_LIST                     ? parse_or(p)
								 : fc_jparser_expr(p);
		if (!item || !fc_jparser_add(p, n, item))
			return NULL;
		if (!fc_jparser_is_op(p, ','))
			break;
		is_tuple = true;
	}
	p->depth--;
	if (!is_tuple && n->n_kid)
		return n->kid[0];
	return is_tuple || parens ? n : fc_jparser_unexpected(p);
}

/* "(" arguments ")" appended to n. */
static struct fc_jnode *parse_args(struct fc_jparser *p, struct fc_jnode *n)
{
	bool first = true, named = false;
	if (fc_jparser_expect_op(p, '(') < 0)
		return NULL;
	for (; !fc_jparser_skip_op(p, ')'); first = false) {
		if (!first && fc_jparser_expect_op(p, ',') < 0)
			return NULL;
		if (!first && fc_jparser_skip_op(p, ')'))
			break;
		struct fc_jnode *arg = NULL;
		if (fc_jparser_is_op(p, '*') || fc_jparser_is_op(p, FC_JOP('*', '*'))) {
			arg = fc_jparser_node(p,
			    fc_jparser_is_op(p, '*') ? FC_JN_STAR : FC_JN_STARSTAR, cur(p)->line);
			p->at++;
			named = true;
		} else if (cur(p)->kind == FC_JT_NAME && peek(p)->kind == FC_JT_OP &&
		    peek(p)->op == '=') {
			arg = fc_jparser_node(p, FC_JN_KEYWORD, cur(p)->line);
			arg->str = fc_jparser_name(p);
			p->at++;
			named = true;
		} else if (named) {
			return fc_jparser_fail(
			    p, cur(p)->line, "positional argument after a named one");
		}
		struct fc_jnode *v = fc_jparser_expr(p);
		if (!v || (arg && !fc_jparser_add(p, arg, v)) ||
		    !fc_jparser_add(p, n, arg ? arg : v))
			return NULL;
	}
	return n;
}

static struct fc_jnode *parse_subscribed(struct fc_jparser *p)
{
	struct fc_jnode *part[3] = {NULL, NULL, NULL};
	uint32_t line = cur(p)->line;
	if (!fc_jparser_is_op(p, ':')) {
		if (!(part[0] = fc_jparser_expr(p)))
			return NULL;
		if (!fc_jparser_is_op(p, ':'))
			return part[0];
	}
	for (int i = 1; i < 3 && fc_jparser_skip_op(p, ':'); i++) {
		if (fc_jparser_is_op(p, ':') || fc_jparser_is_op(p, ']'))
			continue;
		if (!(part[i] = fc_jparser_expr(p)))
			return NULL;
	}
	struct fc_jnode *n = fc_jparser_node(p, FC_JN_SLICE, line);
	for (int i = 0; i < 3 && n; i++)
		n = fc_jparser_add(p, n, part[i]);
	return n;
}

static struct fc_jnode *parse_postfix(struct fc_jparser *p, struct fc_jnode *n)
{
	while (n) {
		uint32_t line = cur(p)->line;
		if (fc_jparser_skip_op(p, '.')) {
			if (cur(p)->kind == FC_JT_CONST && cur(p)->value.kind == FC_JV_INT) {
				n = node_of(
				    p, FC_JN_ITEM, line, n, constant(p, cur(p)->value, line), 2);
				p->at++;
				continue;
			}
			const struct fc_jstr *name = fc_jparser_name(p);
			if (!name)
				return NULL;
			n = node_of(p, FC_JN_ATTR, line, n, NULL, 1);
			if (n)
				n->str = name;
		} else if (fc_jparser_skip_op(p, '[')) {
			struct fc_jnode *key = parse_subscribed(p);
			if (!key || fc_jparser_expect_op(p, ']') < 0)
				return NULL;
			n = node_of(p, FC_JN_ITEM, line, n, key, 2);
		} else if (fc_jparser_is_op(p, '(')) {
			n = node_of(p, FC_JN_CALL, line, n, NULL, 1);
			if (n)
				n = parse_args(p, n);
		} else {
			break;
		}
	}
	return n;
}

/* Up to and including the name of a filter or test. */
static struct fc_jnode *parse_named(
    struct fc_jparser *p, enum fc_jnode_kind kind, struct fc_jnode *value)
{
	uint32_t line = cur(p)->line;
	const struct fc_jstr *name = fc_jparser_name(p);
	if (!name)
		return NULL;
	struct fc_jnode *n = fc_jparser_node(p, kind, line);
	n->str = name;
	bool filter = kind == FC_JN_FILTER;
	n->fn = filter ? fc_jinja_filter(name->p, name->n) : fc_jinja_test(name->p, name->n);
	if (!n->fn)
		return fc_jparser_fail(p, line, "there is no %s '%.*s'", filter ? "filter" : "test",
		    (int)name->n, name->p);
	return fc_jparser_add(p, n, value);
}

static struct fc_jnode *parse_filter(struct fc_jparser *p, struct fc_jnode *value)
{
	struct fc_jnode *n = parse_named(p, FC_JN_FILTER, value);
	return n && fc_jparser_is_op(p, '(') ? parse_args(p, n) : n;
}

struct fc_jnode *fc_jparser_filters(struct fc_jparser *p, bool started)
{
	struct fc_jnode *n = NULL;
	while (started || fc_jparser_skip_op(p, '|')) {
		started = false;
		if (!(n = parse_filter(p, n)))
			return NULL;
	}
	return n;
}

static struct fc_jnode *parse_test(struct fc_jparser *p, struct fc_jnode *value)
{
	uint32_t line = cur(p)->line;
	bool negated = fc_jparser_skip_name(p, "not");
	struct fc_jnode *n = parse_named(p, FC_JN_TEST, value);
	if (!n)
		return NULL;
	const struct fc_jtok *t = cur(p);
	if (fc_jparser_is_op(p, '(')) {
		n = parse_args(p, n);
	} else if (fc_jparser_is_name(p, "is")) {
		return fc_jparser_fail(p, t->line, "tests can't be chained with is");
	} else if (t->kind == FC_JT_CONST || fc_jparser_is_op(p, '[') || fc_jparser_is_op(p, '{') ||
	    (t->kind == FC_JT_NAME && !fc_jparser_is_name(p, "else") &&
		!fc_jparser_is_name(p, "or") && !fc_jparser_is_name(p, "and"))) {
		struct fc_jnode *arg = parse_primary(p, false);
		if (!arg || !(arg = parse_postfix(p, arg)))
			return NULL;
		n = fc_jparser_add(p, n, arg);
	}
	return negated ? node_of(p, FC_JN_NOT, line, n, NULL, 1) : n;
}

static struct fc_jnode *parse_unary(struct fc_jparser *p, bool with_filter)
{
	uint32_t line = cur(p)->line;
	struct fc_jnode *n;
	if (++p->depth > FC_JINJA_NEST_MAX)
		return fc_jparser_fail(p, line, "nested too deeply");
	if (fc_jparser_skip_op(p, '-'))
		n = node_of(p, FC_JN_NEG, line, parse_unary(p, false), NULL, 1);
	else if (fc_jparser_skip_op(p, '+'))
		n = node_of(p, FC_JN_POS, line, parse_unary(p, false), NULL, 1);
	else
		n = parse_primary(p, false);
	n = parse_postfix(p, n);
	while (n && with_filter) {
		line = cur(p)->line;
		if (fc_jparser_skip_op(p, '|'))
			n = parse_filter(p, n);
		else if (fc_jparser_skip_name(p, "is"))
			n = parse_test(p, n);
		else if (fc_jparser_is_op(p, '('))
			n = (n = node_of(p, FC_JN_CALL, line, n, NULL, 1)) ? parse_args(p, n)
									   : NULL;
		else
			break;
	}
	p->depth--;
	return n;
}

static struct fc_jnode *binary(struct fc_jparser *p, struct fc_jnode *left,
    struct fc_jnode *(*next)(struct fc_jparser *p), const int *ops)
{
	while (left && cur(p)->kind == FC_JT_OP) {
		int op = cur(p)->op;
		const int *k = ops;
		while (*k && *k != op)
			k++;
		if (!*k)
			break;
		uint32_t line = cur(p)->line;
		p->at++;
		left = node_of(p, FC_JN_BINARY, line, left, next(p), 2);
		if (left)
			left->op = op;
	}
	return left;
}

static struct fc_jnode *parse_signed(struct fc_jparser *p)
{
	return parse_unary(p, true);
}

static struct fc_jnode *parse_pow(struct fc_jparser *p)
{
	static const int ops[] = {FC_JOP('*', '*'), 0};
	return binary(p, parse_signed(p), parse_signed, ops);
}

static struct fc_jnode *parse_product(struct fc_jparser *p)
{
	static const int ops[] = {'*', '/', FC_JOP('/', '/'), '%', 0};
	return binary(p, parse_pow(p), parse_pow, ops);
}

static struct fc_jnode *parse_concat(struct fc_jparser *p)
{
	uint32_t line = cur(p)->line;
	struct fc_jnode *n = parse_product(p);
	if (!n || !fc_jparser_is_op(p, '~'))
		return n;
	struct fc_jnode *cat = node_of(p, FC_JN_CONCAT, line, n, NULL, 1);
	while (cat && fc_jparser_skip_op(p, '~')) {
		n = parse_product(p);
		cat = n ? fc_jparser_add(p, cat, n) : NULL;
	}
	return cat;
}

static struct fc_jnode *parse_sum(struct fc_jparser *p)
{
	static const int ops[] = {'+', '-', 0};
	return binary(p, parse_concat(p), parse_concat, ops);
}

/* The comparison operator here, consumed; 0: none. */
static int take_comparison(struct fc_jparser *p)
{
	const struct fc_jtok *t = cur(p);
	if (fc_jparser_skip_name(p, "in"))
		return FC_JOP_IN;
	if (fc_jparser_is_name(p, "not")) {
		p->at++;
		if (fc_jparser_skip_name(p, "in"))
			return FC_JOP_NOT_IN;
		p->at--;
		return 0;
	}
	if (t->kind != FC_JT_OP ||
	    !(t->op == '<' || t->op == '>' || (t->op > 255 && (t->op & 255) == '=')))
		return 0;
	p->at++;
	return t->op;
}

static struct fc_jnode *parse_compare(struct fc_jparser *p)
{
	struct fc_jnode *n = parse_sum(p), *all = NULL;
	for (int op; n;) {
		uint32_t line = cur(p)->line;
		if (!(op = take_comparison(p)))
			break;
		if (!all && !(all = node_of(p, FC_JN_COMPARE, line, n, NULL, 1)))
			return NULL;
		struct fc_jnode *operand = node_of(p, FC_JN_OPERAND, line, parse_sum(p), NULL, 1);
		if (!operand)
			return NULL;
		operand->op = op;
		n = fc_jparser_add(p, all, operand);
	}
	return n;
}

static struct fc_jnode *parse_not(struct fc_jparser *p)
{
	uint32_t line = cur(p)->line;
	int n_not = 0;
	while (fc_jparser_skip_name(p, "not"))
		n_not++;
	struct fc_jnode *n = parse_compare(p);
	while (n && n_not-- > 0)
		n = node_of(p, FC_JN_NOT, line, n, NULL, 1);
	return n;
}

static struct fc_jnode *parse_and(struct fc_jparser *p)
{
	struct fc_jnode *n = parse_not(p);
	while (n && fc_jparser_is_name(p, "and")) {
		uint32_t line = cur(p)->line;
		p->at++;
		n = node_of(p, FC_JN_AND, line, n, parse_not(p), 2);
	}
	return n;
}

static struct fc_jnode *parse_or(struct fc_jparser *p)
{
	struct fc_jnode *n = parse_and(p);
	while (n && fc_jparser_is_name(p, "or")) {
		uint32_t line = cur(p)->line;
		p->at++;
		n = node_of(p, FC_JN_OR, line, n, parse_and(p), 2);
	}
	return n;
}
