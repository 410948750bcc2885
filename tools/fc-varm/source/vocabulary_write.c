/* SPDX-License-Identifier: Apache-2.0 */
/* The tokenizer's files in the result's folder. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "chat/model_copy.h"
#include "fc-varm/source/vocabulary.h"
#include "store/modelfiles.h"
#include "text/json_write.h"

/* The files of one model's tokenizer in place of another's. */
static int replace_files(const char *from, const char *dir, struct fc_err *e)
{
	if (fc_modelfiles_remove(dir, FC_MODELFILES_TOKENIZER, e) < 0)
		return -1;
	return fc_model_copy(from, dir, FC_MODELFILES_TOKENIZER, NULL, e);
}

/* "added_tokens_decoder" of tokenizer_config.json, id -> token. */
static void add_to_config(json_t *config, const json_t *added)
{
	json_t *decoder = json_object_get(config, "added_tokens_decoder"), *o;
	size_t i;
	json_array_foreach(added, i, o)
	{
		char id[32];
		json_t *entry = json_copy(o);
		snprintf(id, sizeof id, "%" JSON_INTEGER_FORMAT,
		    json_integer_value(json_object_get(o, "id")));
		json_object_del(entry, "id");
		if (json_is_object(decoder))
			json_object_set_new(decoder, id, entry);
		else
			json_decref(entry);
	}
}

/* added_tokens.json, token -> id. */
static void add_to_list(json_t *list, const json_t *added)
{
	json_t *o;
	size_t i;
	json_array_foreach(added, i, o)
	{
		json_object_set(list, json_string_value(json_object_get(o, "content")),
		    json_object_get(o, "id"));
	}
}

static int edit(const char *dir, const char *name, const json_t *added,
    void (*change)(json_t *v, const json_t *added), struct fc_err *e)
{
	char *path = fc_path_join(dir, name);
	json_t *v = NULL;
	int ret = 0;
	if (fc_file_exists(path)) {
		v = fc_json_file(path, e);
		ret = v ? 0 : -1;
	}
	if (json_is_object(v)) {
		change(v, added);
		ret = fc_json_write(path, v, e);
	}
	json_decref(v);
	free(path);
	return ret;
}

int varm_vocabulary_write(
    const struct vocabulary *v, const struct source_model *model, const char *dir, struct fc_err *e)
{
	if (v->recipe->vocabulary == VOCABULARY_MODEL &&
	    replace_files(model[v->source].path, dir, e) < 0)
		return -1;
	if (!json_array_size(v->added))
		return 0;
	char *path = fc_path_join(dir, "tokenizer.json");
	int ret = fc_json_write(path, v->tokenizer, e);
	free(path);
	return ret == 0 && edit(dir, "tokenizer_config.json", v->added, add_to_config, e) == 0 &&
		edit(dir, "added_tokens.json", v->added, add_to_list, e) == 0
	    ? 0
	    : -1;
}
