/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/chat.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "chat/chat_impl.h"
#include "chat/chat_named.h"
#include "chat/template.h"
#include "text/json.h"
#include "token/sidefiles.h"
#include "token/tokmeta.h"

#define TEMPLATE_MAX ((size_t)1 << 20)

static void add_special(struct fc_chat *c, const char *s)
{
	if (!s || !*s)
		return;
	FC_GROW(c->special, c->cap_special, c->n_special + 1);
	c->special[c->n_special++] = fc_strdup(s);
}

/* A token list: [{"content", "special"}], or the same as an object by id. */
static void add_tokens(struct fc_chat *c, json_t *list)
{
	const char *key;
	json_t *v;
	size_t i;
	json_array_foreach(list, i, v)
	{
		if (json_is_true(json_object_get(v, "special")))
			add_special(c, fc_sidefiles_content(v));
	}
	json_object_foreach(list, key, v)
	{
		if (json_is_true(json_object_get(v, "special")))
			add_special(c, fc_sidefiles_content(v));
	}
}

/* "bos_token" and its like become variables of the template, as in Transformers. */
static void add_roles(struct fc_chat *c, json_t *config)
{
	const char *key;
	json_t *v;
	size_t i;
	json_object_foreach(config, key, v)
	{
		const char *s = fc_sidefiles_content(v);
		if (!s || !fc_ends_with(key, "_token") || !strcmp(key, "_token") ||
		    json_object_get(c->vars, key))
			continue;
		json_object_set_new(c->vars, key, json_string(s));
		add_special(c, s);
	}
	static const char *const lists[] = {"additional_special_tokens", "extra_special_tokens"};
	for (size_t k = 0; k < FC_LEN(lists); k++) {
		json_t *more = json_object_get(config, lists[k]);
		json_array_foreach(more, i, v)
		{
			add_special(c, fc_sidefiles_content(v));
		}
	}
	add_tokens(c, json_object_get(config, "added_tokens_decoder"));
}

/* Special tokens: those that the files beside the vocabulary name; those that have no role are
 * there or, for older models, only in tokenizer.json or tokenizer.model. */
static int read_tokens(struct fc_chat *c, const char *model, json_t *config, struct fc_err *e)
{
	json_t *tokens = NULL;
	int ret = -1;
	add_roles(c, config);
	if (!json_object_get(config, "added_tokens_decoder")) {
		if (fc_tokmeta_json(model, &tokens, e) < 0)
			goto out;
		add_tokens(c, json_object_get(tokens, "added_tokens"));
	}
	if (!tokens && fc_tokmeta_sentencepiece(model, &tokens, e) < 0)
		goto out;
	add_roles(c, tokens);
	ret = 0;
out:
	json_decref(tokens);
	return ret;
}

/* The model's own template and, if it has one, that for tools. */
static int compile_own(struct fc_chat *c, const char *model, const json_t *config,
    struct fc_buf *text, struct fc_err *e)
{
	struct fc_buf tools = FC_BUF_INIT, names = FC_BUF_INIT;
	char *where = NULL, *where_tools = NULL;
	int ret = -1;
	int got = fc_template_find(model, config, FC_TEMPLATE_DEFAULT, text, &where, e);
	if (got < 0 ||
	    fc_template_find(model, config, FC_TEMPLATE_TOOLS, &tools, &where_tools, e) < 0)
		goto out;
	if (!got) {
		fc_template_names(model, config, &names);
		c->has_no_template = fc_file_exists(model);
		if (!fc_file_exists(model))
			fc_fail(e, "open %s: no such model", model);
		else if (names.n)
			fc_fail(e,
			    "%s: of its chat templates (%s) none is the default; name a file with "
			    "--template",
			    model, names.p);
		else
			fc_fail(e, "%s: no chat template; name one with --template", model);
		goto out;
	}
	if (fc_jinja_compile(&c->jinja, text->p ? text->p : "", text->n, where, e) < 0)
		goto out;
	if (where_tools &&
	    fc_jinja_compile(&c->jinja_tools, tools.p ? tools.p : "", tools.n, where_tools, e) < 0)
		goto out;
	if (where_tools) { /* for the hash */
		fc_buf_addc(text, 0);
		fc_buf_add(text, tools.p, tools.n);
	}
	ret = 0;
out:
	fc_buf_release(&tools);
	fc_buf_release(&names);
	free(where);
	free(where_tools);
	return ret;
}

