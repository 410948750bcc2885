/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "token/tokparts.h"

/* "<s>" or {"content": "<s>", ...}; NULL for anything else. */
static const char *content_of(const json_t *v)
{
	return json_string_value(json_is_object(v) ? json_object_get(v, "content") : v);
}

static int added_tokens_decoder(
    struct fc_tokenizer *t, const json_t *config, const char *path, struct fc_err *e)
{
	json_t *list = json_object_get(config, "added_tokens_decoder"), *o;
	const char *key;
	json_object_foreach(list, key, o)
	{
		char where[512], *end;
		long long id = strtoll(key, &end, 10);
		snprintf(where, sizeof where, "%.400s: added_tokens_decoder: \"%.32s\"", path, key);
		if (!*key || *end || !json_is_object(o))
			return fc_fail(e, "%s: expected \"ID\": {...}", where);
		if (fc_tokfile_add(t, o, id, where, e) < 0)
			return -1;
	}
	return 0;
}

/* A token that the configuration calls special is one, even if tokenizer.json does not say so. */
static uint32_t special_id(struct fc_tokenizer *t, const char *content)
{
	struct fc_added_token *token = content ? fc_added_by_content(&t->added, content) : NULL;
	uint32_t id = FC_NO_TOKEN;
	if (!token && content) {
		id = fc_pieces_find(&t->pieces, content, strlen(content));
		if (id == FC_NO_TOKEN)
			return id;
		token = fc_added_new(&t->added, content, strlen(content), id);
	}
	if (!token)
		return FC_NO_TOKEN;
	token->special = true;
	return token->id;
}

static void all_special(struct fc_tokenizer *t, const json_t *list)
{
	const char *key;
	json_t *v;
	for (size_t i = 0; i < json_array_size(list); i++)
		special_id(t, content_of(json_array_get(list, i)));
	json_object_foreach((json_t *)list, key, v)
	{
		special_id(t, content_of(v));
	}
}

/* Classes that put BOS first unless told otherwise, whatever the post-processor says. */
static bool class_decides(const char *name)
{
	static const char *const classes[] = {
	    "LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer", "CohereTokenizer"};
	for (size_t i = 0; name && i < sizeof classes / sizeof *classes; i++) {
		size_t n = strlen(classes[i]);
		if (!strncmp(name, classes[i], n) && (!name[n] || !strcmp(name + n, "Fast")))
			return true;
	}
	return false;
}

static int roles(struct fc_tokenizer *t, const json_t *config, const char *path, struct fc_err *e)
{
	const struct {
		const char *key;
		uint32_t *id;
	} role[] = {
	    {"bos_token", &t->bos},
	    {"eos_token", &t->eos},
	    {"unk_token", &t->unk},
	    {"pad_token", &t->pad},
	};
	for (size_t i = 0; i < sizeof role / sizeof *role; i++) {
		uint32_t id = special_id(t, content_of(json_object_get(config, role[i].key)));
		if (id != FC_NO_TOKEN)
			*role[i].id = id;
	}
	all_special(t, json_object_get(config, "additional_special_tokens"));
	all_special(t, json_object_get(config, "extra_special_tokens"));

	bool says,
	    decides = t->class_adds_bos ||
	    class_decides(json_string_value(json_object_get(config, "tokenizer_class")));
	if (fc_json_bool(config, "add_bos_token", decides, &says, path, e) < 0)
		return -1;
	t->adds_bos = decides ? says : t->adds_bos || says;
	return 0;
}

int fc_tokconfig_read(struct fc_tokenizer *t, const char *path, struct fc_err *e)
{
	json_t *config = fc_json_file(path, e);
	int rc = -1;
	if (config && !json_is_object(config))
		fc_fail(e, "%s: expected an object", path);
	else if (config && added_tokens_decoder(t, config, path, e) == 0)
		rc = roles(t, config, path, e);
	json_decref(config);
	return rc;
}
