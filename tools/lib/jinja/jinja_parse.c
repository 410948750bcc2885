/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "jinja/jinja_impl.h"

/* Statements. */

static struct fc_jnode *parse_body(struct fc_jparser *p, const char *const *until, int n_until);

static int end_tag(struct fc_jparser *p)
{
	if (fc_jparser_cur(p)->kind == FC_JT_BLOCK_END) {
		p->at++;
		return 0;
	}
	fc_jparser_unexpected(p);
	return -1;
}

/* After a tag's last word: its end, and the statements up to {% end %}, which is consumed. */
static struct fc_jnode *parse_block(struct fc_jparser *p, const char *end)
{
	if (end_tag(p) < 0)
		return NULL;
	struct fc_jnode *body = parse_body(p, &end, 1);
	if (!body)
		return NULL;
	p->at++;
	return end_tag(p) == 0 ? body : NULL;
}

/* Parses up to the end tag a body whose output is caught: break and continue can't leave it. */
static struct fc_jnode *parse_caught(struct fc_jparser *p, const char *end)
{
	int loops = p->loops;
	p->loops = 0;
	struct fc_jnode *body = parse_block(p, end);
	p->loops = loops;
	return body;
}

/* Appends several kids, each given; NULL where one failed before. */
static struct fc_jnode *add2(
    struct fc_jparser *p, struct fc_jnode *n, struct fc_jnode *a, struct fc_jnode *b)
{
	return fc_jparser_add(p, n, a) ? fc_jparser_add(p, n, b) : NULL;
}

static bool can_assign(const struct fc_jnode *n)
{
	if (n->kind != FC_JN_TUPLE)
		return n->kind == FC_JN_NAME || n->kind == FC_JN_NSREF;
	for (uint32_t i = 0; i < n->n_kid; i++)
		if (!can_assign(n->kid[i]))
			return false;
	return true;
}

static struct fc_jnode *parse_target(struct fc_jparser *p)
{
	unsigned uses = p->uses;
	uint32_t line = fc_jparser_cur(p)->line;
	struct fc_jnode *n = fc_jparser_tuple(p, FC_JTUPLE_TARGET, false);
	p->uses = uses;
	if (n && !can_assign(n))
		return fc_jparser_fail(p, line, "this can't be assigned to");
	return n;
}

static struct fc_jnode *parse_for(struct fc_jparser *p, uint32_t line)
{
	static const char *const inner[] = {"endfor", "else"};
	struct fc_jnode *n = fc_jparser_node(p, FC_JN_FOR, line);
	struct fc_jnode *target = parse_target(p), *test = NULL, *otherwise = NULL;
	if (!target)
		return NULL;
	if (!fc_jparser_skip_name(p, "in"))
		return fc_jparser_unexpected(p);
	struct fc_jnode *list = fc_jparser_tuple(p, FC_JTUPLE_LIST, false);
	if (!list)
		return NULL;
	if (fc_jparser_skip_name(p, "if") && !(test = fc_jparser_expr(p)))
		return NULL;
	n->op = fc_jparser_skip_name(p, "recursive");
	if (end_tag(p) < 0)
		return NULL;
	p->loops++;
	struct fc_jnode *body = parse_body(p, inner, 2);
	p->loops--;
	if (!body)
		return NULL;
	if (fc_jparser_skip_name(p, "else")) {
		if (!(otherwise = parse_block(p, "endfor")))
			return NULL;
	} else {
		p->at++;
		if (end_tag(p) < 0)
			return NULL;
	}
	if (!add2(p, n, target, list) || !add2(p, n, test, body))
		return NULL;
	return fc_jparser_add(p, n, otherwise);
}

static struct fc_jnode *parse_if(struct fc_jparser *p, uint32_t line)
{
	static const char *const inner[] = {"elif", "else", "endif"};
	struct fc_jnode *n = fc_jparser_node(p, FC_JN_IF, line);
	for (;;) {
		struct fc_jnode *test = fc_jparser_tuple(p, FC_JTUPLE_LIST, false);
		if (!test || end_tag(p) < 0)
			return NULL;
		struct fc_jnode *body = parse_body(p, inner, 3);
		if (!body || !add2(p, n, test, body))
			return NULL;
		if (fc_jparser_skip_name(p, "elif"))
			continue;
		if (fc_jparser_skip_name(p, "else")) {
			body = parse_block(p, "endif");
			return body ? fc_jparser_add(p, n, body) : NULL;
		}
		p->at++;
		return end_tag(p) == 0 ? n : NULL;
	}
}

