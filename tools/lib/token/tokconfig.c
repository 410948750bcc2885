/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "token/tokparts.h"

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

/* An item of added_tokens.json. */
struct added {
	const char *content; /* borrowed */
	int64_t id;
};

static int by_id(const void *a, const void *b)
{
	const struct added *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* What Transformers would number the token: as the vocabulary does, else behind all others. */
static int check_number(
    const struct fc_tokenizer *t, const struct added *x, const char *where, struct fc_err *e)
{
	const struct fc_added_token *known = fc_added_by_content(&t->added, x->content);
	uint32_t id =
	    known ? known->id : fc_pieces_find(&t->pieces, x->content, strlen(x->content));
	int64_t want = id == FC_NO_TOKEN ? (int64_t)fc_tokfile_next_id(t) : (int64_t)id;
	if (x->id == want)
		return 0;
	return fc_fail(e,
	    "%s: \"%.64s\" has id %" PRId64 ", but %s %" PRId64
	    " (Transformers would not heed the file)",
	    where, x->content, x->id,
	    id == FC_NO_TOKEN ? "the next free one is" : "the vocabulary has", want);
}

static int note_content(
    void *set /* json_t */, const char *key, const json_t *token, struct fc_err *e)
{
	(void)key;
	(void)e;
	return json_object_set_new(set, fc_sidefiles_content(token), json_true());
}

/* Tokens that are new take the flags they have there: none, special if one of the roles. */
static int added_tokens_json(struct fc_tokenizer *t, const struct fc_sidefiles *s, struct fc_err *e)
{
	size_t n = 0;
	const char *key;
	json_t *v;
	json_t *special = json_object();
	int rc = fc_sidefiles_each(s, note_content, special, e);
	struct added *list = FC_ARRAY(struct added, json_object_size(s->added) + 1);
	json_object_foreach(s->added, key, v)
	{
		if (!json_is_integer(v) && rc == 0)
			rc = fc_fail(e, "%s: \"%.64s\": expected an id", s->added_path, key);
		list[n++] = (struct added){key, json_integer_value(v)};
	}
	qsort(list, n, sizeof *list, by_id);
	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = check_number(t, &list[i], s->added_path, e);
		if (rc < 0 || fc_added_by_content(&t->added, list[i].content))
			continue;
		json_t *o = json_pack("{s:s, s:b}", "content", list[i].content, "special",
		    json_object_get(special, list[i].content) != NULL);
		rc = fc_tokfile_add(t, o, list[i].id, s->added_path, e);
		json_decref(o);
	}
	free(list);
	json_decref(special);
	return rc;
}

/* What reading the special tokens fills in. */
struct reader {
	struct fc_tokenizer *t;
	const struct fc_sidefiles *s;
};

/* A token that the files call special is one, even if tokenizer.json does not say so; one that the
 * vocabulary lacks gets the next id. */
static int special_token(void *to, const char *key, const json_t *v, struct fc_err *e)
{
	const struct reader *r = to;
	struct fc_tokenizer *t = r->t;
	const struct {
		const char *key;
		uint32_t *id;
	} role[] = {
	    {"bos_token", &t->bos},
	    {"eos_token", &t->eos},
	    {"unk_token", &t->unk},
	    {"pad_token", &t->pad},
	};
	const char *content = fc_sidefiles_content(v);
	if (!*content)
		return 0;
	struct fc_added_token *token = fc_added_by_content(&t->added, content);
	if (!token) {
		uint32_t id = fc_pieces_find(&t->pieces, content, strlen(content));
		json_t *o = json_is_object(v) ? json_copy((json_t *)(uintptr_t)v)
					      : json_pack("{s:s}", "content", content);
		json_object_set_new(o, "special", json_true());
		int rc = fc_tokfile_add(
		    t, o, id == FC_NO_TOKEN ? fc_tokfile_next_id(t) : id, r->s->config_path, e);
		json_decref(o);
		if (rc < 0)
			return -1;
		token = fc_added_by_content(&t->added, content);
	}
	token->special = true;
	for (size_t i = 0; key && i < FC_LEN(role); i++)
		if (!strcmp(key, role[i].key))
			*role[i].id = token->id;
	return 0;
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

int fc_tokconfig_read(struct fc_tokenizer *t, const struct fc_sidefiles *s, struct fc_err *e)
{
	struct reader r = {t, s};
	bool says, decides;
	if (added_tokens_decoder(t, s->config, s->config_path, e) < 0 ||
	    added_tokens_json(t, s, e) < 0 || fc_sidefiles_each(s, special_token, &r, e) < 0)
		return -1;
	decides = t->class_adds_bos ||
	    class_decides(json_string_value(json_object_get(s->config, "tokenizer_class")));
	if (fc_json_bool(s->config, "add_bos_token", decides, &says, s->config_path, e) < 0)
		return -1;
	t->adds_bos = decides ? says : t->adds_bos || says;
	return 0;
}
