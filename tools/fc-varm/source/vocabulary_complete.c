/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "fc-varm/source/vocabulary.h"
#include "token/sidefiles.h"
#include "token/tokenizer.h"

static json_t *added_list(json_t *tokenizer)
{
	json_t *list = json_object_get(tokenizer, "added_tokens");
	if (json_is_array(list))
		return list;
	json_object_set_new(tokenizer, "added_tokens", json_array());
	return json_object_get(tokenizer, "added_tokens");
}

static json_t *added_contents(const json_t *list)
{
	json_t *known = json_object(), *o;
	size_t i;
	json_array_foreach(list, i, o)
	{
		const char *content = json_string_value(json_object_get(o, "content"));
		if (content)
			json_object_set_new(known, content, json_true());
	}
	return known;
}

/* Tokens by their contents, with the flags that the files give them. */
static int note_token(void *to, const char *key, const json_t *token, struct fc_err *e)
{
	(void)key;
	(void)e;
	const char *content = fc_sidefiles_content(token);
	if (!*content || json_object_get(to, content))
		return 0;
	json_t *o = json_is_object(token) ? json_deep_copy(token) : json_object();
	json_object_set_new(o, "content", json_string(content));
	json_object_set_new(o, "special", json_true());
	return json_object_set_new(to, content, o);
}

/* {CONTENT: {...}} of every token that the files beside tokenizer.json name. */
static int named_beside(const struct fc_sidefiles *s, json_t *named, struct fc_err *e)
{
	const char *key;
	json_t *o;
	json_object_foreach(json_object_get(s->config, "added_tokens_decoder"), key, o)
	{
		const char *content = json_string_value(json_object_get(o, "content"));
		if (content)
			json_object_set_new(named, content, json_deep_copy(o));
	}
	if (fc_sidefiles_each(s, note_token, named, e) < 0)
		return -1;
	json_object_foreach(s->added, key, o)
	{
		if (!json_object_get(named, key))
			json_object_set_new(named, key, json_pack("{s:s}", "content", key));
	}
	return 0;
}

/* The tokenizer proper knows the ids, and refuses files that contradict each other. */
static int add_missing(json_t *tokenizer, const json_t *named, const char *dir, struct fc_err *e)
{
	static const char *const flags[] = {
	    "single_word", "lstrip", "rstrip", "normalized", "special"};
	json_t *list = added_list(tokenizer), *known = added_contents(list), *o;
	struct fc_tokenizer *t = NULL;
	const char *content;
	int ret = 0;
	json_object_foreach((json_t *)(uintptr_t)named, content, o)
	{
		if (json_object_get(known, content))
			continue;
		if (!t && (ret = fc_tokenizer_open(&t, dir, e)) < 0)
			break;
		const uint32_t id = fc_tokenizer_find(t, content);
		if (id == FC_NO_TOKEN) {
			ret = fc_fail(e, "%s: token \"%.64s\" has no id", dir, content);
			break;
		}
		json_t *entry = json_deep_copy(o);
		json_object_set_new(entry, "id", json_integer(id));
		for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
			if (!json_is_boolean(json_object_get(entry, flags[i])))
				json_object_set_new(entry, flags[i], json_false());
		json_array_append_new(list, entry);
	}
	fc_tokenizer_free(t);
	json_decref(known);
	return ret;
}

int varm_vocabulary_complete(json_t *tokenizer, const char *dir, struct fc_err *e)
{
	struct fc_sidefiles s;
	char *stem = fc_path_join(dir, "");
	int ret = fc_sidefiles_read(&s, stem, e);
	free(stem);
	if (ret < 0)
		return -1;
	json_t *named = json_object();
	ret = named_beside(&s, named, e);
	if (ret == 0)
		ret = add_missing(tokenizer, named, dir, e);
	json_decref(named);
	fc_sidefiles_release(&s);
	return ret;
}
