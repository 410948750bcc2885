/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/request/assign.h"

#include <string.h>

#include "base/mem.h"

/* mergekit's recipes may say how it stores masks; there are none here. */
static const struct parameter idle[] = {{.name = "int8_mask", .kind = PARAMETER_TRUTH}};

/* The parameter that recipes call so: the method's, else another one's, else an idle one. */
static const struct parameter *find_named(
    const struct method *m, const char *name, const struct take **take)
{
	*take = varm_method_take(m, name);
	if (*take)
		return (*take)->parameter;
	for (size_t i = 0; i < varm_method_count(); i++) {
		const struct take *t = varm_method_take(varm_method_at(i), name);
		if (t)
			return t->parameter;
	}
	for (size_t i = 0; i < FC_LEN(idle); i++)
		if (varm_parameter_is_called(&idle[i], name))
			return &idle[i];
	return NULL;
}

static bool is_idle(const struct parameter *p)
{
	return p >= idle && p < idle + FC_LEN(idle);
}

enum width { OF_SOURCE, OF_SLICE, OF_RECIPE };

static int check_one(const struct recipe *r, const struct method *m, const struct yaml *map,
    size_t i, enum width width, struct fc_err *e)
{
	const char *name = map->key[i]->text;
	int line = map->key[i]->line;
	const struct take *take;
	const struct parameter *p = find_named(m, name, &take);
	if (!p)
		return varm_recipe_fail(r, line, e, "no method takes a parameter '%.64s'", name);
	if (p->kind == PARAMETER_WORD && width != OF_RECIPE)
		return varm_recipe_fail(
		    r, line, e, "%s belongs to the parameters of the whole recipe", name);
	if (!take && !is_idle(p))
		varm_recipe_warn(
		    r, line, "%s has no parameter %s: ignored, as in mergekit", m->name, name);
	else if (take && width == OF_SOURCE && p->scope == PARAMETER_SHARED)
		varm_recipe_warn(
		    r, line, "%s is not a single model's: ignored, as in mergekit", name);
	else if (!varm_yaml_is_null(map->item[i]))
		return varm_setting_check(r, map->item[i], p, e);
	return 0;
}

static int check_map(const struct recipe *r, const struct method *m, const struct yaml *map,
    enum width width, struct fc_err *e)
{
	for (size_t i = 0; map && i < map->n; i++)
		if (check_one(r, m, map, i, width, e) < 0)
			return -1;
	return 0;
}

int varm_assign_check(const struct recipe *r, const struct method *m, struct fc_err *e)
{
	if (check_map(r, m, r->parameters, OF_RECIPE, e) < 0 ||
	    check_map(r, m, r->module, OF_SLICE, e) < 0)
		return -1;
	for (size_t i = 0; i < r->n_slice; i++) {
		const struct recipe_slice *s = &r->slice[i];
		if (check_map(r, m, s->parameters, OF_SLICE, e) < 0)
			return -1;
		for (size_t k = 0; k < s->n; k++)
			if (check_map(r, m, s->source[k].parameters, OF_SOURCE, e) < 0)
				return -1;
	}
	return 0;
}

/* " for tensor NAME"; nothing where all tensors are meant. */
static const char *for_tensor(const struct setting_place *at, struct fc_buf *b)
{
	if (*at->tensor)
		fc_buf_addf(b, " for tensor %s", at->tensor);
	return b->p ? b->p : "";
}

static int assign_one(const struct recipe *r, const struct method *m,
    const struct setting_place *at, const struct parameter *p, void *into, struct fc_err *e)
{
	struct fc_buf tensor = FC_BUF_INIT;
	double x;
	int line, ret = varm_setting_find(r, at, p, &x, &line, e);
	if (ret == 0 && !line && p->must)
		ret = varm_recipe_fail(r, at->source ? at->source->line : r->method_line, e,
		    "%s needs a value of '%s'%s", m->name, p->name, for_tensor(at, &tensor));
	else if (ret == 0 && line && !(x >= p->min && x <= p->max))
		ret = varm_recipe_fail(r, line, e, "%s is %g%s, expected %g to %g", p->name, x,
		    for_tensor(at, &tensor), p->min, p->max);
	else if (ret == 0 && line)
		varm_parameter_put(p, into, x);
	fc_buf_release(&tensor);
	return ret;
}

static int assign_scope(const struct recipe *r, const struct method *m,
    const struct setting_place *at, enum parameter_scope scope, void *into, struct fc_err *e)
{
	for (const struct take *t = m->takes; t->parameter; t++)
		if (t->parameter->scope == scope && assign_one(r, m, at, t->parameter, into, e) < 0)
			return -1;
	return 0;
}

int varm_assign_settings(const struct recipe *r, const struct method *m,
    const struct setting_place *at, struct settings *s, struct fc_err *e)
{
	s->seed = r->seed;
	return assign_scope(r, m, at, PARAMETER_SHARED, s, e);
}

int varm_assign_target(const struct recipe *r, const struct method *m,
    const struct setting_place *at, struct target_params *t, struct fc_err *e)
{
	return assign_scope(r, m, at, PARAMETER_OF_TARGET, t, e);
}