/* file: a template that is named or a file, or NULL.  *text: what the hash is of. */
static int compile_template(struct fc_chat *c, const char *model, const char *file,
    const json_t *config, struct fc_buf *text, struct fc_err *e)
{
	const struct fc_chat_named *named = file ? fc_chat_named_find(file) : NULL;
	if (!file)
		return compile_own(c, model, config, text, e);
	if (named) {
		add_special(c, named->turn_end);
		fc_buf_adds(text, named->source);
	} else if (!fc_file_exists(file)) {
		return fc_fail(
		    e, "template %s: no such file, and not one of %s", file, FC_CHAT_NAMES);
	} else if (fc_file_read_any(file, TEMPLATE_MAX, text, e) < 0) {
		return -1;
	}
	return fc_jinja_compile(&c->jinja, text->p ? text->p : "", text->n, file, e);
}

static void hash_chat(struct fc_chat *c, const struct fc_buf *text)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_add(&b, text->p, text->n);
	fc_buf_addc(&b, 0);
	json_t *vars = json_copy(c->none);
	json_object_update(vars, c->vars);
	/* sorted: files name the special tokens in any order, and GGUF by their ids */
	char *dump = json_dumps(vars, JSON_COMPACT | JSON_SORT_KEYS);
	fc_buf_adds(&b, dump ? dump : "");
	free(dump);
	json_decref(vars);
	c->hash = fc_hash(b.p, b.n, 0);
	fc_buf_release(&b);
}

/* The longest special token that text begins with, or NULL. */
static const char *special_at(const struct fc_chat *c, const char *text, size_t n)
{
	const char *best = NULL;
	for (size_t i = 0; i < c->n_special; i++) {
		size_t len = strlen(c->special[i]);
		if (len <= n && !memcmp(text, c->special[i], len) && (!best || len > strlen(best)))
			best = c->special[i];
	}
	return best;
}

/* The special token that follows the first answer in a trial conversation; NULL: none. */
static const char *probe_turn_end(const struct fc_chat *c, size_t n_message)
{
	static const char *const content[] = {"question", "answer", "question", "answer"};
	struct fc_conversation trial = {0};
	struct fc_jinja_out out = {0};
	struct fc_err ignored; /* a template that refuses this conversation has other chances */
	const char *found = NULL;
	for (size_t i = 0; i < n_message; i++)
		fc_conversation_add(&trial, i % 2 ? FC_ROLE_ASSISTANT : FC_ROLE_USER, content[i],
		    strlen(content[i]));
	if (fc_chat_run(c, &trial, false, true, &out, &ignored) == 0) {
		size_t i = 0;
		while (i < out.n && out.piece[i].origin != 1)
			i++;
		size_t at = i < out.n ? out.piece[i].end : out.text.n;
		at += fc_chat_space(out.text.p + at, out.text.n - at);
		found = special_at(c, out.text.p + at, out.text.n - at);
	}
	fc_jinja_out_release(&out);
	fc_conversation_release(&trial);
	return found;
}

/* What add_generation_prompt puts behind a trial conversation, new; "" where that is nothing. */
static char *probe_header(const struct fc_chat *c)
{
	struct fc_conversation trial = {0};
	struct fc_jinja_out without = {0}, with = {0};
	struct fc_err ignored; /* a template that refuses it has no header that is known */
	char *header = NULL;
	fc_conversation_add(&trial, FC_ROLE_USER, "question", 8);
	if (fc_chat_run(c, &trial, false, true, &without, &ignored) == 0 &&
	    fc_chat_run(c, &trial, true, true, &with, &ignored) == 0 &&
	    with.text.n > without.text.n &&
	    !memcmp(with.text.p, without.text.p ? without.text.p : "", without.text.n))
		header = fc_memdup0(with.text.p + without.text.n, with.text.n - without.text.n);
	fc_jinja_out_release(&without);
	fc_jinja_out_release(&with);
	fc_conversation_release(&trial);
	return header ? header : fc_strdup("");
}

/* What the template puts between the prompt that asks for an answer and the answer, new; NULL where
 * that is more than white space, or where an answer does not follow what asks for it. */
