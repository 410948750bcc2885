/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/recipe/recipe.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define KNOWN(r, map, what, e, ...)                                                                \
	varm_recipe_known(r, map, what, (const char *const[]){__VA_ARGS__},                        \
	    FC_LEN(((const char *const[]){__VA_ARGS__})), e)

int varm_recipe_known(const struct recipe *r, const struct yaml *map, const char *what,
    const char *const *known, size_t n, struct fc_err *e)
{
	if (map->kind != YAML_MAP)
		return fc_fail(e, "%s:%d: %s: expected a map of keys", r->file, map->line, what);
	for (size_t i = 0; i < map->n; i++) {
		size_t k = 0;
		while (k < n && strcmp(known[k], map->key[i]->text) != 0)
			k++;
		if (k < n)
			continue;
		struct fc_buf list = FC_BUF_INIT;
		for (k = 0; k < n; k++)
			fc_buf_addf(&list, "%s%s", k ? ", " : "", known[k]);
		fc_fail(e, "%s:%d: %s does not know '%.64s'; its keys are %s", r->file,
		    map->key[i]->line, what, map->key[i]->text, list.p);
		fc_buf_release(&list);
		return -1;
	}
	return 0;
}

/* A key that is missing or null is no value. */
static const struct yaml *get(const struct yaml *map, const char *key)
{
	const struct yaml *v = varm_yaml_get(map, key);
	return v && !varm_yaml_is_null(v) ? v : NULL;
}

static int expect(const struct recipe *r, const struct yaml *v, enum yaml_kind kind,
    const char *what, struct fc_err *e)
{
	static const char *const kinds[] = {"a text", "a list", "a map of keys"};
	if (v->kind == kind)
		return 0;
	return fc_fail(e, "%s:%d: %s: expected %s", r->file, v->line, what, kinds[kind]);
}

/* *v is NULL where the key is missing. */
static int get_kind(const struct recipe *r, const struct yaml *map, const char *key,
    enum yaml_kind kind, const struct yaml **v, struct fc_err *e)
{
	*v = get(map, key);
	return *v ? expect(r, *v, kind, key, e) : 0;
}

static void add_reference(struct recipe *r, const struct yaml *v)
{
	FC_GROW(r->reference, r->cap_reference, r->n_reference + 1);
	r->reference[r->n_reference++] = v;
}

/* "path@revision" */
static int split_revision(
    const struct recipe *r, int line, char *path, char **revision, struct fc_err *e)
{
	char *at = strchr(path, '@');
	if (at && strchr(at + 1, '@'))
		return fc_fail(e, "%s:%d: '%.200s' has two '@'", r->file, line, path);
	if (at && revision) {
		*at = '\0';
		*revision = fc_strdup(at + 1);
	}
	if (!*path || (at && !at[1]))
		return fc_fail(e, "%s:%d: a model's path or revision is empty", r->file, line);
	return 0;
}

/* A path: text, or a map with path and revision. */
static int read_path(
    struct recipe *r, const struct yaml *v, char **path, char **revision, struct fc_err *e)
{
	const struct yaml *p = v, *rev = NULL;
	if (v->kind == YAML_MAP) {
		if (KNOWN(r, v, "a model's path", e, "path", "revision") < 0 ||
		    get_kind(r, v, "revision", YAML_TEXT, &rev, e) < 0)
			return -1;
		p = get(v, "path");
		if (!p)
			return fc_fail(e, "%s:%d: no path", r->file, v->line);
	}
	if (expect(r, p, YAML_TEXT, "a model's path", e) < 0)
		return -1;
	add_reference(r, p);
	*path = fc_strdup(p->text);
	if (rev && revision)
		*revision = fc_strdup(rev->text);
	return v->kind == YAML_MAP ? 0 : split_revision(r, p->line, *path, revision, e);
}

