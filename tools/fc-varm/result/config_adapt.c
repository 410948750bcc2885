/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/result/config_adapt.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "fc-varm/result/layer_facts.h"
#include "store/modeldtype.h"
#include "text/json_write.h"

/* The configuration of a recipe's model, with what it says of layers as lists. */
struct described {
	json_t *config; /* NULL: a file of weights alone, which is as the donor says */
	json_t *part;
	const char *count_key;
	int n_layer;
};

static int describe(struct described *d, const char *path, struct fc_err *e)
{
	d->part = varm_layer_facts_part(d->config, &d->count_key);
	if (!d->part)
		return fc_fail(e, "%s: the number of layers is under no name that is known", path);
	d->n_layer = (int)json_integer_value(json_object_get(d->part, d->count_key));
	return varm_layer_facts_complete(d->part, d->n_layer, path, e);
}

static int describe_model(struct described *d, const struct source_model *g, struct fc_err *e)
{
	char *path = fc_path_join(g->path, "config.json");
	int ret = 0;
	if (fc_file_exists(path)) {
		d->config = fc_json_file(path, e);
		ret = d->config ? describe(d, path, e) : -1;
	}
	free(path);
	return ret;
}

/* What the source's model says of its layer under the key of a list. */
static int find_fact(const struct recipe_plan *rp, const struct described *d, const char *key,
    const struct recipe_source *s, int layer, json_t **fact, struct fc_err *e)
{
	const struct described *of = d[s->model].config ? &d[s->model] : &d[rp->donor];
	const json_t *list = json_object_get(of->part, key);
	*fact = json_array_get(list, (size_t)layer);
	if (!*fact || !varm_layer_facts_is_list(key, list, of->n_layer))
		return fc_fail(e, "%s: config.json: %s has no entry for layer %d",
		    rp->model[s->model].path, key, layer);
	return 0;
}

/* Layer by layer, an entry is that of the layer it is made of: of the first source, which the
 * others should be like. */
static int move_list(const struct recipe_plan *rp, const struct described *d, const char *key,
    json_t *moved, struct fc_err *e)
{
	const struct recipe *r = rp->recipe;
	bool warned = false;
	for (size_t i = 0; i < r->n_slice; i++) {
		const struct recipe_source *s = r->slice[i].source;
		for (int n = 0; n < s[0].to - s[0].from; n++) {
			json_t *fact, *other;
			if (find_fact(rp, d, key, &s[0], s[0].from + n, &fact, e) < 0)
				return -1;
			for (size_t k = 1; k < r->slice[i].n && !warned; k++) {
				if (find_fact(rp, d, key, &s[k], s[k].from + n, &other, e) < 0)
					return -1;
				warned = !json_equal(fact, other);
				if (warned)
					varm_recipe_warn(r, s[k].line,
					    "layer %d of %s is of another kind "
					    "(config.json: %s) than layer %d of %s, whose kind "
					    "their merge has",
					    s[k].from + n, rp->model[s[k].model].path, key,
					    s[0].from + n, rp->model[s[0].model].path);
			}
			json_array_append(moved, fact);
		}
	}
	return 0;
}

static int move_lists(
    json_t *part, const struct recipe_plan *rp, const struct described *d, struct fc_err *e)
{
	const struct described *donor = &d[rp->donor];
	const char *key;
	json_t *value;
	json_object_foreach(donor->part, key, value)
	{
		if (!varm_layer_facts_is_list(key, value, donor->n_layer))
			continue;
		json_t *moved = json_array();
		json_object_set_new(part, key, moved);
		if (move_list(rp, d, key, moved, e) < 0)
			return -1;
	}
	varm_layer_facts_finish(part);
	return 0;
}

/* The layers of the result are the donor's, each in its place. */
static bool is_in_place(const struct recipe_plan *rp, int n_layer)
{
	const struct recipe *r = rp->recipe;
	int at = 0;
	for (size_t i = 0; i < r->n_slice; i++)
		for (int n = r->slice[i].source[0].from; n < r->slice[i].source[0].to; n++)
			if (n != at++)
				return false;
	return at == n_layer;
}

static int adapt_layers(json_t *config, const struct recipe_plan *rp, struct fc_err *e)
{
	const struct recipe *r = rp->recipe;
	struct described *d = FC_ARRAY(struct described, r->n_model + 1);
	const char *key = NULL;
	int ret = 0;
	json_t *part = varm_layer_facts_part(config, &key);
	if (r->whole ||
	    (part && is_in_place(rp, (int)json_integer_value(json_object_get(part, key)))))
		goto out;
	d[rp->donor].config = json_deep_copy(config);
	ret = describe(&d[rp->donor], rp->model[rp->donor].path, e);
	for (size_t i = 0; i < r->n_model && ret == 0; i++)
		if (i != rp->donor)
			ret = describe_model(&d[i], &rp->model[i], e);
	if (ret == 0) {
		json_object_update(part, d[rp->donor].part);
		ret = move_lists(part, rp, d, e);
		json_object_set_new(part, key, json_integer(rp->n_layer));
	}
out:
	for (size_t i = 0; i < r->n_model; i++)
		json_decref(d[i].config);
	free(d);
	return ret;
}

/* A model that sees images has the vocabulary in its part for text. */
static void adapt_vocabulary(json_t *config, size_t n_row)
{
	json_t *text = json_object_get(config, "text_config");
	json_t *part = json_object_get(text, "vocab_size") ? text : config;
	json_object_set_new(part, "vocab_size", json_integer((json_int_t)n_row));
}

int varm_config_adapt(const char *dir, const struct recipe_plan *rp, struct fc_err *e)
{
	char *path = fc_path_join(dir, "config.json");
	json_t *config = NULL;
	int ret = 0;
	/* the pivot's own text stays where a command line changes nothing in it */
	bool changes = !rp->recipe->said_by || rp->torch_dtype;
	if (changes && fc_file_exists(path)) {
		config = fc_json_file(path, e);
		ret = !config                ? -1
		    : json_is_object(config) ? 0
					     : fc_fail(e, "%s: not a JSON object", path);
	}
	if (config && ret == 0)
		ret = adapt_layers(config, rp, e);
	if (config && ret == 0) {
		if (rp->has_vocabulary)
			adapt_vocabulary(config, rp->vocabulary.n_row);
		if (rp->torch_dtype)
			fc_modeldtype_set(config, rp->torch_dtype);
		ret = fc_json_write(path, config, e);
	}
	json_decref(config);
	free(path);
	return ret;
}
