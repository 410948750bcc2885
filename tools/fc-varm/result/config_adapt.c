/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/result/config_adapt.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "text/json_write.h"

/* Families name the number of layers differently. */
static const char *layers_key(const json_t *config)
{
	static const char *const keys[] = {
	    "num_hidden_layers", "n_layer", "num_layers", "n_layers"};
	for (size_t i = 0; i < FC_LEN(keys); i++)
		if (json_is_integer(json_object_get(config, keys[i])))
			return keys[i];
	return NULL;
}

/* "layer_types" has an entry a layer: each is taken from where the layer comes from. */
static int adapt_types(json_t *config, const struct recipe_plan *rp, struct fc_err *e)
{
	const struct recipe *r = rp->recipe;
	const json_t *old = json_object_get(config, "layer_types");
	json_t *types = json_array();
	for (size_t i = 0; i < r->n_slice; i++) {
		const struct recipe_source *s = &r->slice[i].source[0];
		for (int layer = s->from; layer < s->to; layer++) {
			json_t *type = json_array_get(old, (size_t)layer);
			if (!type) {
				json_decref(types);
				return fc_fail(e,
				    "%s: config.json: layer_types has no entry for layer %d",
				    rp->model[rp->donor].path, layer);
			}
			json_array_append(types, type);
		}
	}
	return json_object_set_new(config, "layer_types", types);
}

static int adapt_layers(json_t *config, const struct recipe_plan *rp, struct fc_err *e)
{
	const char *key = layers_key(config);
	if (!key || rp->recipe->whole)
		return 0;
	json_object_set_new(config, key, json_integer(rp->n_layer));
	return json_object_get(config, "layer_types") ? adapt_types(config, rp, e) : 0;
}

static void adapt_dtype(json_t *config, const char *torch)
{
	const char *key = json_object_get(config, "dtype") ? "dtype" : "torch_dtype";
	json_object_set_new(config, key, json_string(torch));
}

int varm_config_adapt(const char *dir, const struct recipe_plan *rp, struct fc_err *e)
{
	char *path = fc_path_join(dir, "config.json");
	json_t *config = NULL;
	int ret = 0;
	if (fc_file_exists(path)) {
		config = fc_json_file(path, e);
		ret = !config                ? -1
		    : json_is_object(config) ? 0
					     : fc_fail(e, "%s: not a JSON object", path);
	}
	if (config && ret == 0)
		ret = adapt_layers(config, rp, e);
	if (config && ret == 0) {
		if (rp->has_vocabulary)
			json_object_set_new(
			    config, "vocab_size", json_integer((json_int_t)rp->vocabulary.n_row));
		if (rp->torch_dtype)
			adapt_dtype(config, rp->torch_dtype);
		ret = fc_json_write(path, config, e);
	}
	json_decref(config);
	free(path);
	return ret;
}
