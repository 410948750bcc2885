/* SPDX-License-Identifier: Apache-2.0 */
/* A tokenizer as metadata of a GGUF file (tokenizer.ggml.*), by the rules of llama.cpp's converter.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "chat/template.h"
#include "fc-convert/convert.h"
#include "fc-convert/precut.h"
#include "text/json.h"
#include "token/sidefiles.h"
#include "token/spmodel.h"
#include "token/tokenizer.h"

#define KEY "tokenizer.ggml."
#define TEMPLATE "tokenizer.chat_template"
#define BLANK "\xe2\x96\x81" /* SentencePiece's space */

struct vocab {
	const struct convert *c;
	struct fc_tokenizer *t;
	json_t *file; /* tokenizer.json */
	struct fc_sidefiles side;
	const json_t *model; /* of file */
	uint8_t *kind;       /* [n] enum fc_piece_kind */
	float *score;        /* [n] */
	size_t n;
};

static bool ends_and_begins(const char *s, const char *begin, const char *end)
{
	const size_t b = strlen(begin);
	return !strncmp(s, begin, b) && fc_ends_with(s + b, end);
}

/* Added tokens that their makers forgot to call special. */
static bool looks_special(const char *s)
{
	return !strcmp(s, "<pad>") || !strcmp(s, "<mask>") || !strcmp(s, "<2mass>") ||
	    !strcmp(s, "[@BOS@]") || ends_and_begins(s, "<|", "|>") ||
	    ends_and_begins(s, "<\xef\xbd\x9c", "\xef\xbd\x9c>") ||
	    ends_and_begins(s, "<unused", ">");
}

/* An added token that is not known as special. */
static void set_added(struct vocab *v, int64_t id, const char *text)
{
	if (id >= 0 && (size_t)id < v->n && text && v->kind[id] == FC_PIECE_NORMAL)
		v->kind[id] = looks_special(text) ? FC_PIECE_CONTROL : FC_PIECE_USER;
}

static void set_kinds(struct vocab *v, bool spm)
{
	const json_t *added = json_object_get(v->file, "added_tokens");
	const char *key;
	json_t *o;
	size_t i;
	for (size_t id = 0; id < v->n; id++) {
		const char *p = fc_tokenizer_piece(v->t, (uint32_t)id);
		unsigned byte;
		char tail;
		v->kind[id] = FC_PIECE_UNUSED;
		if (!p)
			continue;
		v->kind[id] = FC_PIECE_NORMAL;
		if (spm && strlen(p) == 6 && sscanf(p, "<0x%2X%c", &byte, &tail) == 2 &&
		    tail == '>')
			v->kind[id] = FC_PIECE_BYTE;
		if (fc_tokenizer_is_special(v->t, (uint32_t)id))
			v->kind[id] = FC_PIECE_CONTROL;
	}
	if (spm && fc_tokenizer_unk(v->t) < v->n)
		v->kind[fc_tokenizer_unk(v->t)] = FC_PIECE_UNKNOWN;
	json_array_foreach(added, i, o)
	{
		set_added(v, json_integer_value(json_object_get(o, "id")),
		    json_string_value(json_object_get(o, "content")));
	}
	json_object_foreach(json_object_get(v->side.config, "added_tokens_decoder"), key, o)
	{
		set_added(
		    v, strtoll(key, NULL, 10), json_string_value(json_object_get(o, "content")));
	}
	json_object_foreach(v->side.added, key, o)
	{
		set_added(v, json_integer_value(o), key);
	}
}

/* "a b", or ["a", "b"]; false: neither. */
static bool merge_text(const json_t *merge, struct fc_buf *b)
{
	const char *l = json_string_value(json_array_get(merge, 0));
	const char *r = json_string_value(json_array_get(merge, 1));
	fc_buf_clear(b);
	if (json_is_string(merge))
		fc_buf_adds(b, json_string_value(merge));
	else if (l && r)
		fc_buf_addf(b, "%s %s", l, r);
	return b->n > 0;
}

