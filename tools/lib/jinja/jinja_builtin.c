/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "jinja/jinja_impl.h"

/* Tables of filters, tests, methods and functions, and how one is given its arguments. */

const struct fc_jbuiltin *fc_jinja_find(
    const struct fc_jbuiltin *table, size_t count, const char *p, size_t n)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(table[i].name) == n && !memcmp(table[i].name, p, n))
			return &table[i];
	return NULL;
}

/* Index of the parameter called name, -1: none.  *count: how many there are. */
static int param_index(const char *params, const struct fc_jstr *name, int *count)
{
	int found = -1;
	*count = 0;
	while (*params) {
		size_t n = strcspn(params, " ");
		if (name && n == name->n && !memcmp(params, name->p, n))
			found = *count;
		++*count;
		params += n + (params[n] == ' ');
	}
	return found;
}

int fc_jx_call_builtin(struct fc_jx *x, const struct fc_jbuiltin *fn, const struct fc_jv *self,
    const struct fc_jargs *args, struct fc_jv *out)
{
	struct fc_jv a[FC_JINJA_PARAM_MAX + 1];
	int n, shift = self ? 1 : 0;
	if (fc_jx_step(x, 0) < 0)
		return -1;
	if (fn->call)
		return fn->call(x, self ? *self : fc_jv_none(), args, out);
	param_index(fn->params, NULL, &n);
	if (self)
		a[0] = *self;
	for (int i = 0; i < n; i++)
		a[shift + i] =
		    (uint32_t)i < args->n ? args->v[i] : (struct fc_jv){.kind = FC_JV_MISSING};
	if (args->n > (uint32_t)n)
		return fc_jx_fail(x, "%s takes at most %d argument(s)", fn->name, n);
	for (uint32_t i = 0; i < args->n_kw; i++) {
		const struct fc_jstr *name = args->kw[i].name;
		int k = param_index(fn->params, name, &n);
		if (k < 0)
			return fc_jx_fail(x, "%s got an unexpected keyword argument '%.*s'",
			    fn->name, (int)name->n, name->p);
		if (a[shift + k].kind != FC_JV_MISSING)
			return fc_jx_fail(
			    x, "%s got two values for '%.*s'", fn->name, (int)name->n, name->p);
		a[shift + k] = args->kw[i].v;
	}
	for (int i = 0; i < fn->required; i++)
		if (a[shift + i].kind == FC_JV_MISSING)
			return fc_jx_fail(x, "%s needs %d argument(s)", fn->name, fn->required);
	return fn->fn(x, a, out);
}
