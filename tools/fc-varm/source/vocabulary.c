/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/source/vocabulary.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "fc-varm/source/vocabulary_rows.h"

/* tokenizer.json of a model; NULL without a message where there is none. */
static json_t *read_tokenizer(const struct source_model *g, struct fc_err *e)
{
	char *path = fc_path_join(g->path, "tokenizer.json");
	json_t *t = NULL;
	e->msg[0] = '\0';
	if (fc_file_exists(path))
		t = fc_json_file(path, e);
	free(path);
	return t;
}

static int add_token(json_t *ids, const char *token, int64_t id)
{
	return json_object_set_new_nocheck(ids, token, json_integer(id));
}

/* The vocabulary proper: an object, or a list of [token, score]. */
static int add_vocabulary(json_t *ids, const json_t *tokenizer)
{
	json_t *vocab = json_object_get(json_object_get(tokenizer, "model"), "vocab"), *v;
	const char *token;
	size_t i;
	if (!json_is_object(vocab) && !json_is_array(vocab))
		return -1;
	json_object_foreach(vocab, token, v)
	{
		if (!json_is_integer(v) || add_token(ids, token, json_integer_value(v)) < 0)
			return -1;
	}
	json_array_foreach(vocab, i, v)
	{
		token = json_string_value(json_array_get(v, 0));
		if (!token || add_token(ids, token, (int64_t)i) < 0)
			return -1;
	}
	return 0;
}

static int add_added(json_t *ids, const json_t *tokenizer)
{
	json_t *o;
	size_t i;
	json_array_foreach(json_object_get(tokenizer, "added_tokens"), i, o)
	{
		const char *token = json_string_value(json_object_get(o, "content"));
		const json_t *id = json_object_get(o, "id");
		if (!token || !json_is_integer(id) ||
		    add_token(ids, token, json_integer_value(id)) < 0)
			return -1;
	}
	return 0;
}

static json_t *list_tokens(const json_t *tokenizer, const struct source_model *g, struct fc_err *e)
{
	json_t *ids = json_object(), *id;
	const char *token;
	bool good = add_vocabulary(ids, tokenizer) == 0 && add_added(ids, tokenizer) == 0;
	json_object_foreach(ids, token, id)
	{
		good = good && json_integer_value(id) >= 0 && json_integer_value(id) < 1 << 24;
	}
	if (good)
		return ids;
	json_decref(ids);
	fc_fail(e, "%s: tokenizer.json: no vocabulary of tokens with numbers from 0 to %d", g->path,
	    (1 << 24) - 1);
	return NULL;
}

/* The id a new token gets, as in the tokenizers library: after all there are. */
static int64_t next_id(const json_t *tokenizer)
{
	const json_t *vocab = json_object_get(json_object_get(tokenizer, "model"), "vocab"), *o;
	int64_t n =
	    (int64_t)(json_is_object(vocab) ? json_object_size(vocab) : json_array_size(vocab));
	size_t i;
	json_array_foreach(json_object_get(tokenizer, "added_tokens"), i, o)
	{
		int64_t id = json_integer_value(json_object_get(o, "id"));
		n = id >= n ? id + 1 : n;
	}
	return n;
}

/* Adds a token as `like` describes it (NULL: an ordinary one), with an id of its own or the one
 * that the vocabulary has for it. */
static void add_to_tokenizer(struct vocabulary *v, const char *token, const json_t *like)
{
	const json_t *have = json_object_get(v->token, token);
	json_t *list = json_object_get(v->tokenizer, "added_tokens");
	json_t *o = like ? json_deep_copy(like)
			 : json_pack("{s:s,s:b,s:b,s:b,s:b,s:b}", "content", token, "single_word",
			       0, "lstrip", 0, "rstrip", 0, "normalized", 1, "special", 0);
	int64_t id = have ? json_integer_value(have) : next_id(v->tokenizer);
	json_object_set_new(o, "id", json_integer(id));
	if (!json_is_array(list)) {
		list = json_array();
		json_object_set_new(v->tokenizer, "added_tokens", list);
	}
	json_array_append(list, o);
	json_array_append_new(v->added, o);
	add_token(v->token, token, id);
}

static bool is_added(const json_t *tokenizer, const char *token)
{
	json_t *o;
	size_t i;
	json_array_foreach(json_object_get(tokenizer, "added_tokens"), i, o)
	{
		const char *content = json_string_value(json_object_get(o, "content"));
		if (content && !strcmp(content, token))
			return true;
	}
	return false;
}

/* A union adds tokens, not merges: an ordinary token that only one model has would never come
 * out of a text. */
