/* SPDX-License-Identifier: Apache-2.0 */
#include "jinja/jinja_impl.h"

/* Operators, by jinja2's precedence: if, or, and, not, comparisons, + -, ~, * / // %, **. */

static struct fc_jnode *binary(struct fc_jparser *p, struct fc_jnode *left,
    struct fc_jnode *(*next)(struct fc_jparser *p), const int *ops)
{
	while (left && fc_jparser_cur(p)->kind == FC_JT_OP) {
		int op = fc_jparser_cur(p)->op;
		const int *k = ops;
		while (*k && *k != op)
			k++;
		if (!*k)
			break;
		uint32_t line = fc_jparser_cur(p)->line;
		p->at++;
		left = fc_jparser_node_of(p, FC_JN_BINARY, line, left, next(p), 2);
		if (left)
			left->op = op;
	}
	return left;
}

static struct fc_jnode *parse_signed(struct fc_jparser *p)
{
	return fc_jparser_unary(p, true);
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
	uint32_t line = fc_jparser_cur(p)->line;
	struct fc_jnode *n = parse_product(p);
	if (!n || !fc_jparser_is_op(p, '~'))
		return n;
	struct fc_jnode *cat = fc_jparser_node_of(p, FC_JN_CONCAT, line, n, NULL, 1);
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
	const struct fc_jtok *t = fc_jparser_cur(p);
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
		uint32_t line = fc_jparser_cur(p)->line;
		if (!(op = take_comparison(p)))
			break;
		if (!all && !(all = fc_jparser_node_of(p, FC_JN_COMPARE, line, n, NULL, 1)))
			return NULL;
		struct fc_jnode *operand =
		    fc_jparser_node_of(p, FC_JN_OPERAND, line, parse_sum(p), NULL, 1);
		if (!operand)
			return NULL;
		operand->op = op;
		n = fc_jparser_add(p, all, operand);
	}
	return n;
}

static struct fc_jnode *parse_not(struct fc_jparser *p)
{
	uint32_t line = fc_jparser_cur(p)->line;
	int n_not = 0;
	while (fc_jparser_skip_name(p, "not"))
		n_not++;
	struct fc_jnode *n = parse_compare(p);
	while (n && n_not-- > 0)
		n = fc_jparser_node_of(p, FC_JN_NOT, line, n, NULL, 1);
	return n;
}

static struct fc_jnode *parse_and(struct fc_jparser *p)
{
	struct fc_jnode *n = parse_not(p);
	while (n && fc_jparser_is_name(p, "and")) {
		uint32_t line = fc_jparser_cur(p)->line;
		p->at++;
		n = fc_jparser_node_of(p, FC_JN_AND, line, n, parse_not(p), 2);
	}
	return n;
}

struct fc_jnode *fc_jparser_or(struct fc_jparser *p)
{
	struct fc_jnode *n = parse_and(p);
	while (n && fc_jparser_is_name(p, "or")) {
		uint32_t line = fc_jparser_cur(p)->line;
		p->at++;
		n = fc_jparser_node_of(p, FC_JN_OR, line, n, parse_and(p), 2);
	}
	return n;
}

struct fc_jnode *fc_jparser_expr(struct fc_jparser *p)
{
	if (++p->depth > FC_JINJA_NEST_MAX)
		return fc_jparser_fail(p, fc_jparser_cur(p)->line, "nested too deeply");
	struct fc_jnode *n = fc_jparser_or(p);
	while (n && fc_jparser_is_name(p, "if")) {
		struct fc_jnode *c = fc_jparser_node(p, FC_JN_COND, fc_jparser_cur(p)->line);
		p->at++;
		struct fc_jnode *test = fc_jparser_or(p), *other = NULL;
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
