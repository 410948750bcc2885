/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "jinja/jinja_impl.h"

/* Statements and loops.  for, macro and everything that catches its output open a scope,
 * if does not: what a loop's body sets is gone after it. */

static int assign(struct fc_jx *x, const struct fc_jnode *target, struct fc_jv v)
{
	if (target->kind == FC_JN_NAME) {
		fc_jframe_set(x, x->frame, target->str, v);
		return 0;
	}
	if (target->kind == FC_JN_NSREF) {
		struct fc_jv ns = fc_jx_lookup(x, target->str);
		if (ns.kind != FC_JV_NAMESPACE)
			return fc_jx_fail(x, "cannot assign attribute on non-namespace object");
		return fc_jv_put(x, ns, target->value, v);
	}
	struct fc_jlist *l;
	if (fc_jv_items(x, v, &l) < 0)
		return -1;
	if (l->n > target->n_kid)
		return fc_jx_fail(x, "too many values to unpack (expected %u)", target->n_kid);
	if (l->n < target->n_kid)
		return fc_jx_fail(
		    x, "not enough values to unpack (expected %u, got %u)", target->n_kid, l->n);
	for (uint32_t i = 0; i < l->n; i++)
		if (assign(x, target->kid[i], l->v[i]) < 0)
			return -1;
	return 0;
}

int fc_jx_capture(
    struct fc_jx *x, const struct fc_jnode *body, struct fc_jframe *up, const struct fc_jstr **text)
{
	struct fc_jcat c = {0}, *out = x->out;
	struct fc_jframe *frame = x->frame;
	fc_jframe_push(x, up);
	x->out = &c;
	int ret = fc_jx_exec(x, body);
	x->out = out;
	x->frame = frame;
	*text = fc_jcat_str(x, &c);
	return ret;
}

int fc_jloop_fill(struct fc_jx *x, struct fc_jloop *l, uint32_t n)
{
	struct fc_jframe *frame = x->frame;
	for (; l->rest && l->list->n < n && l->i_rest < l->rest->n; l->i_rest++) {
		struct fc_jv v, item = l->rest->v[l->i_rest];
		fc_jframe_push(x, l->frame);
		if (assign(x, l->node->kid[0], item) < 0 || fc_jx_eval(x, l->node->kid[2], &v) < 0)
			return -1;
		if (fc_jv_true(v))
			if (fc_jv_append(
				x, (struct fc_jv){.kind = FC_JV_LIST, .list = l->list}, item) < 0)
				return -1;
	}
	x->frame = frame;
	return 0;
}

static int loop_attr(
    struct fc_jx *x, struct fc_jloop *l, const struct fc_jstr *name, struct fc_jv *out)
{
	bool peeks = fc_jstr_is(name, "last") || fc_jstr_is(name, "nextitem");
	bool counts = fc_jstr_is(name, "length") || fc_jstr_is(name, "revindex") ||
	    fc_jstr_is(name, "revindex0");
	if ((peeks || counts) && fc_jloop_fill(x, l, counts ? UINT32_MAX : l->i + 2) < 0)
		return -1;
	int64_t i = l->i, n = l->list->n;
	if (fc_jstr_is(name, "index0"))
		*out = fc_jv_int(i);
	else if (fc_jstr_is(name, "index"))
		*out = fc_jv_int(i + 1);
	else if (fc_jstr_is(name, "revindex0"))
		*out = fc_jv_int(n - i - 1);
	else if (fc_jstr_is(name, "revindex"))
		*out = fc_jv_int(n - i);
	else if (fc_jstr_is(name, "first"))
		*out = fc_jv_bool(i == 0);
	else if (fc_jstr_is(name, "last"))
		*out = fc_jv_bool(i == n - 1);
	else if (fc_jstr_is(name, "length"))
		*out = fc_jv_int(n);
	else if (fc_jstr_is(name, "depth"))
		*out = fc_jv_int(l->depth + 1);
	else if (fc_jstr_is(name, "depth0"))
		*out = fc_jv_int(l->depth);
	else if (fc_jstr_is(name, "previtem"))
		*out = i > 0 ? l->list->v[i - 1] : fc_jv_undefined(x, NULL, name);
	else if (fc_jstr_is(name, "nextitem"))
		*out = i + 1 < n ? l->list->v[i + 1] : fc_jv_undefined(x, NULL, name);
	return 0;
}

int fc_jx_attr(struct fc_jx *x, struct fc_jv v, const struct fc_jstr *name, struct fc_jv *out)
{
	*out = (struct fc_jv){.kind = FC_JV_MISSING};
	if (v.kind == FC_JV_LOOP && loop_attr(x, v.loop, name, out) < 0)
		return -1;
	return out->kind == FC_JV_MISSING ? fc_jv_attr(x, v, name, out) : 0;
}