static int add_merges(const struct vocab *v, struct fc_gguf_meta *m, struct fc_err *e)
{
	const json_t *merges = json_object_get(v->model, "merges");
	struct fc_buf b = FC_BUF_INIT;
	fc_gguf_add_array(m, KEY "merges", FC_GGUF_STRING, json_array_size(merges));
	for (size_t i = 0; i < json_array_size(merges); i++) {
		if (!merge_text(json_array_get(merges, i), &b))
			return fc_fail(
			    e, "%s: tokenizer.json: merge %zu is not two pieces", v->c->from, i);
		fc_gguf_item_str(m, b.p, b.n);
	}
	fc_buf_release(&b);
	return 0;
}

/* Of two neighbours that make a piece, those of the better score are merged first: the rank of a
 * piece's first merge, negative, orders them as the merges do. */
static void score_by_merges(struct vocab *v)
{
	const json_t *merges = json_object_get(v->model, "merges");
	const size_t n = json_array_size(merges);
	struct fc_buf b = FC_BUF_INIT;
	for (size_t id = 0; id < v->n; id++)
		v->score[id] = v->kind[id] == FC_PIECE_NORMAL ? -(float)n - 1 : 0;
	for (size_t i = n; i-- > 0;) {
		if (!merge_text(json_array_get(merges, i), &b))
			continue;
		char *space = strchr(b.p, ' ');
		if (space)
			memmove(space, space + 1, strlen(space));
		const uint32_t id = fc_tokenizer_find(v->t, b.p);
		if (id < v->n)
			v->score[id] = -(float)i - 1;
	}
	fc_buf_release(&b);
}

/* tokenizer.model beside tokenizer.json has the scores themselves. */
static int read_scores(struct vocab *v, struct fc_err *e)
{
	char *path = fc_path_join(v->c->from, "tokenizer.model");
	struct fc_buf b = FC_BUF_INIT;
	struct fc_spmodel sp = {0};
	int ret = 0;
	score_by_merges(v);
	if (fc_file_exists(path)) {
		ret = fc_file_read(path, FC_JSON_FILE_MAX, &b, e);
		if (ret == 0)
			ret = fc_spmodel_read(&sp, b.p, b.n, path, e);
		for (size_t id = 0; ret == 0 && id < v->n; id++)
			if (id < sp.pieces.n_id)
				v->score[id] = sp.score[id];
	}
	for (size_t id = 0; id < v->n; id++) {
		if (v->kind[id] == FC_PIECE_USER || v->kind[id] == FC_PIECE_CONTROL)
			v->score[id] = -1000;
		if (v->kind[id] == FC_PIECE_UNUSED)
			v->score[id] = -10000;
	}
	fc_spmodel_release(&sp);
	fc_buf_release(&b);
	free(path);
	return ret;
}

/* The text of a token; pre-normalised where it is the user's. */
static void add_token(const struct vocab *v, struct fc_gguf_meta *m, size_t id)
{
	const char *p = fc_tokenizer_piece(v->t, (uint32_t)id);
	struct fc_buf b = FC_BUF_INIT;
	if (!p)
		fc_buf_addf(&b, "[PAD%zu]", id);
	for (; p && *p; p++) {
		if (v->kind[id] == FC_PIECE_USER && !strncmp(p, BLANK, 3)) {
			fc_buf_addc(&b, ' ');
			p += 2;
		} else {
			fc_buf_addc(&b, *p);
		}
	}
	fc_gguf_item_str(m, b.p ? b.p : "", b.n);
	fc_buf_release(&b);
}