static char *probe_lead(const struct fc_chat *c)
{
	struct fc_conversation trial = {0};
	struct fc_jinja_out prompt = {0}, whole = {0};
	struct fc_err ignored; /* of a template that refuses it nothing is known */
	char *lead = NULL;
	fc_conversation_add(&trial, FC_ROLE_USER, "question", 8);
	bool good = fc_chat_run(c, &trial, true, true, &prompt, &ignored) == 0;
	fc_conversation_add(&trial, FC_ROLE_ASSISTANT, "answer", 6);
	good = good && fc_chat_run(c, &trial, false, true, &whole, &ignored) == 0;
	const size_t n = prompt.text.n;
	size_t i = 0;
	while (good && i < whole.n && whole.piece[i].origin != 1)
		i++;
	if (good && n && i < whole.n && whole.piece[i].start >= n &&
	    !memcmp(prompt.text.p, whole.text.p, n)) {
		const size_t n_lead = whole.piece[i].start - n;
		if (fc_chat_space(whole.text.p + n, n_lead) == n_lead)
			lead = fc_memdup0(whole.text.p + n, n_lead);
	}
	fc_jinja_out_release(&prompt);
	fc_jinja_out_release(&whole);
	fc_conversation_release(&trial);
	return lead;
}

/* *none, which may be NULL: it failed because there is no template. */
static int open_chat(
    struct fc_chat **out, const char *model, const char *file, bool *none, struct fc_err *e)
{
	struct fc_chat *c = FC_NEW(struct fc_chat);
	struct fc_buf text = FC_BUF_INIT;
	struct fc_sidefiles side = {0};
	json_t *config = NULL;
	char *stem = fc_path_join(model, "");
	int ret = -1;
	*out = NULL;
	c->vars = json_object();
	c->none = json_pack("{s:n, s:n}", "tools", "documents");
	if (fc_tokmeta_gguf(model, &config, e) < 0 ||
	    (!config && fc_sidefiles_read(&side, stem, e) < 0))
		goto out;
	if (!config)
		config = json_incref(side.config);
	if (read_tokens(c, model, config, e) < 0 ||
	    compile_template(c, model, file, config, &text, e) < 0)
		goto out;
	const char *bos = json_string_value(json_object_get(c->vars, "bos_token"));
	const char *eos = json_string_value(json_object_get(c->vars, "eos_token"));
	c->bos = fc_strdup(bos ? bos : "");
	/* a BOS behind an answer opens the next round, unless it is all the model has */
	for (size_t i = c->n_special; i--;)
		if (bos && !strcmp(c->special[i], bos) && !(eos && !strcmp(eos, bos))) {
			free(c->special[i]);
			c->special[i] = c->special[--c->n_special];
		}
	hash_chat(c, &text);
	const char *end = probe_turn_end(c, 4);
	if (!end)
		end = probe_turn_end(c, 2);
	c->turn_end = fc_strdup(end ? end : "");
	c->header = probe_header(c);
	c->lead = probe_lead(c);
	*out = c;
	ret = 0;
out:
	fc_buf_release(&text);
	json_decref(config);
	fc_sidefiles_release(&side);
	free(stem);
	if (none)
		*none = ret < 0 && c->has_no_template;
	if (ret < 0)
		fc_chat_free(c);
	return ret;
}

int fc_chat_open(struct fc_chat **c, const char *model, const char *file, struct fc_err *e)
{
	return open_chat(c, model, file, NULL, e);
}

int fc_chat_open_own(struct fc_chat **c, const char *model, struct fc_err *e)
{
	bool none;
	return open_chat(c, model, NULL, &none, e) < 0 && !none ? -1 : 0;
}

void fc_chat_free(struct fc_chat *c)
{
	if (!c)
		return;
	fc_jinja_free(c->jinja);
	fc_jinja_free(c->jinja_tools);
	json_decref(c->vars);
	json_decref(c->none);
	free(c->header);
	free(c->lead);
	for (size_t i = 0; i < c->n_special; i++)
		free(c->special[i]);
	free(c->special);
	free(c->bos);
	free(c->turn_end);
	free(c);
}

bool fc_chat_mentions(const struct fc_chat *c, const char *name)
{
	return fc_jinja_mentions(c->jinja, name) ||
	    (c->jinja_tools && fc_jinja_mentions(c->jinja_tools, name));
}

uint64_t fc_chat_hash(const struct fc_chat *c)
{
	return c->hash;
}

const char *fc_chat_lead(const struct fc_chat *c)
{
	return c->lead ? c->lead : "";
}

const char *fc_chat_turn_end(const struct fc_chat *c)
{
	return c->turn_end;
}