int fc_jx_item(struct fc_jx *x, struct fc_jv v, struct fc_jv key, struct fc_jv *out)
{
	if (v.kind == FC_JV_LOOP && key.kind == FC_JV_STR)
		return fc_jx_attr(x, v, key.s, out);
	return fc_jv_item(x, v, key, out);
}

static int loop_new(struct fc_jx *x, const struct fc_jnode *n, struct fc_jframe *frame,
    struct fc_jlist *items, struct fc_jloop **loop)
{
	*loop = fc_jpool_take(&x->pool, sizeof **loop);
	(*loop)->list = items;
	(*loop)->node = n;
	(*loop)->frame = frame;
	if (!n->kid[2])
		return 0;
	(*loop)->list = fc_jv_list(x, FC_JV_LIST, 0).list;
	(*loop)->rest = items;
	return fc_jloop_fill(x, *loop, 1);
}

/* Over the items of v, in scopes below frame. */
static int run_loop(
    struct fc_jx *x, const struct fc_jnode *n, struct fc_jframe *frame, struct fc_jv v, int depth)
{
	static const struct fc_jstr loop_name = {"loop", 4, 0, NULL};
	struct fc_jlist *items;
	struct fc_jloop *loop;
	if (fc_jv_items(x, v, &items) < 0 || loop_new(x, n, frame, items, &loop) < 0)
		return -1;
	loop->depth = depth;
	int ret = 0;
	bool ended = false; /* a round that break or continue ends does not count */
	for (; loop->i < loop->list->n && ret >= 0 && ret != FC_JFLOW_BREAK; loop->i++) {
		if (fc_jx_step(x, 0) < 0)
			return -1;
		fc_jframe_push(x, frame);
		fc_jframe_set(
		    x, x->frame, &loop_name, (struct fc_jv){.kind = FC_JV_LOOP, .loop = loop});
		x->line = n->line;
		if (assign(x, n->kid[0], loop->list->v[loop->i]) < 0)
			return -1;
		ret = fc_jx_exec(x, n->kid[3]);
		ended = ended || ret == 0;
		if (ret >= 0 && ret != FC_JFLOW_BREAK && fc_jloop_fill(x, loop, loop->i + 2) < 0)
			return -1;
	}
	if (ret >= 0 && !ended && n->kid[4]) {
		fc_jframe_push(x, frame);
		return fc_jx_exec(x, n->kid[4]);
	}
	return ret < 0 ? -1 : 0;
}

static int exec_for(struct fc_jx *x, const struct fc_jnode *n)
{
	struct fc_jframe *frame = x->frame;
	struct fc_jv v;
	if (fc_jx_eval(x, n->kid[1], &v) < 0)
		return -1;
	int ret = run_loop(x, n, frame, v, 0);
	x->frame = frame;
	return ret;
}

int fc_jx_recurse(
    struct fc_jx *x, const struct fc_jloop *l, const struct fc_jargs *args, struct fc_jv *out)
{
	struct fc_jframe *frame = x->frame;
	struct fc_jcat c = {0}, *text = x->out;
	if (!l->node->op)
		return fc_jx_fail(
		    x, "The loop must have the 'recursive' marker to be called recursively.");
	if (args->n != 1 || args->n_kw)
		return fc_jx_fail(x, "loop() takes the items to go on with");
	x->out = &c;
	int ret = run_loop(x, l->node, l->frame, args->v[0], l->depth + 1);
	x->out = text;
	x->frame = frame;
	*out = fc_jv_str(fc_jcat_str(x, &c));
	return ret < 0 ? -1 : 0;
}

static int exec_if(struct fc_jx *x, const struct fc_jnode *n)
{
	for (uint32_t i = 0; i + 1 < n->n_kid; i += 2) {
		struct fc_jv v;
		if (fc_jx_eval(x, n->kid[i], &v) < 0)
			return -1;
		if (fc_jv_true(v))
			return fc_jx_exec(x, n->kid[i + 1]);
	}
	return n->n_kid % 2 ? fc_jx_exec(x, n->kid[n->n_kid - 1]) : 0;
}

static int exec_set(struct fc_jx *x, const struct fc_jnode *n)
{
	struct fc_jv v;
	if (fc_jx_eval(x, n->kid[1], &v) < 0)
		return -1;
	x->line = n->line;
	return assign(x, n->kid[0], v);
}

/* text through filters (NULL: none) */
static int apply_filters(
    struct fc_jx *x, const struct fc_jnode *filters, const struct fc_jstr *text, struct fc_jv *out)
{
	struct fc_jv saved = x->block_text;
	*out = fc_jv_str(text);
	if (!filters)
		return 0;
	x->block_text = *out;
	int ret = fc_jx_eval(x, filters, out);
	x->block_text = saved;
	return ret;
}

