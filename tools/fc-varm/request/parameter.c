/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/request/parameter.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"

/* What is true of a change and a sum of changes. */
#define TASK "!weight density normalize rescale lambda int8_mask "

static const struct recipe_method methods[] = {
    {"linear", "linear", BASE_IS_TARGET, 1, 0, "!weight normalize "},
    {"task_arithmetic", "task_arithmetic", BASE_NEEDED, 1, 0, TASK},
    {"ties", "ties", BASE_NEEDED, 1, 0, TASK},
    {"dare_linear", "dare_linear", BASE_NEEDED, 1, 0, TASK},
    {"dare_ties", "dare_ties", BASE_NEEDED, 1, 0, TASK},
    {"della", "della", BASE_NEEDED, 1, 0, TASK "epsilon "},
    {"della_linear", "della_linear", BASE_NEEDED, 1, 0, TASK "epsilon "},
    {"dare_linear-paper", "dare_linear-paper", BASE_NEEDED, 1, 0, TASK},
    {"dare_ties-paper", "dare_ties-paper", BASE_NEEDED, 1, 0, TASK},
    {"della-paper", "della-paper", BASE_NEEDED, 1, 0, TASK "epsilon "},
    {"della_linear-paper", "della_linear-paper", BASE_NEEDED, 1, 0, TASK "epsilon "},
    {"breadcrumbs", "breadcrumbs", BASE_NEEDED, 1, 0, TASK "gamma "},
    {"breadcrumbs_ties", "breadcrumbs_ties", BASE_NEEDED, 1, 0, TASK "gamma "},
    {"sce", "sce-mergekit", BASE_NEEDED, 1, 0, "select_topk int8_mask "},
    {"sce-mergekit", "sce-mergekit", BASE_NEEDED, 1, 0, "select_topk int8_mask "},
    {"sce-fusechat", "sce", BASE_NEEDED, 1, 0, "select_topk int8_mask "},
    {"varm", "varm", BASE_NEEDED, 1, 0, "absolute temperature granularity "},
    {"slerp", "slerp", BASE_NEEDED, 1, 1, "!t "},
    {"nuslerp", "nuslerp", BASE_TAKEN, 2, 2, "!weight nuslerp_flatten nuslerp_row_wise "},
    {"multislerp", "multislerp", BASE_TAKEN, 1, 0, "!weight normalize_weights eps "},
    {"karcher", "karcher", BASE_IS_TARGET, 1, 0, "max_iter tol "},
    {"model_stock", "model_stock", BASE_NEEDED, 2, 0, "filter_wise "},
    {"nearswap", "nearswap", BASE_NEEDED, 1, 1, "!t "},
    {"arcee_fusion", "arcee_fusion", BASE_NEEDED, 1, 1, ""},
    {"ram", "ram", BASE_NEEDED, 1, 0, "ram:epsilon "},
    {"ramplus_tl", "ramplus_tl", BASE_NEEDED, 1, 0, "ram:epsilon r alpha "},
    {"passthrough", "linear", BASE_IS_TARGET, 1, 1, "scale "},
};

enum shape { SETTING_OF, TERM_OF, NOTHING }; /* where a value goes */

#define OF(member) SETTING_OF, offsetof(struct settings, member)
#define EACH(member) TERM_OF, offsetof(struct term, member)

static const struct parameter {
	const char
	    *key; /* in takes: the name, or "METHOD:NAME" where methods mean other things by it */
	enum setting_kind kind;
	enum shape shape;
	size_t offset;
	double min, max;
} parameters[] = {
    {"weight", SETTING_REAL, EACH(weight), -INFINITY, INFINITY},
    {"density", SETTING_REAL, EACH(density), 0, 1},
    {"gamma", SETTING_REAL, EACH(gamma), 0, 1},
    {"epsilon", SETTING_REAL, EACH(epsilon), 0, 1},
    {"scale", SETTING_REAL, EACH(weight), -INFINITY, INFINITY},
    {"normalize", SETTING_BOOL, OF(normalize), 0, 1},
    {"normalize_weights", SETTING_BOOL, OF(normalize), 0, 1},
    {"rescale", SETTING_BOOL, OF(rescale), 0, 1},
    {"lambda", SETTING_REAL, OF(lambda), -INFINITY, INFINITY},
    {"t", SETTING_REAL, OF(t), -INFINITY, INFINITY},
    {"select_topk", SETTING_REAL, OF(select_topk), 0, 1},
    {"filter_wise", SETTING_BOOL, OF(filter_wise), 0, 1},
    {"nuslerp_flatten", SETTING_BOOL, OF(flatten), 0, 1},
    {"nuslerp_row_wise", SETTING_BOOL, OF(row_wise), 0, 1},
    {"max_iter", SETTING_INT, OF(max_iter), 1, 100000},
    {"tol", SETTING_REAL, OF(tol), 0, INFINITY},
    {"eps", SETTING_REAL, OF(eps), 0, INFINITY},
    {"ram:epsilon", SETTING_REAL, OF(eps), 0, INFINITY},
    {"r", SETTING_REAL, OF(reward), -INFINITY, INFINITY},
    {"alpha", SETTING_REAL, OF(most_shared), 0, INFINITY},
    {"absolute", SETTING_BOOL, OF(absolute), 0, 1},
    {"temperature", SETTING_REAL, OF(temperature), 0, INFINITY},
    /* How mergekit stores masks; there are none here. */
    {"int8_mask", SETTING_BOOL, NOTHING, 0, 0, 1},
};

