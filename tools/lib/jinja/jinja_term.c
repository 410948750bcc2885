/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "jinja/jinja_impl.h"

/* What operators stand between: names, literals and tuples, with their members, calls, filters and
 * tests. */

static struct fc_jnode *constant(struct fc_jparser *p, struct fc_jv v, uint32_t line)
{
	struct fc_jnode *n = fc_jparser_node(p, FC_JN_CONST, line);
	n->value = v;
	return n;
}

static bool tuple_ends(const struct fc_jparser *p, enum fc_jtuple mode)
{
	const struct fc_jtok *t = fc_jparser_cur(p);
	return t->kind == FC_JT_PRINT_END || t->kind == FC_JT_BLOCK_END ||
	    fc_jparser_is_op(p, ')') || (mode == FC_JTUPLE_TARGET && fc_jparser_is_name(p, "in")) ||
	    (mode == FC_JTUPLE_LIST && fc_jparser_is_name(p, "recursive"));
}

static struct fc_jnode *parse_list(struct fc_jparser *p)
{
	struct fc_jnode *n = fc_jparser_node(p, FC_JN_LIST, fc_jparser_cur(p)->line);
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
	struct fc_jnode *n = fc_jparser_node(p, FC_JN_DICT, fc_jparser_cur(p)->line);
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
	const struct fc_jtok *t = fc_jparser_cur(p);
	size_t n = 0, at = p->at;
	for (; fc_jparser_cur(p)->kind == FC_JT_CONST && fc_jparser_cur(p)->value.kind == FC_JV_STR;
	     p->at++)
		n += fc_jparser_cur(p)->value.s->n;
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
	const struct fc_jtok *t = fc_jparser_cur(p);
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
	const struct fc_jtok *t = fc_jparser_cur(p);
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
		return fc_jparser_fail(p, fc_jparser_cur(p)->line, "nested too deeply");
	struct fc_jnode *n = fc_jparser_node(p, FC_JN_TUPLE, fc_jparser_cur(p)->line);
	bool is_tuple = false;
	for (;;) {
		if (n->n_kid && fc_jparser_expect_op(p, ',') < 0)
			return NULL;
		if (tuple_ends(p, mode))
			break;
		struct fc_jnode *item = mode == FC_JTUPLE_TARGET ? parse_primary(p, true)
		    : mode == FC_JTUPLE_LIST                     ? fc_jparser_or(p)
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
			    fc_jparser_is_op(p, '*') ? FC_JN_STAR : FC_JN_STARSTAR,
			    fc_jparser_cur(p)->line);
			p->at++;
			named = true;
		} else if (fc_jparser_cur(p)->kind == FC_JT_NAME &&
		    fc_jparser_cur(p)[1].kind == FC_JT_OP && fc_jparser_cur(p)[1].op == '=') {
			arg = fc_jparser_node(p, FC_JN_KEYWORD, fc_jparser_cur(p)->line);
			arg->str = fc_jparser_name(p);
			p->at++;
			named = true;
		} else if (named) {
			return fc_jparser_fail(
			    p, fc_jparser_cur(p)->line, "positional argument after a named one");
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
	uint32_t line = fc_jparser_cur(p)->line;
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
		uint32_t line = fc_jparser_cur(p)->line;
		if (fc_jparser_skip_op(p, '.')) {
			if (fc_jparser_cur(p)->kind == FC_JT_CONST &&
			    fc_jparser_cur(p)->value.kind == FC_JV_INT) {
				n = fc_jparser_node_of(p, FC_JN_ITEM, line, n,
				    constant(p, fc_jparser_cur(p)->value, line), 2);
				p->at++;
				continue;
			}
			const struct fc_jstr *name = fc_jparser_name(p);
			if (!name)
				return NULL;
			n = fc_jparser_node_of(p, FC_JN_ATTR, line, n, NULL, 1);
			if (n)
				n->str = name;
		} else if (fc_jparser_skip_op(p, '[')) {
			struct fc_jnode *key = parse_subscribed(p);
			if (!key || fc_jparser_expect_op(p, ']') < 0)
				return NULL;
			n = fc_jparser_node_of(p, FC_JN_ITEM, line, n, key, 2);
		} else if (fc_jparser_is_op(p, '(')) {
			n = fc_jparser_node_of(p, FC_JN_CALL, line, n, NULL, 1);
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
	uint32_t line = fc_jparser_cur(p)->line;
	const struct fc_jstr *name = fc_jparser_name(p);
	if (!name)
		return NULL;
	struct fc_jnode *n = fc_jparser_node(p, kind, line);
	n->str = name;
	/* an unknown one is an error when it is reached: templates ask for what another engine has
	 */
	n->fn = kind == FC_JN_FILTER ? fc_jinja_filter(name->p, name->n)
				     : fc_jinja_test(name->p, name->n);
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
	uint32_t line = fc_jparser_cur(p)->line;
	bool negated = fc_jparser_skip_name(p, "not");
	struct fc_jnode *n = parse_named(p, FC_JN_TEST, value);
	if (!n)
		return NULL;
	const struct fc_jtok *t = fc_jparser_cur(p);
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
	return negated ? fc_jparser_node_of(p, FC_JN_NOT, line, n, NULL, 1) : n;
}

struct fc_jnode *fc_jparser_unary(struct fc_jparser *p, bool with_filter)
{
	uint32_t line = fc_jparser_cur(p)->line;
	struct fc_jnode *n;
	if (++p->depth > FC_JINJA_NEST_MAX)
		return fc_jparser_fail(p, line, "nested too deeply");
	if (fc_jparser_skip_op(p, '-'))
		n = fc_jparser_node_of(p, FC_JN_NEG, line, fc_jparser_unary(p, false), NULL, 1);
	else if (fc_jparser_skip_op(p, '+'))
		n = fc_jparser_node_of(p, FC_JN_POS, line, fc_jparser_unary(p, false), NULL, 1);
	else
		n = parse_primary(p, false);
	n = parse_postfix(p, n);
	while (n && with_filter) {
		line = fc_jparser_cur(p)->line;
		if (fc_jparser_skip_op(p, '|'))
			n = parse_filter(p, n);
		else if (fc_jparser_skip_name(p, "is"))
			n = parse_test(p, n);
		else if (fc_jparser_is_op(p, '('))
			n = (n = fc_jparser_node_of(p, FC_JN_CALL, line, n, NULL, 1))
			    ? parse_args(p, n)
			    : NULL;
		else
			break;
	}
	p->depth--;
	return n;
}
