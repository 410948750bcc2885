/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/recipe/setting.h"

#include <math.h>
#include <string.h>

#include "fc-varm/recipe/recipe_parts.h"

static int check_scalars(
    const struct recipe *r, const struct yaml *v, const struct parameter *p, struct fc_err *e)
{
	double x;
	bool list = v->kind == YAML_LIST && p->kind != PARAMETER_WORD;
	for (size_t i = 0; i < (list ? v->n : 1); i++) {
		const struct yaml *s = list ? v->item[i] : v;
		if (varm_parameter_read(p, s, &x))
			continue;
		struct fc_buf b = FC_BUF_INIT;
		varm_parameter_expected(&b, p);
		varm_recipe_fail(r, s->line, e, "%s: expected %s%s%.64s", p->name, b.p,
		    s->kind == YAML_TEXT ? ", not " : "", s->kind == YAML_TEXT ? s->text : "");
		fc_buf_release(&b);
		return -1;
	}
	return 0;
}

static bool is_condition(const struct yaml *v)
{
	return v->kind == YAML_MAP;
}

static int check_condition(
    const struct recipe *r, const struct yaml *v, const struct parameter *p, struct fc_err *e)
{
	static const char *const known[] = {"filter", "value"};
	const struct yaml *filter, *value;
	if (varm_recipe_known(r, v, "a filtered value", known, 2, e) < 0)
		return -1;
	filter = varm_yaml_get(v, "filter");
	value = varm_yaml_get(v, "value");
	if (filter && filter->kind != YAML_TEXT)
		return varm_recipe_fail(r, filter->line, e, "filter: expected a part of a name");
	if (!value)
		return varm_recipe_fail(r, v->line, e, "a filter without value");
	return check_scalars(r, value, p, e);
}

int varm_setting_check(
    const struct recipe *r, const struct yaml *v, const struct parameter *p, struct fc_err *e)
{
	if (p->kind == PARAMETER_WORD)
		return check_scalars(r, v, p, e);
	if (is_condition(v))
		return check_condition(r, v, p, e);
	if (v->kind != YAML_LIST || !v->n || !is_condition(v->item[0]))
		return check_scalars(r, v, p, e);
	for (size_t i = 0; i < v->n; i++)
		if (check_condition(r, v->item[i], p, e) < 0)
			return -1;
	return 0;
}

/* Values at 0, 1/(n-1), ..., 1. */
static double interpolate(const struct yaml *list, const struct parameter *p, double t)
{
	double scaled = t * (double)(list->n - 1), a = 0, b = 0;
	size_t i = (size_t)scaled;
	double part = scaled - (double)i;
	varm_parameter_read(p, list->item[i], &a);
	if (p->kind == PARAMETER_TRUTH || i + 1 == list->n)
		return a;
	varm_parameter_read(p, list->item[i + 1], &b);
	return (1 - part) * a + part * b;
}

/* false: the setting says nothing about this tensor. */
static bool evaluate(
    const struct yaml *v, const char *tensor, double t, const struct parameter *p, double *out)
{
	bool one = is_condition(v);
	if (v->kind == YAML_TEXT)
		return varm_parameter_read(p, v, out);
	if (!one && (!v->n || !is_condition(v->item[0]))) {
		if (v->n)
			*out = interpolate(v, p, t);
		return v->n > 0;
	}
	for (size_t i = 0; i < (one ? 1 : v->n); i++) {
		const struct yaml *c = one ? v : v->item[i], *filter = varm_yaml_get(c, "filter");
		if (!filter || varm_yaml_is_null(filter) || !strcmp(filter->text, "*") ||
		    strstr(tensor, filter->text))
			return evaluate(varm_yaml_get(c, "value"), tensor, t, p, out);
	}
	return false;
}

/* What the map says under any of the parameter's names. */
static const struct yaml *find_named(const struct yaml *map, const struct parameter *p)
{
	const struct yaml *v = map ? varm_recipe_get(map, p->name) : NULL;
	return v || !map || !p->mergekit ? v : varm_recipe_get(map, p->mergekit);
}

int varm_setting_find(const struct recipe *r, const struct setting_place *at,
    const struct parameter *p, double *out, int *line, struct fc_err *e)
{
	const struct yaml *scope[] = {at->source ? at->source->parameters : NULL,
	    at->slice ? at->slice->parameters : NULL, r->module, r->parameters};
	*line = 0;
	for (size_t i = 0; i < sizeof scope / sizeof *scope && !*line; i++) {
		const struct yaml *v = find_named(scope[i], p);
		if (v && evaluate(v, at->tensor, at->t, p, out))
			*line = v->line;
	}
	if (*line && p->kind == PARAMETER_WHOLE && *out != floor(*out))
		return varm_recipe_fail(r, *line, e,
		    "%s is %g for tensor %s, expected a whole number", p->name, *out, at->tensor);
	return 0;
}