static const char *const granularities[] = {
    [BY_MATRIX] = "matrix",
    [BY_MODULE] = "module",
    [BY_LAYER] = "layer",
    [BY_MODEL] = "model",
    [BY_PARAMETER] = "parameter",
};
#define GRANULARITY "granularity"

const struct recipe_method *varm_recipe_method_find(const char *name)
{
	for (size_t i = 0; i < FC_LEN(methods); i++)
		if (!strcmp(methods[i].name, name))
			return &methods[i];
	return NULL;
}

const struct recipe_method *varm_recipe_method_of(const struct method *m)
{
	const struct recipe_method *found = methods;
	while (strcmp(found->engine, m->name) != 0)
		found++;
	return found;
}

/* Whether the method takes the parameter, and cannot do without. */
static bool takes(const struct recipe_method *m, const char *name, bool *required)
{
	size_t n = strlen(name);
	for (const char *p = m->takes; *p; p = strchr(p, ' ') + 1) {
		*required = *p == '!';
		if (!strncmp(p + *required, name, n) && p[*required + n] == ' ')
			return true;
	}
	return false;
}

static const char *name_of(const struct parameter *p)
{
	const char *colon = strchr(p->key, ':');
	return colon ? colon + 1 : p->key;
}

/* The parameter that recipes call so: the method's, else another one's. */
static const struct parameter *find(const struct recipe_method *m, const char *name)
{
	const struct parameter *found = NULL;
	bool required;
	for (size_t i = 0; i < FC_LEN(parameters); i++) {
		const struct parameter *p = &parameters[i];
		if (!strcmp(name_of(p), name) && (!found || takes(m, p->key, &required)))
			found = p;
	}
	return found;
}

static int check_range(const struct recipe *r, int line, const struct parameter *p, double x,
    const char *tensor, struct fc_err *e)
{
	if (x >= p->min && x <= p->max)
		return 0;
	return fc_fail(e, "%s:%d: %s is %g for tensor %s, expected %g to %g", r->file, line,
	    name_of(p), x, tensor, p->min, p->max);
}

static int check_granularity(const struct recipe *r, const struct yaml *v, struct fc_err *e)
{
	for (size_t i = 0; i < FC_LEN(granularities); i++)
		if (v->kind == YAML_TEXT && !strcmp(v->text, granularities[i]))
			return 0;
	return fc_fail(e, "%s:%d: granularity: expected matrix, module, layer, model or parameter",
	    r->file, v->line);
}

enum width { OF_SOURCE, OF_SLICE, OF_RECIPE };

static int check_map(const struct recipe *r, const struct recipe_method *m, const struct yaml *map,
    enum width width, struct fc_err *e)
{
	for (size_t i = 0; map && i < map->n; i++) {
		const char *name = map->key[i]->text;
		const struct parameter *p = find(m, name);
		bool required, choice = !strcmp(name, GRANULARITY);
		if (!p && !choice)
			return fc_fail(e, "%s:%d: no method takes a parameter '%.64s'", r->file,
			    map->key[i]->line, name);
		if (choice && width != OF_RECIPE)
			return fc_fail(e,
			    "%s:%d: granularity belongs to the parameters of the whole recipe",
			    r->file, map->key[i]->line);
		if (!takes(m, p ? p->key : name, &required) && (!p || p->shape != NOTHING))
			fc_warn("%s:%d: %s has no parameter %s: ignored, as in mergekit", r->file,
			    map->key[i]->line, m->name, name);
		else if (width == OF_SOURCE && p->shape == SETTING_OF)
			fc_warn("%s:%d: %s is not a single model's: ignored, as in mergekit",
			    r->file, map->key[i]->line, name);
		else if (choice && check_granularity(r, map->item[i], e) < 0)
			return -1;
		else if (!choice && !varm_yaml_is_null(map->item[i]) &&
		    varm_setting_check(r, map->item[i], p->kind, e) < 0)
			return -1;
	}
	return 0;
}