static void add_tokens(const struct vocab *v, struct fc_gguf_meta *m, bool spm)
{
	fc_gguf_add_array(m, KEY "tokens", FC_GGUF_STRING, v->n);
	for (size_t id = 0; id < v->n; id++)
		add_token(v, m, id);
	if (spm) {
		fc_gguf_add_array(m, KEY "scores", FC_GGUF_F32, v->n);
		for (size_t id = 0; id < v->n; id++)
			fc_gguf_item_f32(m, v->score[id]);
	}
	fc_gguf_add_array(m, KEY "token_type", FC_GGUF_I32, v->n);
	for (size_t id = 0; id < v->n; id++)
		fc_gguf_item_i32(m, v->kind[id]);
}

/* A token by its role: the tokenizer's, else config.json's (the first of a list). */
static void add_role(const struct vocab *v, struct fc_gguf_meta *m, const char *key, uint32_t id,
    const char *in_config)
{
	const json_t *o = json_object_get(v->c->config.json, in_config);
	if (json_is_array(o))
		o = json_array_get(o, 0);
	if (id == FC_NO_TOKEN && json_is_integer(o) && json_integer_value(o) >= 0)
		id = (uint32_t)json_integer_value(o);
	if (id != FC_NO_TOKEN && fc_tokenizer_piece(v->t, id)) /* not a row without a token */
		fc_gguf_add_u32(m, key, id);
}

/* Somewhere in the normalizer or pre-tokenizer the text gets a space in front. */
static bool adds_space(const json_t *o)
{
	const char *type = json_string_value(json_object_get(o, "type")), *key;
	const char *scheme = json_string_value(json_object_get(o, "prepend_scheme"));
	json_t *part;
	size_t i;
	if (type && !strcmp(type, "Prepend"))
		return true;
	if (type && !strcmp(type, "Metaspace"))
		return scheme ? strcmp(scheme, "never") != 0
			      : !json_is_false(json_object_get(o, "add_prefix_space"));
	if (json_is_array(o)) {
		json_array_foreach(
		    (json_t *)(uintptr_t)o, i, part) if (adds_space(part)) return true;
		return false;
	}
	json_object_foreach((json_t *)(uintptr_t)o, key, part)
	{
		if (adds_space(part))
			return true;
	}
	return false;
}

/* Keys of GGUF have letters, digits and '_' only for names of templates. */
static char *name_in_key(const char *name)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_adds(&b, TEMPLATE ".");
	for (; *name; name++)
		fc_buf_addc(&b, isalnum((unsigned char)*name) ? *name : '_');
	return fc_buf_detach(&b);
}

/* As gguf-py does: the default alone, each other one by its name, and a list of their names. */
static int add_templates(const struct vocab *v, struct fc_gguf_meta *m, struct fc_err *e)
{
	json_t *all = fc_template_all(v->c->from, v->side.config, e), *text;
	json_t *keys = json_object();
	const char *name;
	int ret = all ? 0 : -1;
	json_object_foreach(all, name, text)
	{
		const bool is_default = !strcmp(name, FC_TEMPLATE_DEFAULT);
		char *key = is_default ? fc_strdup(TEMPLATE) : name_in_key(name);
		if (json_object_get(keys, key) && ret == 0)
			ret = fc_fail(e,
			    "%s: chat template \"%.64s\": another one has the key %s in GGUF",
			    v->c->from, name, key);
		if (json_string_length(text) && !json_object_get(keys, key))
			fc_gguf_add_str(m, key, json_string_value(text), json_string_length(text));
		if (!is_default)
			json_object_set_new(keys, key, json_true());
		free(key);
	}
	if (json_object_size(keys))
		fc_gguf_add_array(m, TEMPLATE "s", FC_GGUF_STRING, json_object_size(keys));
	json_object_foreach(keys, name, text)
	{
		const char *tail = name + strlen(TEMPLATE ".");
		fc_gguf_item_str(m, tail, strlen(tail));
	}
	json_decref(all);
	json_decref(keys);
	return ret;
}

