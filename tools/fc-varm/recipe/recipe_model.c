/* SPDX-License-Identifier: Apache-2.0 */
/* References to models in a recipe, and what reading any part of it needs. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/die.h"
#include "base/mem.h"
#include "fc-varm/recipe/recipe_parts.h"

/* "recipe.yml:3: ", or "--density: " */
static void add_place(struct fc_buf *b, const struct recipe *r, int line)
{
	if (!r->said_by)
		fc_buf_addf(b, "%s:%d: ", r->file, line);
	else if (r->said_by[line])
		fc_buf_addf(b, "%s: ", r->said_by[line]);
}

int varm_recipe_fail(const struct recipe *r, int line, struct fc_err *e, const char *fmt, ...)
{
	struct fc_buf place = FC_BUF_INIT;
	struct fc_err why;
	va_list ap;
	va_start(ap, fmt);
	fc_vfail(&why, fmt, ap);
	va_end(ap);
	add_place(&place, r, line);
	fc_fail(e, "%s%s", place.p ? place.p : "", why.msg);
	fc_buf_release(&place);
	return -1;
}

void varm_recipe_warn(const struct recipe *r, int line, const char *fmt, ...)
{
	struct fc_buf place = FC_BUF_INIT;
	struct fc_err why;
	va_list ap;
	va_start(ap, fmt);
	fc_vfail(&why, fmt, ap);
	va_end(ap);
	add_place(&place, r, line);
	fc_warn("%s%s", place.p ? place.p : "", why.msg);
	fc_buf_release(&place);
}

int varm_recipe_known(const struct recipe *r, const struct yaml *map, const char *what,
    const char *const *known, size_t n, struct fc_err *e)
{
	if (map->kind != YAML_MAP)
		return varm_recipe_fail(r, map->line, e, "%s: expected a map of keys", what);
	for (size_t i = 0; i < map->n; i++) {
		size_t k = 0;
		while (k < n && strcmp(known[k], map->key[i]->text) != 0)
			k++;
		if (k < n)
			continue;
		struct fc_buf list = FC_BUF_INIT;
		for (k = 0; k < n; k++)
			fc_buf_addf(&list, "%s%s", k ? ", " : "", known[k]);
		varm_recipe_fail(r, map->key[i]->line, e,
		    "%s does not know '%.64s'; its keys are %s", what, map->key[i]->text, list.p);
		fc_buf_release(&list);
		return -1;
	}
	return 0;
}

const struct yaml *varm_recipe_get(const struct yaml *map, const char *key)
{
	const struct yaml *v = varm_yaml_get(map, key);
	return v && !varm_yaml_is_null(v) ? v : NULL;
}

int varm_recipe_expect(const struct recipe *r, const struct yaml *v, enum yaml_kind kind,
    const char *what, struct fc_err *e)
{
	static const char *const kinds[] = {"a text", "a list", "a map of keys"};
	if (v->kind == kind)
		return 0;
	return varm_recipe_fail(r, v->line, e, "%s: expected %s", what, kinds[kind]);
}

int varm_recipe_get_kind(const struct recipe *r, const struct yaml *map, const char *key,
    enum yaml_kind kind, const struct yaml **v, struct fc_err *e)
{
	*v = varm_recipe_get(map, key);
	return *v ? varm_recipe_expect(r, *v, kind, key, e) : 0;
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
		return varm_recipe_fail(r, line, e, "'%.200s' has two '@'", path);
	if (at && revision) {
		*at = '\0';
		*revision = fc_strdup(at + 1);
	}
	if (!*path || (at && !at[1]))
		return varm_recipe_fail(r, line, e, "a model's path or revision is empty");
	return 0;
}

/* A path: text, or a map with path and revision. */
static int read_path(
    struct recipe *r, const struct yaml *v, char **path, char **revision, struct fc_err *e)
{
	const struct yaml *p = v, *rev = NULL;
	if (v->kind == YAML_MAP) {
		if (VARM_RECIPE_KNOWN(r, v, "a model's path", e, "path", "revision") < 0 ||
		    varm_recipe_get_kind(r, v, "revision", YAML_TEXT, &rev, e) < 0)
			return -1;
		p = varm_recipe_get(v, "path");
		if (!p)
			return varm_recipe_fail(r, v->line, e, "no path");
	}
	if (varm_recipe_expect(r, p, YAML_TEXT, "a model's path", e) < 0)
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
		if (VARM_RECIPE_KNOWN(r, v, "a model", e, "model", "lora") < 0)
			return -1;
		model = varm_recipe_get(v, "model");
		lora = varm_recipe_get(v, "lora");
		if (!model)
			return varm_recipe_fail(r, v->line, e, "no model");
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
		return varm_recipe_fail(r, v->line, e, "'%.200s': more than one adapter", v->text);
	if (plus) {
		*plus = '\0';
		m->lora = fc_strdup(plus + 1);
		if (split_revision(r, v->line, m->lora, NULL, e) < 0)
			return -1;
	}
	return split_revision(r, v->line, m->path, &m->revision, e);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

void varm_recipe_model_release(struct recipe_model *m)
{
	free(m->path);
	free(m->revision);
	free(m->lora);
}

int varm_recipe_model(struct recipe *r, const struct yaml *v, size_t *model, struct fc_err *e)
{
	struct recipe_model m = {.text = v->text, .line = v->line};
	if (read_reference(r, v, &m, e) < 0) {
		varm_recipe_model_release(&m);
		return -1;
	}
	for (size_t i = 0; i < r->n_model && !r->said_by; i++) {
		const struct recipe_model *old = &r->model[i];
		if (same_text(old->path, m.path) && same_text(old->revision, m.revision) &&
		    same_text(old->lora, m.lora)) {
			varm_recipe_model_release(&m);
			*model = i;
			return 0;
		}
	}
	FC_GROW(r->model, r->cap_model, r->n_model + 1);
	r->model[ *model = r->n_model++] = m;
	return 0;
}
