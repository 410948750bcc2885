/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/source/source_model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/door.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "fc-varm/source/layername.h"
#include "model/config.h"
#include "store/modelfiles.h"
#include "text/json.h"

void varm_models_add(struct models *p, const char *name, const char *path)
{
	FC_GROW(p->result, p->cap, p->n_result + 1);
	p->result[p->n_result++] = (struct models_result){fc_strdup(name), fc_strdup(path)};
}

void varm_models_release(struct models *p)
{
	for (size_t i = 0; i < p->n_result; i++) {
		free(p->result[i].name);
		free(p->result[i].path);
	}
	free(p->result);
}

/* A hub's name has one slash, inside. */
static bool is_path(const char *name)
{
	const char *slash = strchr(name, '/');
	return strchr("/.~", *name) || (slash && (strchr(slash + 1, '/') || !slash[1]));
}

static void add_name(struct fc_buf *b, const char *path)
{
	size_t n = strlen(path), from;
	while (n > 1 && path[n - 1] == '/')
		n--;
	for (from = n; is_path(path) && from && path[from - 1] != '/';)
		from--;
	if (!is_path(path) || from == n)
		from = 0;
	fc_buf_add(b, path + from, n - from);
}

char *varm_source_model_name(const char *reference)
{
	struct fc_buf b = FC_BUF_INIT;
	const char *plus = strchr(reference, '+');
	char *model = plus ? fc_memdup0(reference, (size_t)(plus - reference)) : NULL;
	add_name(&b, model ? model : reference);
	if (plus) {
		fc_buf_addc(&b, '+');
		add_name(&b, plus + 1);
	}
	free(model);
	return fc_buf_detach(&b);
}

/* "dir/name" if it is there, else NULL. */
static char *look_in(const char *dir, const char *name)
{
	char *path = fc_path_join(dir, name);
	if (fc_file_exists(path))
		return path;
	free(path);
	return NULL;
}

/* A path as it is, "-" too, or a name: the result of an earlier document, or "org/name" below
 * --models, with or without its "org". */
static char *resolve(const char *name, const struct models *where)
{
	for (size_t i = 0; i < where->n_result; i++)
		if (!strcmp(where->result[i].name, name))
			return fc_strdup(where->result[i].path);
	if (!strcmp(name, "-") || fc_file_exists(name))
		return fc_strdup(name);
	const char *slash = strrchr(name, '/');
	char *path = where->dir ? look_in(where->dir, name) : NULL;
	return path || !where->dir || !slash ? path : look_in(where->dir, slash + 1);
}

void varm_source_model_tell(const struct recipe_model *m, const struct models *where)
{
	if (m->text && fc_file_exists(m->text))
		fc_door_input(m->text, NULL);
	char *path = resolve(m->path, where), *lora = m->lora ? resolve(m->lora, where) : NULL;
	fc_door_input(path, NULL);
	fc_door_input(lora, NULL);
	free(path);
	free(lora);
}

static int find_model(char **path, const char *name, const struct recipe *r,
    const struct recipe_model *m, const struct models *where, struct fc_err *e)
{
	*path = resolve(name, where);
	if (!*path && r->said_by && !where->dir) /* whoever opens it says what is wrong with it */
		*path = fc_strdup(name);
	if (*path)
		return 0;
	if (where->dir)
		return varm_recipe_fail(
		    r, m->line, e, "no model '%s', also not below %s", name, where->dir);
	return varm_recipe_fail(r, m->line, e,
	    "no model '%s'; nothing is fetched from a hub: get it, and name its folder, or "
	    "the one it is in with --models",
	    name);
}

static void count_layers(struct source_model *g)
{
	for (size_t i = 0; i < fc_store_count(g->store); i++) {
		size_t at, n;
		int layer = varm_layername_find(fc_store_at(g->store, i)->name, &at, &n);
		g->n_layer = layer >= g->n_layer ? layer + 1 : g->n_layer;
	}
}

static int open_store(struct source_model *g, struct fc_err *e)
{
	if (fc_store_open_update(&g->store, g->path, &g->pivot, e) < 0)
		return -1;
	if (fc_modelfiles_has_adapter(g->path))
		fc_note(FC_MODELFILES_ADAPTER, g->path);
	g->fingerprint = fc_store_fingerprint(g->store);
	count_layers(g);
	return 0;
}

/* By the family of its config.json; other models and single files do not say. */
static enum varm_layout layout_of(const char *path)
{
	struct fc_config c;
	struct fc_err why;
	if (fc_config_load(&c, path, &why) < 0)
		return VARM_LAYOUT_UNKNOWN;
	const bool turned = c.conv1d;
	fc_config_release(&c);
	return turned ? VARM_IN_OUT : VARM_OUT_IN;
}

static int open_adapter(struct source_model *g, const char *path, struct fc_err *e)
{
	if (g->pivot)
		return fc_fail(e, "%s: an adapter to the update of a model", g->path);
	if (varm_adapter_open(&g->adapter, path, g->store, layout_of(g->path), e) < 0)
		return -1;
	uint64_t own = varm_adapter_fingerprint(g->adapter);
	g->fingerprint = fc_hash(&own, sizeof own, g->fingerprint);
	return 0;
}

