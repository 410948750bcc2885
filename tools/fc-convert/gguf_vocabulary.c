/* SPDX-License-Identifier: Apache-2.0 */
/* A tokenizer as metadata of a GGUF file (tokenizer.ggml.*), by the rules of llama.cpp's converter.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "fc-convert/convert.h"
#include "fc-convert/precut.h"
#include "text/json.h"
#include "token/spmodel.h"
#include "token/tokenizer.h"

#define KEY "tokenizer.ggml."
#define BLANK "\xe2\x96\x81" /* SentencePiece's space */

struct vocab {
	const struct convert *c;
	struct fc_tokenizer *t;
	json_t *file, *config; /* tokenizer.json, tokenizer_config.json; the latter may be NULL */
	const json_t *model;   /* of file */
	uint8_t *kind;         /* [n] enum fc_piece_kind */
	float *score;          /* [n] */
	size_t n;
};

static bool ends_and_begins(const char *s, const char *begin, const char *end)
{
	const size_t n = strlen(s), b = strlen(begin), k = strlen(end);
	return n >= b + k && !strncmp(s, begin, b) && !strcmp(s + n - k, end);
}

/* Added tokens that their makers forgot to call special. */
static bool looks_special(const char *s)
{
	return !strcmp(s, "<pad>") || !strcmp(s, "<mask>") || !strcmp(s, "<2mass>") ||
	    !strcmp(s, "[@BOS@]") || ends_and_begins(s, "<|", "|>") ||
	    ends_and_begins(s, "<\xef\xbd\x9c", "\xef\xbd\x9c>") ||
	    ends_and_begins(s, "<unused", ">");
}

static void set_kinds(struct vocab *v, bool spm)
{
	const json_t *added = json_object_get(v->file, "added_tokens"), *list;
	const json_t *more = json_object_get(v->config, "added_tokens_decoder");
	const char *key;
	json_t *o;
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
	for (size_t i = 0; i < json_array_size(added); i++) {
		list = json_array_get(added, i);
		const json_int_t id = json_integer_value(json_object_get(list, "id"));
		const char *text = json_string_value(json_object_get(list, "content"));
		if (id >= 0 && (size_t)id < v->n && text && v->kind[id] == FC_PIECE_NORMAL)
			v->kind[id] = looks_special(text) ? FC_PIECE_CONTROL : FC_PIECE_USER;
	}
	json_object_foreach((json_t *)(uintptr_t)more, key, o)
	{
		const size_t id = strtoul(key, NULL, 10);
		const char *text = json_string_value(json_object_get(o, "content"));
		if (id < v->n && text && v->kind[id] == FC_PIECE_NORMAL)
			v->kind[id] = looks_special(text) ? FC_PIECE_CONTROL : FC_PIECE_USER;
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

static int add_template(const struct vocab *v, struct fc_gguf_meta *m, struct fc_err *e)
{
	char *path = fc_path_join(v->c->from, "chat_template.jinja");
	const json_t *o = json_object_get(v->config, "chat_template");
	struct fc_buf b = FC_BUF_INIT;
	int ret = 0;
	for (size_t i = 0; json_is_array(o) && i < json_array_size(o); i++) {
		const json_t *named = json_array_get(o, i);
		const char *is = json_string_value(json_object_get(named, "name"));
		if (is && !strcmp(is, "default")) {
			o = json_object_get(named, "template");
			break;
		}
	}
	if (fc_file_exists(path))
		ret = fc_file_read(path, FC_JSON_FILE_MAX, &b, e);
	else if (json_is_string(o))
		fc_buf_add(&b, json_string_value(o), json_string_length(o));
	if (ret == 0 && b.n)
		fc_gguf_add_str(m, "tokenizer.chat_template", b.p, b.n);
	fc_buf_release(&b);
	free(path);
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
	return add_template(v, m, e);
}

static int from_folder(const struct convert *c, struct fc_gguf_meta *m, struct fc_err *e)
{
	struct vocab v = {.c = c, .n = c->config.n_vocab};
	char *file = fc_path_join(c->from, "tokenizer.json");
	char *config = fc_path_join(c->from, "tokenizer_config.json");
	int ret = -1;
	if (fc_tokenizer_open(&v.t, c->from, e) < 0 || !(v.file = fc_json_file(file, e)) ||
	    (fc_file_exists(config) && !(v.config = fc_json_file(config, e))))
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
	json_decref(v.config);
	free(v.kind);
	free(v.score);
	free(file);
	free(config);
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
