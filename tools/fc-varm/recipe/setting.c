/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/recipe/setting.h"

#include <math.h>
#include <string.h>

#include "fc-varm/recipe/recipe_parts.h"

static bool scalar(const struct yaml *v, enum setting_kind kind, double *out)
{
	bool truth = false;
	int whole = 0;
	switch (kind) {
	case SETTING_REAL:
		return varm_yaml_real(v, out);
	case SETTING_INT:
		if (!varm_yaml_int(v, &whole))
			return false;
		*out = whole;
		return true;
	case SETTING_BOOL:
		if (!varm_yaml_bool(v, &truth))
			return false;
		*out = truth;
		return true;
	}
	return false;
}

static int check_scalars(
    const struct recipe *r, const struct yaml *v, enum setting_kind kind, struct fc_err *e)
{
	static const char *const kinds[] = {"a number", "a whole number", "true or false"};
	double x;
	for (size_t i = 0; i < (v->kind == YAML_LIST ? v->n : 1); i++) {
		const struct yaml *s = v->kind == YAML_LIST ? v->item[i] : v;
		if (!scalar(s, kind, &x))
			return fc_fail(e, "%s:%d: expected %s%s%.64s", r->file, s->line,
			    kinds[kind], s->kind == YAML_TEXT ? ", not " : "",
			    s->kind == YAML_TEXT ? s->text : "");
	}
	return 0;
}

static bool is_condition(const struct yaml *v)
{
	return v->kind == YAML_MAP;
}

static int check_condition(
    const struct recipe *r, const struct yaml *v, enum setting_kind kind, struct fc_err *e)
{
	static const char *const known[] = {"filter", "value"};
	const struct yaml *filter, *value;
	if (varm_recipe_known(r, v, "a filtered value", known, 2, e) < 0)
		return -1;
	filter = varm_yaml_get(v, "filter");
	value = varm_yaml_get(v, "value");
	if (filter && filter->kind != YAML_TEXT)
		return fc_fail(
		    e, "%s:%d: filter: expected a part of a name", r->file, filter->line);
	if (!value)
		return fc_fail(e, "%s:%d: a filter without value", r->file, v->line);
	return check_scalars(r, value, kind, e);
}

int varm_setting_check(
    const struct recipe *r, const struct yaml *v, enum setting_kind kind, struct fc_err *e)
{
	if (is_condition(v))
		return check_condition(r, v, kind, e);
	if (v->kind != YAML_LIST || !v->n || !is_condition(v->item[0]))
		return check_scalars(r, v, kind, e);
	for (size_t i = 0; i < v->n; i++)
		if (check_condition(r, v->item[i], kind, e) < 0)
			return -1;
	return 0;
}

/* Values at 0, 1/(n-1), ..., 1. */
static double interpolate(const struct yaml *list, enum setting_kind kind, double t)
{
	double scaled = t * (double)(list->n - 1), a = 0, b = 0;
	size_t i = (size_t)scaled;
	double part = scaled - (double)i;
	scalar(list->item[i], kind, &a);
	if (kind == SETTING_BOOL || i + 1 == list->n)
		return a;
	scalar(list->item[i + 1], kind, &b);
	return (1 - part) * a + part * b;
}

/* false: the setting says nothing about this tensor. */
static bool evaluate(
    const struct yaml *v, const char *tensor, double t, enum setting_kind kind, double *out)
{
	bool one = is_condition(v);
	if (v->kind == YAML_TEXT)
		return scalar(v, kind, out);
	if (!one && (!v->n || !is_condition(v->item[0]))) {
		if (v->n)
			*out = interpolate(v, kind, t);
		return v->n > 0;
	}
	for (size_t i = 0; i < (one ? 1 : v->n); i++) {
		const struct yaml *c = one ? v : v->item[i], *filter = varm_yaml_get(c, "filter");
		if (!filter || varm_yaml_is_null(filter) || !strcmp(filter->text, "*") ||
		    strstr(tensor, filter->text))
			return evaluate(varm_yaml_get(c, "value"), tensor, t, kind, out);
	}
	return false;
}

int varm_setting_find(const struct recipe *r, const struct setting_place *at, const char *name,
    enum setting_kind kind, double *out, int *line, struct fc_err *e)
{
	const struct yaml *scope[] = {at->source ? at->source->parameters : NULL,
	    at->slice ? at->slice->parameters : NULL, r->module, r->parameters};
	*line = 0;
	for (size_t i = 0; i < sizeof scope / sizeof *scope && !*line; i++) {
		const struct yaml *v = scope[i] ? varm_yaml_get(scope[i], name) : NULL;
		if (v && !varm_yaml_is_null(v) && evaluate(v, at->tensor, at->t, kind, out))
			*line = v->line;
	}
	if (*line && kind == SETTING_INT && *out != floor(*out))
		return fc_fail(e, "%s:%d: %s is %g for tensor %s, expected a whole number", r->file,
		    *line, name, *out, at->tensor);
	return 0;
}
