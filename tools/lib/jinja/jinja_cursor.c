/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "jinja/jinja_impl.h"

/* Where the parser is in the tokens, and the nodes it makes. */

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
	const struct fc_jtok *t = fc_jparser_cur(p);
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
	return fc_jparser_cur(p)->kind == FC_JT_OP && fc_jparser_cur(p)->op == op;
}

bool fc_jparser_is_name(const struct fc_jparser *p, const char *name)
{
	const struct fc_jtok *t = fc_jparser_cur(p);
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
	const struct fc_jtok *t = fc_jparser_cur(p);
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

struct fc_jnode *fc_jparser_node_of(struct fc_jparser *p, enum fc_jnode_kind kind, uint32_t line,
    struct fc_jnode *a, struct fc_jnode *b, int n_kid)
{
	if (!a || (n_kid == 2 && !b))
		return NULL;
	struct fc_jnode *n = fc_jparser_node(p, kind, line);
	n = fc_jparser_add(p, n, a);
	return n && n_kid == 2 ? fc_jparser_add(p, n, b) : n;
}