static int exec_set_block(struct fc_jx *x, const struct fc_jnode *n)
{
	const struct fc_jstr *text;
	struct fc_jv v;
	if (fc_jx_capture(x, n->kid[2], x->frame, &text) < 0 ||
	    apply_filters(x, n->kid[1], text, &v) < 0)
		return -1;
	return assign(x, n->kid[0], v);
}

static int exec_filter_block(struct fc_jx *x, const struct fc_jnode *n)
{
	const struct fc_jstr *text;
	struct fc_jv v;
	if (fc_jx_capture(x, n->kid[1], x->frame, &text) < 0 ||
	    apply_filters(x, n->kid[0], text, &v) < 0)
		return -1;
	return fc_jv_print(x, x->out, v);
}

static int exec_generation(struct fc_jx *x, const struct fc_jnode *n)
{
	const struct fc_jstr *text;
	if (fc_jx_capture(x, n->kid[0], x->frame, &text) < 0)
		return -1;
	fc_jcat_add_sub(x, x->out, text, 0, text->n, FC_JMARK_GENERATION);
	return 0;
}

static int exec_with(struct fc_jx *x, const struct fc_jnode *n)
{
	struct fc_jframe *frame = x->frame, *inner = fc_jpool_take(&x->pool, sizeof *inner);
	inner->up = frame;
	for (uint32_t i = 1; i < n->n_kid; i += 2) {
		struct fc_jv v; /* the values don't see each other */
		if (fc_jx_eval(x, n->kid[i + 1], &v) < 0)
			return -1;
		fc_jframe_set(x, inner, n->kid[i]->str, v);
	}
	x->frame = inner;
	int ret = fc_jx_exec(x, n->kid[0]);
	x->frame = frame;
	return ret;
}

static struct fc_jv new_macro(struct fc_jx *x, const struct fc_jnode *n)
{
	struct fc_jmacro *m = fc_jpool_take(&x->pool, sizeof *m);
	*m = (struct fc_jmacro){n, x->frame};
	return (struct fc_jv){.kind = FC_JV_MACRO, .macro = m};
}

static int exec_call_block(struct fc_jx *x, const struct fc_jnode *n)
{
	static const struct fc_jstr caller = {"caller", 6, 0, NULL};
	const struct fc_jnode *call = n->kid[0];
	struct fc_jv fn, v;
	struct fc_jargs args;
	if (fc_jx_eval(x, call->kid[0], &fn) < 0 || fc_jx_args(x, call, 1, &args) < 0)
		return -1;
	struct fc_jkeyword *kw = fc_jpool_take(&x->pool, (args.n_kw + 1) * sizeof *kw);
	if (args.n_kw)
		memcpy(kw, args.kw, args.n_kw * sizeof *kw);
	kw[args.n_kw++] = (struct fc_jkeyword){&caller, new_macro(x, n->kid[1])};
	args.kw = kw;
	if (fc_jx_call(x, fn, &args, &v) < 0)
		return -1;
	return fc_jv_print(x, x->out, v);
}

static int exec_body(struct fc_jx *x, const struct fc_jnode *n)
{
	for (uint32_t i = 0; i < n->n_kid; i++) {
		int ret = fc_jx_exec(x, n->kid[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static int exec_print(struct fc_jx *x, const struct fc_jnode *n)
{
	struct fc_jv v;
	return fc_jx_eval(x, n->kid[0], &v) < 0 ? -1 : fc_jv_print(x, x->out, v);
}

static int exec_node(struct fc_jx *x, const struct fc_jnode *n)
{
	switch (n->kind) {
	case FC_JN_BODY:
		return exec_body(x, n);
	case FC_JN_DATA:
		fc_jcat_add_str(x, x->out, n->str);
		return 0;
	case FC_JN_PRINT:
		return exec_print(x, n);
	case FC_JN_FOR:
		return exec_for(x, n);
	case FC_JN_IF:
		return exec_if(x, n);
	case FC_JN_SET:
		return exec_set(x, n);
	case FC_JN_SETBLOCK:
		return exec_set_block(x, n);
	case FC_JN_MACRO:
		fc_jframe_set(x, x->frame, n->str, new_macro(x, n));
		return 0;
	case FC_JN_CALLBLOCK:
		return exec_call_block(x, n);
	case FC_JN_FILTERBLOCK:
		return exec_filter_block(x, n);
	case FC_JN_GENERATION:
		return exec_generation(x, n);
	case FC_JN_WITH:
		return exec_with(x, n);
	case FC_JN_BREAK:
		return FC_JFLOW_BREAK;
	default:
		return FC_JFLOW_CONTINUE;
	}
}

int fc_jx_exec(struct fc_jx *x, const struct fc_jnode *n)
{
	if (fc_jx_enter(x) < 0)
		return -1;
	x->line = n->line;
	int ret = exec_node(x, n);
	x->depth--;
	return ret;
}