static struct fc_jnode *parse_set(struct fc_jparser *p, uint32_t line)
{
	struct fc_jnode *target = parse_target(p);
	if (!target)
		return NULL;
	if (fc_jparser_skip_op(p, '=')) {
		struct fc_jnode *v = fc_jparser_tuple(p, FC_JTUPLE_EXPR, false);
		if (!v || end_tag(p) < 0)
			return NULL;
		return add2(p, fc_jparser_node(p, FC_JN_SET, line), target, v);
	}
	struct fc_jnode *filters = NULL;
	if (fc_jparser_is_op(p, '|') && !(filters = fc_jparser_filters(p, false)))
		return NULL;
	struct fc_jnode *body = parse_caught(p, "endset");
	struct fc_jnode *n = fc_jparser_node(p, FC_JN_SETBLOCK, line);
	if (!body || !add2(p, n, target, filters))
		return NULL;
	return fc_jparser_add(p, n, body);
}

/* "(a, b=1)" as FC_JN_PARAMs of macro n, after its body, which is not read yet. */
static int parse_params(struct fc_jparser *p, struct fc_jnode *n)
{
	bool defaults = false;
	if (fc_jparser_expect_op(p, '(') < 0)
		return -1;
	for (bool first = true; !fc_jparser_skip_op(p, ')'); first = false) {
		if (!first && fc_jparser_expect_op(p, ',') < 0)
			return -1;
		struct fc_jnode *param = fc_jparser_node(p, FC_JN_PARAM, fc_jparser_cur(p)->line),
				*v = NULL;
		if (!(param->str = fc_jparser_name(p)))
			return -1;
		if (fc_jparser_skip_op(p, '=')) {
			defaults = true;
			if (!(v = fc_jparser_expr(p)))
				return -1;
		} else if (defaults) {
			fc_jparser_fail(
			    p, param->line, "parameter without a default after one with it");
			return -1;
		}
		if (!fc_jparser_add(p, param, v) || !fc_jparser_add(p, n, param))
			return -1;
	}
	return 0;
}

static struct fc_jnode *parse_macro_body(struct fc_jparser *p, struct fc_jnode *n, const char *end)
{
	unsigned uses = p->uses;
	p->uses = 0;
	struct fc_jnode *body = parse_caught(p, end);
	if (!body)
		return NULL;
	n->kid[0] = body;
	n->depth = n->depth > body->depth ? n->depth : (uint16_t)(body->depth + 1);
	n->uses = (uint8_t)p->uses;
	p->uses |= uses;
	return n;
}

static struct fc_jnode *parse_macro(struct fc_jparser *p, uint32_t line)
{
	struct fc_jnode *n = fc_jparser_node(p, FC_JN_MACRO, line);
	if (!(n->str = fc_jparser_name(p)))
		return NULL;
	fc_jparser_add(p, n, NULL); /* the body's place */
	return parse_params(p, n) == 0 ? parse_macro_body(p, n, "endmacro") : NULL;
}

static struct fc_jnode *parse_call_block(struct fc_jparser *p, uint32_t line)
{
	struct fc_jnode *macro = fc_jparser_node(p, FC_JN_MACRO, line);
	macro->str = fc_jstr_new(p->pool, "caller", 6, 0);
	fc_jparser_add(p, macro, NULL);
	if (fc_jparser_is_op(p, '(') && parse_params(p, macro) < 0)
		return NULL;
	struct fc_jnode *call = fc_jparser_expr(p);
	if (call && call->kind != FC_JN_CALL)
		return fc_jparser_fail(p, line, "{%% call %%} needs a call");
	if (!call || !parse_macro_body(p, macro, "endcall"))
		return NULL;
	return add2(p, fc_jparser_node(p, FC_JN_CALLBLOCK, line), call, macro);
}

static struct fc_jnode *parse_filter_block(struct fc_jparser *p, uint32_t line)
{
	struct fc_jnode *filters = fc_jparser_filters(p, true);
	struct fc_jnode *body = filters ? parse_caught(p, "endfilter") : NULL;
	return body ? add2(p, fc_jparser_node(p, FC_JN_FILTERBLOCK, line), filters, body) : NULL;
}

static struct fc_jnode *parse_with(struct fc_jparser *p, uint32_t line)
{
	struct fc_jnode *n = fc_jparser_node(p, FC_JN_WITH, line);
	fc_jparser_add(p, n, NULL);
	while (fc_jparser_cur(p)->kind != FC_JT_BLOCK_END) {
		if (n->n_kid > 1 && fc_jparser_expect_op(p, ',') < 0)
			return NULL;
		struct fc_jnode *target = fc_jparser_node(p, FC_JN_NAME, fc_jparser_cur(p)->line);
		if (!(target->str = fc_jparser_name(p)) || fc_jparser_expect_op(p, '=') < 0)
			return NULL;
		struct fc_jnode *v = fc_jparser_expr(p);
		if (!v || !add2(p, n, target, v))
			return NULL;
	}
	struct fc_jnode *body = parse_block(p, "endwith");
	if (!body)
		return NULL;
	n->kid[0] = body;
	n->depth = n->depth > body->depth ? n->depth : (uint16_t)(body->depth + 1);
	return n;
}

