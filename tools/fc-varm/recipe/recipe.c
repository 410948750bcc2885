/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/recipe/recipe.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fc-varm/recipe/recipe_parts.h"

static int read_base(struct recipe *r, const struct yaml *map, int *base, struct fc_err *e)
{
	const struct yaml *v = varm_recipe_get(map, "base_model");
	size_t model;
	*base = -1;
	if (!v)
		return 0;
	if (varm_recipe_model(r, v, &model, e) < 0)
		return -1;
	*base = (int)model; /* at most as many as the file has values */
	return 0;
}

static int read_range(
    const struct recipe *r, const struct yaml *map, struct recipe_source *s, struct fc_err *e)
{
	const struct yaml *v = varm_recipe_get(map, "layer_range");
	if (!v)
		return varm_recipe_fail(r, s->line, e, "a source without layer_range");
	if (v->kind != YAML_LIST || v->n != 2 || !varm_yaml_int(v->item[0], &s->from) ||
	    !varm_yaml_int(v->item[1], &s->to) || s->from < 0 || s->to < s->from)
		return varm_recipe_fail(r, v->line, e,
		    "layer_range: expected the first layer and the one after the last, "
		    "[0, 32]");
	return 0;
}

static int read_source(
    struct recipe *r, const struct yaml *v, bool sliced, struct recipe_source *s, struct fc_err *e)
{
	s->line = v->line;
	s->to = -1;
	int known = sliced
	    ? VARM_RECIPE_KNOWN(r, v, "a source", e, "model", "layer_range", "parameters")
	    : VARM_RECIPE_KNOWN(r, v, "an entry of models", e, "model", "parameters");
	const struct yaml *model = known < 0 ? NULL : varm_recipe_get(v, "model");
	if (known < 0)
		return -1;
	if (!model)
		return varm_recipe_fail(r, v->line, e, "an entry without model");
	if (varm_recipe_model(r, model, &s->model, e) < 0 ||
	    varm_recipe_get_kind(r, v, "parameters", YAML_MAP, &s->parameters, e) < 0)
		return -1;
	return sliced ? read_range(r, v, s, e) : 0;
}

static int read_sources(struct recipe *r, const struct yaml *list, bool sliced,
    struct recipe_slice *slice, struct fc_err *e)
{
	slice->source = FC_ARRAY(struct recipe_source, list->n + 1);
	slice->line = list->line;
	if (!list->n)
		return varm_recipe_fail(r, list->line, e, "an empty list of models");
	for (size_t i = 0; i < list->n; i++) {
		struct recipe_source *s = &slice->source[slice->n++];
		if (read_source(r, list->item[i], sliced, s, e) < 0)
			return -1;
		const struct recipe_source *first = &slice->source[0];
		if (s->to - s->from != first->to - first->from)
			return varm_recipe_fail(r, s->line, e, "%d layers, in line %d there are %d",
			    s->to - s->from, first->line, first->to - first->from);
		for (size_t k = 0; k < i; k++)
			if (slice->source[k].model == s->model)
				return varm_recipe_fail(r, s->line, e, "the model of line %d again",
				    slice->source[k].line);
	}
	return 0;
}

static int read_slice(
    struct recipe *r, const struct yaml *v, struct recipe_slice *slice, struct fc_err *e)
{
	const struct yaml *sources;
	if (VARM_RECIPE_KNOWN(r, v, "a slice", e, "sources", "base_model", "parameters") < 0 ||
	    varm_recipe_get_kind(r, v, "sources", YAML_LIST, &sources, e) < 0 ||
	    varm_recipe_get_kind(r, v, "parameters", YAML_MAP, &slice->parameters, e) < 0 ||
	    read_base(r, v, &slice->base, e) < 0)
		return -1;
	if (!sources)
		return varm_recipe_fail(r, v->line, e, "a slice without sources");
	return read_sources(r, sources, true, slice, e);
}

/* `models` or `slices` of the map. */
static int read_inputs(struct recipe *r, const struct yaml *map, struct fc_err *e)
{
	const struct yaml *models, *slices;
	if (varm_recipe_get_kind(r, map, "models", YAML_LIST, &models, e) < 0 ||
	    varm_recipe_get_kind(r, map, "slices", YAML_LIST, &slices, e) < 0)
		return -1;
	if (!models == !slices)
		return varm_recipe_fail(r, map->line, e, "expected either models or slices");
	r->whole = models != NULL;
	r->slice = FC_ARRAY(struct recipe_slice, r->whole ? 1 : slices->n + 1);
	if (r->whole) {
		r->slice[r->n_slice++].base = -1;
		return read_sources(r, models, false, &r->slice[0], e);
	}
	if (!slices->n)
		return varm_recipe_fail(r, slices->line, e, "an empty list of slices");
	for (size_t i = 0; i < slices->n; i++)
		if (read_slice(r, slices->item[i], &r->slice[r->n_slice++], e) < 0)
			return -1;
	return 0;
}

