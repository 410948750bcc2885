/* SPDX-License-Identifier: Apache-2.0 */
#include "jinja/jinja_impl.h"

/* Calls of macros, and of everything else that can be called. */

/* The keyword's place in args, NULL if it was not given. */
static const struct fc_jkeyword *keyword(const struct fc_jargs *args, const struct fc_jstr *name)
{
	for (uint32_t i = 0; i < args->n_kw; i++)
		if (fc_jstr_same(args->kw[i].name, name))
			return &args->kw[i];
	return NULL;
}

static bool has_param(const struct fc_jnode *n, const struct fc_jstr *name)
{
	for (uint32_t i = 1; i < n->n_kid; i++)
		if (fc_jstr_same(n->kid[i]->str, name))
			return true;
	return false;
}

/* What the parameters do not take: caller, kwargs, varargs. */
static int bind_rest(struct fc_jx *x, const struct fc_jnode *n, const struct fc_jargs *args)
{
	static const struct fc_jstr caller = {"caller", 6, 0, NULL},
				    kwargs = {"kwargs", 6, 0, NULL},
				    varargs = {"varargs", 7, 0, NULL};
	struct fc_jv rest = fc_jv_dict(x), more = fc_jv_list(x, FC_JV_TUPLE, 0);
	const struct fc_jkeyword *k = keyword(args, &caller);
	bool takes_caller = (n->uses & FC_JN_USES_CALLER) && !has_param(n, &caller);
	if (takes_caller)
		fc_jframe_set(x, x->frame, &caller, k ? k->v : fc_jv_undefined(x, NULL, &caller));
	for (uint32_t i = 0; i < args->n_kw; i++) {
		const struct fc_jstr *name = args->kw[i].name;
		if (has_param(n, name) || (takes_caller && fc_jstr_same(name, &caller)))
			continue;
		if (!(n->uses & FC_JN_USES_KWARGS))
			return fc_jx_fail(x, "macro '%.*s' takes no keyword argument '%.*s'",
			    (int)n->str->n, n->str->p, (int)name->n, name->p);
		if (fc_jv_put(x, rest, fc_jv_str(name), args->kw[i].v) < 0)
			return -1;
	}
	for (uint32_t i = n->n_kid - 1; i < args->n; i++)
		if (fc_jv_append(x, more, args->v[i]) < 0)
			return -1;
	if (more.list->n && !(n->uses & FC_JN_USES_VARARGS))
		return fc_jx_fail(x, "macro '%.*s' takes not more than %u argument(s)",
		    (int)n->str->n, n->str->p, n->n_kid - 1);
	if (n->uses & FC_JN_USES_KWARGS)
		fc_jframe_set(x, x->frame, &kwargs, rest);
	if (n->uses & FC_JN_USES_VARARGS)
		fc_jframe_set(x, x->frame, &varargs, more);
	return 0;
}

static int bind(struct fc_jx *x, const struct fc_jnode *n, const struct fc_jargs *args)
{
	for (uint32_t i = 1; i < n->n_kid; i++) {
		const struct fc_jnode *param = n->kid[i];
		const struct fc_jkeyword *k = keyword(args, param->str);
		struct fc_jv v;
		if (i - 1 < args->n && k)
			return fc_jx_fail(x, "macro '%.*s' got two values for '%.*s'",
			    (int)n->str->n, n->str->p, (int)param->str->n, param->str->p);
		if (i - 1 < args->n)
			v = args->v[i - 1];
		else if (k)
			v = k->v;
		else if (!param->kid[0])
			v = fc_jv_undefined(x, NULL, param->str);
		else if (fc_jx_eval(x, param->kid[0], &v) < 0)
			return -1;
		fc_jframe_set(x, x->frame, param->str, v);
	}
	return bind_rest(x, n, args);
}

static int call_macro(
    struct fc_jx *x, const struct fc_jmacro *m, const struct fc_jargs *args, struct fc_jv *out)
{
	struct fc_jframe *frame = x->frame, *params = fc_jframe_push(x, m->frame);
	const struct fc_jstr *text;
	if (bind(x, m->node, args) < 0 || fc_jx_capture(x, m->node->kid[0], params, &text) < 0)
		return -1;
	x->frame = frame;
	*out = fc_jv_str(text);
	return 0;
}

int fc_jx_call(struct fc_jx *x, struct fc_jv fn, const struct fc_jargs *args, struct fc_jv *out)
{
	if (fn.kind == FC_JV_UNDEFINED)
		return fc_jv_use_undefined(x, fn);
	if (fn.kind == FC_JV_FUNCTION)
		return fc_jx_call_builtin(x, fn.fn, NULL, args, out);
	if (fn.kind == FC_JV_METHOD)
		return fc_jx_call_builtin(x, fn.method->fn, &fn.method->self, args, out);
	if (fn.kind != FC_JV_MACRO && fn.kind != FC_JV_LOOP)
		return fc_jx_fail(x, "'%s' object is not callable", fc_jv_type(fn));
	if (fc_jx_enter(x) < 0)
		return -1;
	int ret = fn.kind == FC_JV_LOOP ? fc_jx_recurse(x, fn.loop, args, out)
					: call_macro(x, fn.macro, args, out);
	x->depth--;
	return ret;
}