static struct fc_jnode *parse_jump(struct fc_jparser *p, enum fc_jnode_kind kind, uint32_t line)
{
	if (!p->loops)
		return fc_jparser_fail(p, line, "{%% %s %%} outside of a loop",
		    kind == FC_JN_BREAK ? "break" : "continue");
	return end_tag(p) == 0 ? fc_jparser_node(p, kind, line) : NULL;
}

static struct fc_jnode *parse_statement(struct fc_jparser *p)
{
	static const char *const refused[] = {
	    "include", "import", "from", "extends", "block", "do", "autoescape", "trans", "print"};
	uint32_t line = fc_jparser_cur(p)->line;
	if (fc_jparser_cur(p)->kind != FC_JT_NAME)
		return fc_jparser_unexpected(p);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		if (fc_jparser_is_name(p, refused[i]))
			return fc_jparser_fail(p, line, "{%% %s %%} is not supported", refused[i]);
	if (fc_jparser_skip_name(p, "for"))
		return parse_for(p, line);
	if (fc_jparser_skip_name(p, "if"))
		return parse_if(p, line);
	if (fc_jparser_skip_name(p, "set"))
		return parse_set(p, line);
	if (fc_jparser_skip_name(p, "macro"))
		return parse_macro(p, line);
	if (fc_jparser_skip_name(p, "call"))
		return parse_call_block(p, line);
	if (fc_jparser_skip_name(p, "filter"))
		return parse_filter_block(p, line);
	if (fc_jparser_skip_name(p, "with"))
		return parse_with(p, line);
	if (fc_jparser_skip_name(p, "break"))
		return parse_jump(p, FC_JN_BREAK, line);
	if (fc_jparser_skip_name(p, "continue"))
		return parse_jump(p, FC_JN_CONTINUE, line);
	if (fc_jparser_skip_name(p, "generation")) {
		struct fc_jnode *body = parse_caught(p, "endgeneration");
		return body ? fc_jparser_add(p, fc_jparser_node(p, FC_JN_GENERATION, line), body)
			    : NULL;
	}
	return fc_jparser_fail(
	    p, line, "unknown tag '%.*s'", (int)fc_jparser_cur(p)->n, fc_jparser_cur(p)->p);
}

static bool ends_here(const struct fc_jparser *p, const char *const *until, int n_until)
{
	for (int i = 0; i < n_until; i++)
		if (fc_jparser_is_name(p, until[i]))
			return true;
	return false;
}

static struct fc_jnode *parse_print(struct fc_jparser *p, uint32_t line)
{
	struct fc_jnode *v = fc_jparser_tuple(p, FC_JTUPLE_EXPR, false);
	if (!v)
		return NULL;
	if (fc_jparser_cur(p)->kind != FC_JT_PRINT_END)
		return fc_jparser_unexpected(p);
	p->at++;
	return fc_jparser_add(p, fc_jparser_node(p, FC_JN_PRINT, line), v);
}

/* Statements up to a tag with one of the words of until, at which it stops; n_until 0: to the end
 * of the template. */
static struct fc_jnode *parse_body(struct fc_jparser *p, const char *const *until, int n_until)
{
	struct fc_jnode *body = fc_jparser_node(p, FC_JN_BODY, fc_jparser_cur(p)->line);
	if (++p->depth > FC_JINJA_NEST_MAX)
		return fc_jparser_fail(p, fc_jparser_cur(p)->line, "nested too deeply");
	for (;;) {
		const struct fc_jtok *t = fc_jparser_cur(p);
		struct fc_jnode *n = NULL;
		if (t->kind == FC_JT_END) {
			if (n_until)
				return fc_jparser_fail(p, t->line,
				    "the template ends where {%% %s %%} was expected",
				    until[n_until - 1]);
			break;
		}
		p->at++;
		if (t->kind == FC_JT_DATA) {
			n = fc_jparser_node(p, FC_JN_DATA, t->line);
			n->str = fc_jstr_new(p->pool, t->p, t->n, 0);
		} else if (t->kind == FC_JT_PRINT) {
			n = parse_print(p, t->line);
		} else {
			if (ends_here(p, until, n_until))
				break;
			n = parse_statement(p);
		}
		if (!n || !fc_jparser_add(p, body, n))
			return NULL;
	}
	p->depth--;
	return body;
}

struct fc_jnode *fc_jinja_parse(struct fc_jparser *p)
{
	return parse_body(p, NULL, 0);
}
