/* SPDX-License-Identifier: Apache-2.0 */
#include "token/tokmeta.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/gguf.h"
#include "store/store.h"
#include "token/modeltext.h"
#include "token/spmodel.h"
#include "token/tokparts.h"

#define KEY "tokenizer.ggml."
#define TEMPLATE "tokenizer.chat_template"

/* The tokens of one piece of JSON: what has a role, what is a control token. */
struct writer {
	json_t *config, *added;
};

static struct writer writer_new(void)
{
	struct writer w = {json_object(), json_object()};
	json_object_set_new(w.config, "added_tokens_decoder", w.added);
	return w;
}

static void add_token(const struct writer *w, size_t id, const char *p, size_t n)
{
	char key[32];
	snprintf(key, sizeof key, "%zu", id);
	json_t *content = json_stringn(p, n);
	if (content) /* NULL: no UTF-8, which the tokenizer refuses */
		json_object_set_new(
		    w->added, key, json_pack("{s:o, s:b}", "content", content, "special", 1));
}

static void add_role(const struct writer *w, const char *key, const char *p, size_t n)
{
	json_t *content = json_stringn(p, n);
	if (content)
		json_object_set_new(w->config, key, content);
}

static int gguf_tokens(const struct fc_gguf *g, const struct writer *w, struct fc_err *e)
{
	static const struct {
		const char *key, *name;
	} role[] = {{KEY "bos_token_id", "bos_token"}, {KEY "eos_token_id", "eos_token"},
	    {KEY "unknown_token_id", "unk_token"}, {KEY "padding_token_id", "pad_token"}};
	struct fc_gguf_array tokens, kinds;
	struct fc_gguf_str s;
	int64_t kind, id[FC_LEN(role)];
	for (size_t i = 0; i < FC_LEN(role); i++)
		if (fc_gguf_int(g, role[i].key, -1, &id[i], e) < 0)
			return -1;
	if (fc_gguf_strings(g, KEY "tokens", &tokens, e) < 0 ||
	    fc_gguf_ints(g, KEY "token_type", &kinds, e) < 0)
		return -1;
	for (int64_t k = 0; fc_gguf_next_str(&tokens, &s); k++) {
		for (size_t i = 0; i < FC_LEN(role); i++)
			if (id[i] == k)
				add_role(w, role[i].name, s.p, s.n);
		if (fc_gguf_next_int(&kinds, &kind) && kind == FC_PIECE_CONTROL)
			add_token(w, (size_t)k, s.p, s.n);
	}
	return 0;
}

/* Appends {"name", "template"} if the key holds a text. */
static int add_template(
    json_t *list, const char *name, const struct fc_gguf *g, const char *key, struct fc_err *e)
{
	struct fc_gguf_str text;
	if (fc_gguf_string(g, key, &text, e) < 0)
		return -1;
	if (!text.n)
		return 0;
	json_t *s = json_stringn(text.p, text.n);
	if (!s)
		return fc_fail(e, "%s: key %s is not UTF-8", fc_gguf_path(g), key);
	return json_array_append_new(list, json_pack("{s:s, s:o}", "name", name, "template", s));
}

static int add_named_templates(json_t *list, const struct fc_gguf *g, struct fc_err *e)
{
	const size_t n = strlen(TEMPLATE ".");
	for (size_t i = 0; i < fc_gguf_n_key(g); i++) {
		const struct fc_gguf_str key = fc_gguf_key(g, i);
		if (key.n <= n || memcmp(key.p, TEMPLATE ".", n) != 0)
			continue;
		char *whole = fc_memdup0(key.p, key.n);
		const int rc = add_template(list, whole + n, g, whole, e);
		free(whole);
		if (rc < 0)
			return -1;
	}
	return 0;
}

int fc_tokmeta_templates(const struct fc_gguf *g, json_t **out, struct fc_err *e)
{
	json_t *list = json_array();
	*out = NULL;
	int rc = add_template(list, "default", g, TEMPLATE, e);
	const bool has_default = json_array_size(list);
	if (rc == 0)
		rc = add_named_templates(list, g, e);
	if (rc == 0 && has_default && json_array_size(list) == 1)
		*out = json_incref(json_object_get(json_array_get(list, 0), "template"));
	else if (rc == 0 && json_array_size(list))
		*out = json_incref(list);
	json_decref(list);
	return rc;
}

int fc_tokmeta_gguf(const char *model, json_t **config, struct fc_err *e)
{
	char *path = fc_store_gguf_path(model);
	struct fc_gguf *g = NULL;
	json_t *templates = NULL;
	*config = NULL;
	if (!path)
		return 0;
	struct writer w = writer_new();
	int rc = fc_gguf_open(&g, path, e);
	if (rc == 0)
		rc = gguf_tokens(g, &w, e);
	if (rc == 0)
		rc = fc_tokmeta_templates(g, &templates, e);
	if (templates)
		json_object_set_new(w.config, "chat_template", templates);
	fc_gguf_close(g);
	free(path);
	if (rc < 0)
		json_decref(w.config);
	else
		*config = w.config;
	return rc;
}

int fc_tokmeta_json(const char *model, json_t **file, struct fc_err *e)
{
	char *path = fc_path_join(model, "tokenizer.json");
	struct fc_buf b = FC_BUF_INIT;
	struct fc_modeltext lists;
	int rc = 0;
	*file = NULL;
	if (fc_file_exists(path)) {
		rc = fc_file_read(path, FC_JSON_FILE_MAX, &b, e);
		if (rc == 0)
			*file = fc_modeltext_parse(&lists, b.p ? b.p : "", b.n, path, e);
		if (rc == 0 && *file && !json_is_object(*file)) {
			fc_fail(e, "%s: expected an object", path);
			json_decref(*file);
			*file = NULL;
		}
		rc = *file ? 0 : -1;
	}
	fc_buf_release(&b);
	free(path);
	return rc;
}

static void sp_role(
    const struct writer *w, const struct fc_spmodel *m, const char *key, uint32_t id)
{
	size_t n;
	const char *p = fc_pieces_get(&m->pieces, id, &n);
	if (p)
		add_role(w, key, p, n);
}

static json_t *sp_config(const struct fc_spmodel *m)
{
	struct writer w = writer_new();
	size_t n;
	sp_role(&w, m, "bos_token", m->bos);
	sp_role(&w, m, "eos_token", m->eos);
	sp_role(&w, m, "unk_token", m->unk);
	sp_role(&w, m, "pad_token", m->pad);
	for (uint32_t id = 0; id < m->pieces.n_id; id++) {
		const char *p = fc_pieces_get(&m->pieces, id, &n);
		if (m->kind[id] == FC_PIECE_CONTROL)
			add_token(&w, id, p, n);
	}
	return w.config;
}

int fc_tokmeta_sentencepiece(const char *model, json_t **config, struct fc_err *e)
{
	char *path = fc_path_join(model, "tokenizer.model");
	char *json = fc_path_join(model, "tokenizer.json");
	struct fc_buf b = FC_BUF_INIT;
	struct fc_spmodel m = {0};
	int rc = 0;
	*config = NULL;
	if (!fc_file_exists(json) && fc_file_exists(path)) {
		rc = fc_file_read(path, FC_SPM_FILE_MAX, &b, e);
		if (rc == 0)
			rc = fc_spmodel_read(&m, b.p ? b.p : "", b.n, path, e);
		if (rc == 0)
			*config = sp_config(&m);
	}
	fc_spmodel_release(&m);
	fc_buf_release(&b);
	free(path);
	free(json);
	return rc;
}