int varm_parameter_check(const struct recipe *r, const struct recipe_method *m, struct fc_err *e)
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

static void put(void *into, const struct parameter *p, double x)
{
	char *to = (char *)into + p->offset;
	if (p->kind == SETTING_BOOL)
		*(bool *)to = x != 0;
	else if (p->kind == SETTING_INT)
		*(int *)to = (int)x;
	else
		*(double *)to = x;
}

/* Fills in those of one shape. */
static int evaluate(const struct recipe *r, const struct recipe_method *m,
    const struct setting_place *at, enum shape shape, void *into, struct fc_err *e)
{
	for (size_t i = 0; i < FC_LEN(parameters); i++) {
		const struct parameter *p = &parameters[i];
		bool required;
		double x;
		int line;
		if (p->shape != shape || !takes(m, p->key, &required))
			continue;
		if (varm_setting_find(r, at, name_of(p), p->kind, &x, &line, e) < 0)
			return -1;
		if (!line && required)
			return fc_fail(e, "%s:%d: %s needs a value of '%s' for tensor %s", r->file,
			    at->source ? at->source->line : r->method_line, m->name, name_of(p),
			    at->tensor);
		if (line && check_range(r, line, p, x, at->tensor, e) < 0)
			return -1;
		if (line)
			put(into, p, x);
	}
	return 0;
}

int varm_parameter_settings(const struct recipe *r, const struct recipe_method *m,
    const struct setting_place *at, struct settings *s, struct fc_err *e)
{
	bool required;
	const struct yaml *by = r->parameters ? varm_yaml_get(r->parameters, GRANULARITY) : NULL;
	s->seed = r->seed;
	if (!strncmp(m->name, "sce", 3))
		s->select_topk = 1; /* mergekit's default */
	if (!strcmp(m->name, "passthrough"))
		s->normalize = false;
	if (by && takes(m, GRANULARITY, &required))
		for (size_t i = 0; i < FC_LEN(granularities); i++)
			if (!strcmp(by->text, granularities[i]))
				s->by = (enum granularity)i;
	return evaluate(r, m, at, SETTING_OF, s, e);
}

int varm_parameter_term(const struct recipe *r, const struct recipe_method *m,
    const struct setting_place *at, struct term *t, struct fc_err *e)
{
	return evaluate(r, m, at, TERM_OF, t, e);
}

/* With as few digits as give it back; with a point before an exponent, which YAML 1.1 wants. */
static void add_real(struct fc_buf *b, double x)
{
	char text[32];
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, x);
		if (strtod(text, NULL) == x)
			break;
	}
	size_t n = strcspn(text, "e");
	fc_buf_addf(
	    b, "%.*s%s%s", (int)n, text, text[n] && !memchr(text, '.', n) ? ".0" : "", text + n);
}

static void write_values(
    struct fc_buf *b, const struct recipe_method *m, enum shape shape, const void *from, int indent)
{
	bool required;
	for (size_t i = 0; i < FC_LEN(parameters); i++) {
		const struct parameter *p = &parameters[i];
		const char *at = (const char *)from + p->offset;
		if (p->shape != shape || !takes(m, p->key, &required))
			continue;
		fc_buf_addf(b, "%*s%s: ", indent, "", name_of(p));
		if (p->kind == SETTING_BOOL)
			fc_buf_adds(b, *(const bool *)at ? "true" : "false");
		else if (p->kind == SETTING_INT)
			fc_buf_addf(b, "%d", *(const int *)at);
		else
			add_real(b, *(const double *)at);
		fc_buf_addc(b, '\n');
	}
}

static void write_parameters(struct fc_buf *b, const struct fc_buf *values, int indent)
{
	if (values->n)
		fc_buf_addf(b, "%*sparameters:\n%s", indent, "", values->p);
}

void varm_parameter_write_settings(
    struct fc_buf *b, const struct recipe_method *m, const struct settings *s)
{
	struct fc_buf values = FC_BUF_INIT;
	bool required;
	if (takes(m, GRANULARITY, &required))
		fc_buf_addf(&values, "  " GRANULARITY ": %s\n", granularities[s->by]);
	write_values(&values, m, SETTING_OF, s, 2);
	write_parameters(b, &values, 0);
	fc_buf_release(&values);
}

void varm_parameter_write_term(
    struct fc_buf *b, const struct recipe_method *m, const struct term *t)
{
	struct fc_buf values = FC_BUF_INIT;
	write_values(&values, m, TERM_OF, t, 6);
	write_parameters(b, &values, 4);
	fc_buf_release(&values);
}