static int read_reference(
    struct recipe *r, const struct yaml *v, struct recipe_model *m, struct fc_err *e)
{
	if (v->kind == YAML_MAP && !varm_yaml_get(v, "path")) {
		const struct yaml *model, *lora;
		if (KNOWN(r, v, "a model", e, "model", "lora") < 0)
			return -1;
		model = get(v, "model");
		lora = get(v, "lora");
		if (!model)
			return fc_fail(e, "%s:%d: no model", r->file, v->line);
		if (lora && read_path(r, lora, &m->lora, NULL, e) < 0)
			return -1;
		return read_path(r, model, &m->path, &m->revision, e);
	}
	if (v->kind != YAML_TEXT)
		return read_path(r, v, &m->path, &m->revision, e);
	add_reference(r, v);
	m->path = fc_strdup(v->text);
	char *plus = strchr(m->path, '+');
	if (plus && strchr(plus + 1, '+'))
		return fc_fail(
		    e, "%s:%d: '%.200s': more than one adapter", r->file, v->line, v->text);
	if (plus) {
		*plus = '\0';
		m->lora = fc_strdup(plus + 1);
		if (split_revision(r, v->line, m->lora, NULL, e) < 0)
			return -1;
	}
	return split_revision(r, v->line, m->path, &m->revision, e);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static void model_release(struct recipe_model *m)
{
	free(m->path);
	free(m->revision);
	free(m->lora);
}

int varm_recipe_model(struct recipe *r, const struct yaml *v, size_t *model, struct fc_err *e)
{
	struct recipe_model m = {.text = v->text, .line = v->line};
	if (read_reference(r, v, &m, e) < 0) {
		model_release(&m);
		return -1;
	}
	for (size_t i = 0; i < r->n_model; i++) {
		const struct recipe_model *old = &r->model[i];
		if (same(old->path, m.path) && same(old->revision, m.revision) &&
		    same(old->lora, m.lora)) {
			model_release(&m);
			*model = i;
			return 0;
		}
	}
	FC_GROW(r->model, r->cap_model, r->n_model + 1);
	r->model[ *model = r->n_model++] = m;
	return 0;
}

static int read_base(struct recipe *r, const struct yaml *map, int *base, struct fc_err *e)
{
	const struct yaml *v = get(map, "base_model");
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
	const struct yaml *v = get(map, "layer_range");
	if (!v)
		return fc_fail(e, "%s:%d: a source without layer_range", r->file, s->line);
	if (v->kind != YAML_LIST || v->n != 2 || !varm_yaml_int(v->item[0], &s->from) ||
	    !varm_yaml_int(v->item[1], &s->to) || s->from < 0 || s->to < s->from)
		return fc_fail(e,
		    "%s:%d: layer_range: expected the first layer and the one after the last, "
		    "[0, 32]",
		    r->file, v->line);
	return 0;
}

static int read_source(
    struct recipe *r, const struct yaml *v, bool sliced, struct recipe_source *s, struct fc_err *e)
{
	s->line = v->line;
	s->to = -1;
	int known = sliced ? KNOWN(r, v, "a source", e, "model", "layer_range", "parameters")
			   : KNOWN(r, v, "an entry of models", e, "model", "parameters");
	const struct yaml *model = known < 0 ? NULL : get(v, "model");
	if (known < 0)
		return -1;
	if (!model)
		return fc_fail(e, "%s:%d: an entry without model", r->file, v->line);
	if (varm_recipe_model(r, model, &s->model, e) < 0 ||
	    get_kind(r, v, "parameters", YAML_MAP, &s->parameters, e) < 0)
		return -1;
	return sliced ? read_range(r, v, s, e) : 0;
}

static int read_sources(struct recipe *r, const struct yaml *list, bool sliced,
    struct recipe_slice *slice, struct fc_err *e)
{
	slice->source = FC_ARRAY(struct recipe_source, list->n + 1);
	slice->line = list->line;
	if (!list->n)
		return fc_fail(e, "%s:%d: an empty list of models", r->file, list->line);
	for (size_t i = 0; i < list->n; i++) {
		struct recipe_source *s = &slice->source[slice->n++];
		if (read_source(r, list->item[i], sliced, s, e) < 0)
			return -1;
		const struct recipe_source *first = &slice->source[0];
		if (s->to - s->from != first->to - first->from)
			return fc_fail(e, "%s:%d: %d layers, in line %d there are %d", r->file,
			    s->line, s->to - s->from, first->line, first->to - first->from);
		for (size_t k = 0; k < i; k++)
			if (slice->source[k].model == s->model)
				return fc_fail(e, "%s:%d: the model of line %d again", r->file,
				    s->line, slice->source[k].line);
	}
	return 0;
}

static int read_slice(
    struct recipe *r, const struct yaml *v, struct recipe_slice *slice, struct fc_err *e)
{
	const struct yaml *sources;
	if (KNOWN(r, v, "a slice", e, "sources", "base_model", "parameters") < 0 ||
	    get_kind(r, v, "sources", YAML_LIST, &sources, e) < 0 ||
	    get_kind(r, v, "parameters", YAML_MAP, &slice->parameters, e) < 0 ||
	    read_base(r, v, &slice->base, e) < 0)
		return -1;
	if (!sources)
		return fc_fail(e, "%s:%d: a slice without sources", r->file, v->line);
	return read_sources(r, sources, true, slice, e);
}

/* `models` or `slices` of the map. */
static int read_inputs(struct recipe *r, const struct yaml *map, struct fc_err *e)
{
	const struct yaml *models, *slices;
	if (get_kind(r, map, "models", YAML_LIST, &models, e) < 0 ||
	    get_kind(r, map, "slices", YAML_LIST, &slices, e) < 0)
		return -1;
	if (!models == !slices)
		return fc_fail(e, "%s:%d: expected either models or slices", r->file, map->line);
	r->whole = models != NULL;
	r->slice = FC_ARRAY(struct recipe_slice, r->whole ? 1 : slices->n + 1);
	if (r->whole) {
		r->slice[r->n_slice++].base = -1;
		return read_sources(r, models, false, &r->slice[0], e);
	}
	if (!slices->n)
		return fc_fail(e, "%s:%d: an empty list of slices", r->file, slices->line);
	for (size_t i = 0; i < slices->n; i++)
		if (read_slice(r, slices->item[i], &r->slice[r->n_slice++], e) < 0)
			return -1;
	return 0;
}

/* `modules` with its one module; models of several (images, sound) are not merged here. */
static int read_modules(struct recipe *r, const struct yaml *doc, struct fc_err *e)
{
	const struct yaml *modules;
	if (get_kind(r, doc, "modules", YAML_MAP, &modules, e) < 0)
		return -1;
	if (!modules)
		return read_inputs(r, doc, e);
	if (get(doc, "models") || get(doc, "slices"))
		return fc_fail(e, "%s:%d: modules beside models or slices", r->file, modules->line);
	if (modules->n != 1)
		return fc_fail(e,
		    "%s:%d: %zu modules: only models of one module, the language model, are "
		    "merged",
		    r->file, modules->line, modules->n);
	const struct yaml *module = modules->item[0];
	if (KNOWN(r, module, "a module", e, "models", "slices", "parameters") < 0 ||
	    get_kind(r, module, "parameters", YAML_MAP, &r->module, e) < 0)
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
	const struct yaml *source = get(doc, "tokenizer_source"), *v = get(doc, "tokenizer");
	const struct yaml *pad, *tokens;
	r->tokenizer = v ? v : source;
	if (source && v)
		return fc_fail(e, "%s:%d: tokenizer beside tokenizer_source", r->file, v->line);
	if (source)
		return read_vocabulary(r, source, e);
	if (!v)
		return 0;
	if (KNOWN(r, v, "tokenizer", e, "source", "tokens", "pad_to_multiple_of") < 0 ||
	    get_kind(r, v, "tokens", YAML_MAP, &tokens, e) < 0 ||
	    (tokens && varm_recipe_read_tokens(r, tokens, e) < 0))
		return -1;
	pad = get(v, "pad_to_multiple_of");
	if (pad && (!varm_yaml_int(pad, &r->pad_to_multiple_of) || r->pad_to_multiple_of < 1))
		return fc_fail(
		    e, "%s:%d: pad_to_multiple_of: expected a number above 0", r->file, pad->line);
	r->vocabulary = VOCABULARY_UNION;
	source = get(v, "source");
	return source ? read_vocabulary(r, source, e) : 0;
}

static int read_seed(struct recipe *r, const struct yaml *doc, struct fc_err *e)
{
	const struct yaml *v = get(doc, "random_seed");
	int seed = 0;
	if (v && (!varm_yaml_int(v, &seed) || seed < 0))
		return fc_fail(
		    e, "%s:%d: random_seed: expected a whole number, 0 or more", r->file, v->line);
	r->seed = (uint64_t)seed;
	return 0;
}

static int read_texts(struct recipe *r, const struct yaml *doc, struct fc_err *e)
{
	const struct yaml *method, *name;
	if (get_kind(r, doc, "merge_method", YAML_TEXT, &method, e) < 0 ||
	    get_kind(r, doc, "name", YAML_TEXT, &name, e) < 0 ||
	    get_kind(r, doc, "dtype", YAML_TEXT, &r->dtype, e) < 0 ||
	    get_kind(r, doc, "out_dtype", YAML_TEXT, &r->out_dtype, e) < 0 ||
	    get_kind(r, doc, "chat_template", YAML_TEXT, &r->chat_template, e) < 0 ||
	    read_seed(r, doc, e) < 0 ||
	    get_kind(r, doc, "parameters", YAML_MAP, &r->parameters, e) < 0)
		return -1;
	if (!method)
		return fc_fail(e, "%s:%d: no merge_method", r->file, doc->line);
	r->method = method->text;
	r->method_line = method->line;
	r->name = name ? name->text : NULL;
	return 0;
}

int varm_recipe_read(struct recipe *r, const struct yaml *doc, const char *file, struct fc_err *e)
{
	*r = (struct recipe){.file = file, .base = -1, .line = doc->line};
	if (KNOWN(r, doc, "a recipe", e, "merge_method", "models", "slices", "modules",
		"base_model", "parameters", "dtype", "out_dtype", "tokenizer_source", "tokenizer",
		"chat_template", "name", "random_seed") < 0 ||
	    read_texts(r, doc, e) < 0 || read_modules(r, doc, e) < 0 ||
	    read_base(r, doc, &r->base, e) < 0)
		return -1;
	const struct yaml *base = get(doc, "base_model");
	r->base_line = base ? base->line : doc->line;
	return read_tokenizer(r, doc, e);
}

void varm_recipe_release(struct recipe *r)
{
	for (size_t i = 0; i < r->n_model; i++)
		model_release(&r->model[i]);
	for (size_t i = 0; i < r->n_slice; i++)
		free(r->slice[i].source);
	free(r->model);
	free(r->reference);
	free(r->token);
	free(r->slice);
}