int varm_source_model_open(struct source_model *g, const struct recipe *r,
    const struct recipe_model *m, const struct models *where, struct fc_err *e)
{
	char *model = varm_source_model_name(m->path),
	     *lora = m->lora ? varm_source_model_name(m->lora) : NULL;
	struct fc_buf name = FC_BUF_INIT;
	fc_buf_addf(&name, "%s%s%s", model, lora ? "+" : "", lora ? lora : "");
	free(model);
	free(lora);
	*g = (struct source_model){.name = fc_buf_detach(&name), .line = m->line};
	/* A folder may have '@' and '+' in its name. */
	bool literal = m->text && fc_file_exists(m->text);
	g->path = literal ? fc_strdup(m->text) : NULL;
	if (!g->path && find_model(&g->path, m->path, r, m, where, e) < 0)
		return -1;
	if (m->revision)
		varm_recipe_warn(
		    r, m->line, "whether %s is revision %s is not checked", g->path, m->revision);
	if (open_store(g, e) < 0)
		return -1;
	if (!m->lora || literal)
		return 0;
	char *path;
	if (find_model(&path, m->lora, r, m, where, e) < 0)
		return -1;
	int ret = open_adapter(g, path, e);
	free(path);
	return ret;
}

int varm_source_model_attach(
    struct source_model *g, const struct source_model *pivot, struct fc_err *e)
{
	if (!g->pivot)
		return 0;
	if (!pivot || pivot == g)
		return fc_fail(
		    e, "%s: the update of a model: the base must be that model", g->path);
	if (g->pivot != pivot->fingerprint)
		return fc_fail(e,
		    "%s: the update of the model with fingerprint %016" PRIx64
		    ", but %s has %016" PRIx64,
		    g->path, g->pivot, pivot->path, pivot->fingerprint);
	for (size_t i = 0; i < fc_store_count(g->store); i++) {
		const struct fc_tensor *t = fc_store_at(g->store, i);
		const struct fc_tensor *of = fc_store_find(pivot->store, t->name);
		if (!of || !fc_tensor_same_shape(t, of) || !fc_dtype_is_real(t->dtype) ||
		    !fc_dtype_is_real(of->dtype))
			return fc_fail(
			    e, "%s: tensor %s does not fit into %s", g->path, t->name, pivot->path);
	}
	g->of = pivot;
	g->n_layer = pivot->n_layer;
	g->changed = FC_ARRAY(struct changed, fc_store_count(g->store) + 1);
	return 0;
}

const struct fc_store *varm_source_model_store(const struct source_model *g)
{
	return g->of ? g->of->store : g->store;
}

/* The change of a tensor and its number; that of the embedding is also that of a tied head. */
static const struct fc_tensor *find_change(
    const struct source_model *g, const char *name, size_t *number)
{
	size_t n = fc_store_count(g->store);
	for (*number = 0; *number < n; ++*number)
		if (!strcmp(fc_store_at(g->store, *number)->name, name))
			return fc_store_at(g->store, *number);
	bool tied = !strcmp(name, HEAD) && !varm_source_model_has_head(g->of);
	return tied ? fc_store_find(g->store, EMBEDDING) : NULL;
}

void varm_source_model_close(struct source_model *g)
{
	free(g->changed);
	varm_adapter_close(g->adapter);
	fc_store_close(g->store);
	free(g->path);
	free(g->name);
}

static const struct fc_tensor *find_stored(const struct source_model *g, const char *name)
{
	const struct fc_tensor *t = fc_store_find(g->store, name);
	return t || strcmp(name, HEAD) != 0 ? t : fc_store_find(g->store, EMBEDDING);
}

const struct fc_tensor *varm_source_model_find(const struct source_model *g, const char *name)
{
	if (g->of)
		return varm_source_model_find(g->of, name);
	const struct fc_tensor *t = find_stored(g, name);
	const struct fc_tensor *own =
	    t && g->adapter ? varm_adapter_replacement(g->adapter, t->name) : NULL;
	return own ? own : t;
}

struct values varm_source_model_values(const struct source_model *g, const char *name, int model)
{
	if (g->of) {
		size_t number;
		const struct fc_tensor *change = find_change(g, name, &number);
		struct values value = varm_source_model_values(g->of, name, model);
		return change ? varm_changes_values(&g->changed[number], value, change) : value;
	}
	struct values f = varm_values_mapped(varm_source_model_find(g, name), model);
	return g->adapter ? varm_adapter_values(g->adapter, find_stored(g, name)->name, f) : f;
}

bool varm_source_model_has_head(const struct source_model *g)
{
	const struct fc_tensor *head = fc_store_find(g->store, HEAD);
	const struct fc_tensor *embedding = fc_store_find(g->store, EMBEDDING);
	if (g->of)
		return head || varm_source_model_has_head(g->of);
	if (head && g->adapter &&
	    (varm_adapter_changes(g->adapter, HEAD) || varm_adapter_changes(g->adapter, EMBEDDING)))
		return true;
	return head && (!embedding || !varm_source_model_same_bytes(head, embedding));
}

bool varm_source_model_same_bytes(const struct fc_tensor *a, const struct fc_tensor *b)
{
	return a->dtype == b->dtype && a->order == b->order && fc_tensor_same_shape(a, b) &&
	    (!a->n_bytes || !memcmp(a->data, b->data, a->n_bytes));
}

int varm_source_model_is_tied(const struct source_model *g, bool *tied, struct fc_err *e)
{
	char *path = fc_path_join(g->path, "config.json");
	json_t *config = NULL;
	int ret = 0;
	*tied = !fc_store_find(g->store, HEAD);
	if (!*tied && fc_file_exists(path)) {
		config = fc_json_file(path, e);
		ret =
		    config ? fc_json_bool(config, "tie_word_embeddings", false, tied, path, e) : -1;
	}
	json_decref(config);
	free(path);
	return ret;
}

/* Rotary frequencies: old checkpoints store them, newer ones of the same model do not. */
bool varm_source_model_is_derived(const char *name)
{
	static const char end[] = ".rotary_emb.inv_freq";
	size_t n = strlen(name), m = sizeof end - 1;
	return n >= m && !strcmp(name + n - m, end);
}