/* "llama": pieces with scores; "gpt2": bytes, merges and a way to cut. */
static int add_model(struct vocab *v, struct fc_gguf_meta *m, struct fc_err *e)
{
	const char *type = json_string_value(json_object_get(v->model, "type"));
	const bool spm = json_is_true(json_object_get(v->model, "byte_fallback"));
	const char *pre = v->c->pre ? v->c->pre : "default";
	if (!type || strcmp(type, "BPE"))
		return fc_fail(e, "%s: tokenizer.json: a model of type %s can't be written as GGUF",
		    v->c->from, type ? type : "(none)");
	if (!spm && !v->c->pre && !(pre = convert_precut_name(v->file, v->c->from, e)))
		return -1;
	set_kinds(v, spm);
	if (spm && read_scores(v, e) < 0)
		return -1;
	fc_gguf_add_str(m, KEY "model", spm ? "llama" : "gpt2", spm ? 5 : 4);
	fc_gguf_add_str(m, KEY "pre", pre, strlen(pre));
	add_tokens(v, m, spm);
	if (!spm && add_merges(v, m, e) < 0)
		return -1;
	add_role(v, m, KEY "bos_token_id", fc_tokenizer_bos(v->t), "bos_token_id");
	add_role(v, m, KEY "eos_token_id", fc_tokenizer_eos(v->t), "eos_token_id");
	add_role(v, m, KEY "unknown_token_id", fc_tokenizer_unk(v->t), "unk_token_id");
	add_role(v, m, KEY "padding_token_id", fc_tokenizer_pad(v->t), "pad_token_id");
	fc_gguf_add_bool(m, KEY "add_bos_token", fc_tokenizer_adds_bos(v->t));
	if (spm)
		fc_gguf_add_bool(m, KEY "add_space_prefix",
		    adds_space(json_object_get(v->file, "normalizer")) ||
			adds_space(json_object_get(v->file, "pre_tokenizer")));
	return add_templates(v, m, e);
}

static int from_folder(const struct convert *c, struct fc_gguf_meta *m, struct fc_err *e)
{
	struct vocab v = {.c = c, .n = c->config.n_vocab};
	char *file = fc_path_join(c->from, "tokenizer.json");
	char *stem = fc_path_join(c->from, "");
	int ret = -1;
	if (fc_tokenizer_open(&v.t, c->from, e) < 0 || !(v.file = fc_json_file(file, e)) ||
	    fc_sidefiles_read(&v.side, stem, e) < 0)
		goto out;
	v.model = json_object_get(v.file, "model");
	if (fc_tokenizer_n_vocab(v.t) > v.n) {
		fc_fail(e, "%s: %zu tokens, but the embedding has %zu rows", c->from,
		    fc_tokenizer_n_vocab(v.t), v.n);
		goto out;
	}
	v.kind = fc_malloc(v.n);
	v.score = FC_ARRAY(float, v.n);
	ret = add_model(&v, m, e);
out:
	fc_tokenizer_free(v.t);
	json_decref(v.file);
	fc_sidefiles_release(&v.side);
	free(v.kind);
	free(v.score);
	free(file);
	free(stem);
	return ret;
}

static bool has_tokenizer(const char *folder)
{
	static const char *const name[] = {"tokenizer.json", "tokenizer.model"};
	bool has = false;
	for (size_t i = 0; i < FC_LEN(name); i++) {
		char *path = fc_path_join(folder, name[i]);
		has = has || fc_file_exists(path);
		free(path);
	}
	return has;
}

int convert_vocabulary(const struct convert *c, struct fc_gguf_meta *m, struct fc_err *e)
{
	const struct fc_gguf *g = fc_store_gguf(c->store);
	if (!g && !has_tokenizer(c->from)) {
		fc_warn("%s: no tokenizer: nor will the GGUF file have one", c->from);
		return 0;
	}
	if (!g)
		return from_folder(c, m, e);
	for (size_t i = 0; i < fc_gguf_n_key(g); i++) {
		const struct fc_gguf_str key = fc_gguf_key(g, i);
		if (key.n > 10 && !memcmp(key.p, "tokenizer.", 10))
			fc_gguf_add_copy(m, g, i);
	}
	return 0;
}