static int check_ordinary(const struct vocabulary *v, const struct source_model *g,
    const json_t *tokenizer, const json_t *ids, struct fc_err *e)
{
	const char *token;
	json_t *id;
	json_object_foreach((json_t *)(uintptr_t)ids, token, id)
	{
		if (!json_object_get(v->token, token) && !is_added(tokenizer, token))
			return varm_recipe_fail(v->recipe, v->recipe->tokenizer->line, e,
			    "token '%.64s' of %s is not in the vocabulary of the base; "
			    "only added tokens can be united",
			    token, g->path);
	}
	return 0;
}

static int64_t vocabulary_size(const struct source_model *g)
{
	int64_t n = INT64_MAX;
	struct fc_err ignored;
	char *path = fc_path_join(g->path, "config.json");
	json_t *config = fc_file_exists(path) ? fc_json_file(path, &ignored) : NULL;
	const json_t *of_text =
	    json_object_get(json_object_get(config, "text_config"), "vocab_size");
	const json_t *size = of_text ? of_text : json_object_get(config, "vocab_size");
	if (json_is_integer(size))
		n = json_integer_value(size);
	json_decref(config);
	free(path);
	return n;
}

/* The added tokens of another model. */
static int unite(struct vocabulary *v, const struct source_model *g, const json_t *tokenizer,
    const json_t *ids, struct fc_err *e)
{
	json_t *o;
	size_t i;
	int64_t size = vocabulary_size(g);
	if (check_ordinary(v, g, tokenizer, ids, e) < 0)
		return -1;
	json_array_foreach(json_object_get(tokenizer, "added_tokens"), i, o)
	{
		const char *token = json_string_value(json_object_get(o, "content"));
		if (json_integer_value(json_object_get(o, "id")) < size &&
		    !is_added(v->tokenizer, token))
			add_to_tokenizer(v, token, o);
	}
	return 0;
}

static int open_model(
    struct vocabulary *v, const struct source_model *model, size_t k, bool result, struct fc_err *e)
{
	json_t *tokenizer = read_tokenizer(&model[k], e);
	int ret = 0;
	if (!tokenizer && (result || e->msg[0]))
		return e->msg[0] ? -1
				 : varm_recipe_fail(v->recipe, v->recipe->tokenizer->line, e,
				       "%s has no tokenizer.json", model[k].path);
	if (tokenizer && !v->of[k] && !(v->of[k] = list_tokens(tokenizer, &model[k], e)))
		ret = -1;
	if (tokenizer && ret == 0 &&
	    (ret = varm_vocabulary_complete(tokenizer, model[k].path, e)) == 0)
		add_added(v->of[k], tokenizer);
	if (ret == 0 && result) {
		v->tokenizer = json_incref(tokenizer);
		v->token = json_deep_copy(v->of[k]);
	} else if (ret == 0 && tokenizer && v->recipe->vocabulary == VOCABULARY_UNION) {
		ret = unite(v, &model[k], tokenizer, v->of[k], e);
	}
	json_decref(tokenizer);
	return ret;
}

/* Tokens that the recipe names and nobody has yet. */
static void add_named(struct vocabulary *v)
{
	for (size_t i = 0; i < v->recipe->n_token; i++)
		if (!json_object_get(v->token, v->recipe->token[i].token))
			add_to_tokenizer(v, v->recipe->token[i].token, NULL);
}

static void count_rows(struct vocabulary *v)
{
	const char *token;
	json_t *id;
	size_t pad = (size_t)v->recipe->pad_to_multiple_of;
	json_object_foreach(v->token, token, id)
	{
		size_t n = (size_t)json_integer_value(id) + 1;
		v->n_row = n > v->n_row ? n : v->n_row;
	}
	if (pad && v->n_row % pad)
		v->n_row += pad - v->n_row % pad;
}

int varm_vocabulary_open(struct vocabulary *v, const struct recipe *r,
    const struct source_model *model, size_t donor, struct fc_err *e)
{
	*v = (struct vocabulary){.recipe = r,
	    .n_model = r->n_model,
	    .of = FC_ARRAY(json_t *, r->n_model),
	    .added = json_array(),
	    .source = r->vocabulary == VOCABULARY_MODEL ? r->vocabulary_model : donor};
	if (open_model(v, model, v->source, true, e) < 0)
		return -1;
	for (size_t k = 0; k < r->n_model; k++)
		if (k != v->source && open_model(v, model, k, false, e) < 0)
			return -1;
	for (size_t k = 0; k < r->n_model; k++)
		if (!v->of[k])
			v->of[k] = json_incref(v->of[v->source]);
	add_named(v);
	count_rows(v);
	return 0;
}

void varm_vocabulary_release(struct vocabulary *v)
{
	for (size_t k = 0; k < v->n_model; k++)
		json_decref(v->of[k]);
	for (size_t i = 0; i < v->n_rows; i++)
		varm_vocabulary_rows_free(v->rows[i]);
	free(v->rows);
	free(v->of);
	json_decref(v->token);
	json_decref(v->tokenizer);
	json_decref(v->added);
}