/* `modules` with its one module; models of several (images, sound) are not merged here. */
static int read_modules(struct recipe *r, const struct yaml *doc, struct fc_err *e)
{
	const struct yaml *modules;
	if (varm_recipe_get_kind(r, doc, "modules", YAML_MAP, &modules, e) < 0)
		return -1;
	if (!modules)
		return read_inputs(r, doc, e);
	if (varm_recipe_get(doc, "models") || varm_recipe_get(doc, "slices"))
		return varm_recipe_fail(r, modules->line, e, "modules beside models or slices");
	if (modules->n != 1)
		return varm_recipe_fail(r, modules->line, e,
		    "%zu modules: only models of one module, the language model, are "
		    "merged",
		    modules->n);
	const struct yaml *module = modules->item[0];
	if (VARM_RECIPE_KNOWN(r, module, "a module", e, "models", "slices", "parameters") < 0 ||
	    varm_recipe_get_kind(r, module, "parameters", YAML_MAP, &r->module, e) < 0)
		return -1;
	return read_inputs(r, module, e);
}

static int read_vocabulary(struct recipe *r, const struct yaml *v, struct fc_err *e)
{
	if (v->kind == YAML_TEXT && !strcmp(v->text, "base"))
		r->vocabulary = VOCABULARY_BASE;
	else if (v->kind == YAML_TEXT && !strcmp(v->text, "union"))
		r->vocabulary = VOCABULARY_UNION;
	else
		r->vocabulary = VOCABULARY_MODEL;
	return r->vocabulary == VOCABULARY_MODEL ? varm_recipe_model(r, v, &r->vocabulary_model, e)
						 : 0;
}

static int read_tokenizer(struct recipe *r, const struct yaml *doc, struct fc_err *e)
{
	const struct yaml *source = varm_recipe_get(doc, "tokenizer_source"),
			  *v = varm_recipe_get(doc, "tokenizer");
	const struct yaml *pad, *tokens;
	r->tokenizer = v ? v : source;
	if (source && v)
		return varm_recipe_fail(r, v->line, e, "tokenizer beside tokenizer_source");
	if (source)
		return read_vocabulary(r, source, e);
	if (!v)
		return 0;
	if (VARM_RECIPE_KNOWN(r, v, "tokenizer", e, "source", "tokens", "pad_to_multiple_of") < 0 ||
	    varm_recipe_get_kind(r, v, "tokens", YAML_MAP, &tokens, e) < 0 ||
	    (tokens && varm_recipe_read_tokens(r, tokens, e) < 0))
		return -1;
	pad = varm_recipe_get(v, "pad_to_multiple_of");
	if (pad && (!varm_yaml_int(pad, &r->pad_to_multiple_of) || r->pad_to_multiple_of < 1))
		return varm_recipe_fail(
		    r, pad->line, e, "pad_to_multiple_of: expected a number above 0");
	r->vocabulary = VOCABULARY_UNION;
	source = varm_recipe_get(v, "source");
	return source ? read_vocabulary(r, source, e) : 0;
}

static int read_seed(struct recipe *r, const struct yaml *doc, struct fc_err *e)
{
	const struct yaml *v = varm_recipe_get(doc, "random_seed");
	char *end = NULL;
	errno = 0;
	if (v && v->kind == YAML_TEXT && isdigit((unsigned char)*v->text))
		r->seed = strtoull(v->text, &end, 10);
	if (v && (!end || *end || errno))
		return varm_recipe_fail(
		    r, v->line, e, "random_seed: expected a whole number, 0 or more");
	return 0;
}

static int read_texts(struct recipe *r, const struct yaml *doc, struct fc_err *e)
{
	const struct yaml *method, *name;
	if (varm_recipe_get_kind(r, doc, "merge_method", YAML_TEXT, &method, e) < 0 ||
	    varm_recipe_get_kind(r, doc, "name", YAML_TEXT, &name, e) < 0 ||
	    varm_recipe_get_kind(r, doc, "dtype", YAML_TEXT, &r->dtype, e) < 0 ||
	    varm_recipe_get_kind(r, doc, "out_dtype", YAML_TEXT, &r->out_dtype, e) < 0 ||
	    varm_recipe_get_kind(r, doc, "chat_template", YAML_TEXT, &r->chat_template, e) < 0 ||
	    read_seed(r, doc, e) < 0 ||
	    varm_recipe_get_kind(r, doc, "parameters", YAML_MAP, &r->parameters, e) < 0)
		return -1;
	if (!method)
		return varm_recipe_fail(r, doc->line, e, "no merge_method");
	r->method = method->text;
	r->method_line = method->line;
	r->name = name ? name->text : NULL;
	return 0;
}

int varm_recipe_read(struct recipe *r, const struct yaml *doc, const char *file,
    const char *const *said_by, struct fc_err *e)
{
	*r = (struct recipe){.file = file, .said_by = said_by, .base = -1, .line = doc->line};
	if (VARM_RECIPE_KNOWN(r, doc, "a recipe", e, "merge_method", "models", "slices", "modules",
		"base_model", "parameters", "dtype", "out_dtype", "tokenizer_source", "tokenizer",
		"chat_template", "name", "random_seed") < 0 ||
	    read_texts(r, doc, e) < 0 || read_modules(r, doc, e) < 0 ||
	    read_base(r, doc, &r->base, e) < 0)
		return -1;
	const struct yaml *base = varm_recipe_get(doc, "base_model");
	r->base_line = base ? base->line : doc->line;
	return read_tokenizer(r, doc, e);
}

void varm_recipe_release(struct recipe *r)
{
	for (size_t i = 0; i < r->n_model; i++)
		varm_recipe_model_release(&r->model[i]);
	for (size_t i = 0; i < r->n_slice; i++)
		free(r->slice[i].source);
	free(r->model);
	free(r->reference);
	free(r->token);
	free(r->slice);
}
