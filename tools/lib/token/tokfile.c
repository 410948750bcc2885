/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "text/utf8.h"
#include "token/bpe.h"
#include "token/component.h"
#include "token/pretypes.h"
#include "token/spmnorm.h"
#include "token/tokparts.h"
#include "token/unigram.h"
#include "token/wordpiece.h"

#define ADDED_MAX ((size_t)1 << 20)

/* The id that content has or gets.  The model's vocabulary has the last word: it would win in the
 * reference, too. */
static int resolve_id(struct fc_tokenizer *t, const char *content, size_t n, int64_t *id,
    const char *where, struct fc_err *e)
{
	uint32_t known = fc_pieces_find(&t->pieces, content, n);
	size_t len;
	if (known != FC_NO_TOKEN && *id != FC_NO_TOKEN && *id != known)
		return fc_fail(e,
		    "%s: \"%.64s\" has id %" PRId64 ", but %" PRIu32 " in the vocabulary", where,
		    content, *id, known);
	if (known != FC_NO_TOKEN) {
		*id = known;
		return 0;
	}
	if (*id < 0 || *id >= FC_ID_CEILING)
		return fc_fail(e, "%s: id %" PRId64 " of \"%.64s\" is not in 0..%u", where, *id,
		    content, FC_ID_CEILING - 1);
	const struct fc_added_token *other = fc_added_by_id(&t->added, (uint32_t)*id);
	const char *taken = other ? other->content : fc_pieces_get(&t->pieces, (uint32_t)*id, &len);
	if (taken && strcmp(taken, content) != 0)
		return fc_fail(e, "%s: id %" PRId64 " of \"%.64s\" belongs to \"%.64s\"", where,
		    *id, content, taken);
	return 0;
}

int fc_tokfile_add(
    struct fc_tokenizer *t, const json_t *o, int64_t id, const char *where, struct fc_err *e)
{
	const char *content;
	size_t n;
	struct fc_added_token flags = {0};
	if (fc_component_keys(o, "id content single_word lstrip rstrip normalized special __type",
		where, e) < 0 ||
	    fc_component_text(o, "content", FC_PIECE_MAX, &content, &n, where, e) < 0 ||
	    fc_json_bool(o, "single_word", false, &flags.single_word, where, e) < 0 ||
	    fc_json_bool(o, "lstrip", false, &flags.lstrip, where, e) < 0 ||
	    fc_json_bool(o, "rstrip", false, &flags.rstrip, where, e) < 0 ||
	    fc_json_bool(o, "special", false, &flags.special, where, e) < 0 ||
	    fc_json_bool(o, "normalized", !flags.special, &flags.normalized, where, e) < 0 ||
	    resolve_id(t, content, n, &id, where, e) < 0)
		return -1;
	struct fc_added_token *token = fc_added_by_content(&t->added, content);
	if (token && token->id != id)
		return fc_fail(e, "%s: \"%.64s\" has ids %" PRIu32 " and %" PRId64, where, content,
		    token->id, id);
	if (!token && t->added.n >= ADDED_MAX)
		return fc_fail(e, "%s: more than %zu added tokens", where, ADDED_MAX);
	if (!token)
		token = fc_added_new(&t->added, content, n, (uint32_t)id);
	flags.id = (uint32_t)id;
	flags.content = token->content;
	flags.form = token->form;
	*token = flags;
	return 0;
}

uint32_t fc_tokfile_next_id(const struct fc_tokenizer *t)
{
	uint32_t n = (uint32_t)t->pieces.n_used;
	return t->added.max_id_1 > n ? t->added.max_id_1 : n;
}

static int added_json(
    struct fc_tokenizer *t, const json_t *list, const char *path, struct fc_err *e)
{
	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return fc_fail(e, "%s: added_tokens: expected a list", path);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		char where[512];
		int64_t id;
		snprintf(where, sizeof where, "%.400s: added_tokens: item %zu", path, i);
		if (!json_is_object(o))
			return fc_fail(e, "%s: expected an object", where);
		if (fc_json_int(o, "id", -1, &id, where, e) < 0 ||
		    fc_tokfile_add(t, o, id, where, e) < 0)
			return -1;
	}
	return 0;
}

/* The template of one text: the special token before it is BOS, the one after it EOS. */
static int template_json(
    struct fc_tokenizer *t, const json_t *o, const char *where, struct fc_err *e)
{
	const json_t *single = json_object_get(o, "single");
	const json_t *tokens = json_object_get(o, "special_tokens");
	bool after = false;
	for (size_t i = 0; i < json_array_size(single); i++) {
		const json_t *item = json_array_get(single, i);
		const json_t *special = json_object_get(item, "SpecialToken");
		if (json_object_get(item, "Sequence")) {
			after = true;
			continue;
		}
		const char *name = json_string_value(json_object_get(special, "id"));
		const json_t *ids =
		    name ? json_object_get(json_object_get(tokens, name), "ids") : NULL;
		const json_t *id = json_array_get(ids, 0);
		if (!json_is_integer(id) || json_integer_value(id) < 0 ||
		    json_integer_value(id) >= FC_ID_CEILING)
			return fc_fail(e,
			    "%s: single: item %zu: expected a Sequence or a known "
			    "SpecialToken",
			    where, i);
		uint32_t *role = after ? &t->eos : &t->bos;
		if (*role == FC_NO_TOKEN)
			*role = (uint32_t)json_integer_value(id);
		t->adds_bos = t->adds_bos || !after;
	}
	return 0;
}

/* ["</s>", 2] */
static uint32_t pair_id(const json_t *o, const char *key)
{
	const json_t *id = json_array_get(json_object_get(o, key), 1);
	int64_t v = json_is_integer(id) ? json_integer_value(id) : -1;
	return v >= 0 && v < FC_ID_CEILING ? (uint32_t)v : FC_NO_TOKEN;
}

static int post_processor(void *to, const json_t *o, const char *where, struct fc_err *e)
{
	struct fc_tokenizer *t = to;
	const char *type = fc_component_type(o, where, e);
	if (!strcmp(type, "TemplateProcessing"))
		return template_json(t, o, where, e);
	if (!strcmp(type, "RobertaProcessing") || !strcmp(type, "BertProcessing")) {
		t->bos = pair_id(o, "cls");
		t->eos = pair_id(o, "sep");
		t->adds_bos = t->bos != FC_NO_TOKEN;
		return 0;
	}
	if (!strcmp(type, "ByteLevel")) /* changes offsets only, and not the ones used here */
		return 0;
	return fc_fail(e, "%s: \"%s\" is not supported", where, type);
}

static uint64_t hash_json(const json_t *o)
{
	/* keys sorted: independent of how the file was written */
	char *s = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;
	uint64_t h = s && strcmp(s, "null") != 0 ? fc_hash(s, strlen(s), 0) : 0;
	free(s);
	return h;
}

static bool has_string(const json_t *o, const char *key, const char *value)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s && !strcmp(s, value);
}

/*
 * What tokenizer.json makes of SentencePiece's normalization: spaces become U+2581, with one in
 * front of every part of the text or not.  -1: the normalizer is another.
 */
static int dummy_of(const json_t *o)
{
	const json_t *list = json_object_get(o, "normalizers");
	const size_t n = has_string(o, "type", "Sequence") ? json_array_size(list) : 0;
	const json_t *first = n ? json_array_get(list, 0) : o,
		     *last = n ? json_array_get(list, n - 1) : o;
	const bool prepends = n == 2 && has_string(first, "type", "Prepend") &&
	    has_string(first, "prepend", "\xe2\x96\x81");
	const bool replaces = has_string(last, "type", "Replace") &&
	    has_string(last, "content", "\xe2\x96\x81") &&
	    has_string(json_object_get(last, "pattern"), "String", " ");
	if (!replaces || (n == 2 && !prepends) || n > 2)
		return -1;
	return prepends ? FC_DUMMY_PREFIX : FC_DUMMY_NONE;
}

uint64_t fc_tokfile_parts_hash(
    const struct fc_tokenizer *t, const json_t *normalizer, const json_t *pretok)
{
	uint64_t parts[] = {t->model->hash, hash_json(normalizer), hash_json(pretok)};
	struct fc_buf b = FC_BUF_INIT;
	const int dummy = dummy_of(normalizer);
	if (dummy >= 0 && !parts[2]) /* as in tokenizer.model and GGUF */
		return fc_spm_parts_hash(t->model->hash, false, true, dummy, NULL);
	if (fc_pretok_is_byte_level(t->pretok)) {
		fc_pretype_describe(pretok, &b);
		parts[2] = fc_hash(b.p, b.n, 1);
	}
	fc_buf_release(&b);
	return fc_hash(parts, sizeof parts, 0);
}

static int model_json(struct fc_tokenizer *t, const json_t *o, const struct fc_modeltext *text,
    const char *where, struct fc_err *e)
{
	const char *type;
	if (!json_is_object(o))
		return fc_fail(e, "%s: expected an object", where);
	if (fc_json_str(o, "type", NULL, &type, where, e) < 0)
		return -1;
	if (!type) /* files of early versions name no type */
		type = text->n_merges              ? "BPE"
		    : json_object_get(o, "unk_id") ? "Unigram"
						   : "WordPiece";
	if (!strcmp(type, "BPE"))
		return fc_bpe_read(&t->model, &t->pieces, o, text, where, e);
	if (!strcmp(type, "Unigram"))
		return fc_unigram_read(&t->model, &t->pieces, o, text, where, e);
	if (!strcmp(type, "WordPiece"))
		return fc_wordpiece_read(&t->model, &t->pieces, o, text, where, e);
	return fc_fail(
	    e, "%s: type \"%.64s\" is not supported; BPE, Unigram and WordPiece are", where, type);
}

static int parts_json(struct fc_tokenizer *t, const json_t *o, const struct fc_modeltext *text,
    const char *path, struct fc_err *e)
{
	char where[512];
	const json_t *normalizer = json_object_get(o, "normalizer");
	const json_t *pretok = json_object_get(o, "pre_tokenizer");
	if (!json_is_object(o))
		return fc_fail(e, "%s: expected an object", path);
	/* truncation and padding are about batches, not about tokens */
	if (fc_component_keys(o,
		"version truncation padding added_tokens normalizer pre_tokenizer model "
		"post_processor decoder",
		path, e) < 0)
		return -1;
	snprintf(where, sizeof where, "%.400s: model", path);
	if (model_json(t, json_object_get(o, "model"), text, where, e) < 0)
		return -1;
	snprintf(where, sizeof where, "%.400s: normalizer", path);
	if (fc_normalizer_json(&t->normalizer, normalizer, where, e) < 0)
		return -1;
	snprintf(where, sizeof where, "%.400s: pre_tokenizer", path);
	if (fc_pretok_json(&t->pretok, pretok, where, e) < 0)
		return -1;
	snprintf(where, sizeof where, "%.400s: decoder", path);
	if (fc_decoder_json(&t->decoder, json_object_get(o, "decoder"),
		fc_pretok_is_byte_level(t->pretok), where, e) < 0)
		return -1;
	snprintf(where, sizeof where, "%.400s: post_processor", path);
	if (fc_component_each(json_object_get(o, "post_processor"), "processors", post_processor, t,
		where, e) < 0)
		return -1;
	t->fingerprint = fc_tokfile_parts_hash(t, normalizer, pretok);
	return added_json(t, json_object_get(o, "added_tokens"), path, e);
}

int fc_tokfile_read(struct fc_tokenizer *t, const char *path, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	struct fc_modeltext text;
	json_t *o = NULL;
	if (fc_file_read(path, FC_JSON_FILE_MAX, &b, e) == 0)
		o = fc_modeltext_parse(&text, b.p ? b.p : "", b.n, path, e);
	int rc = o ? parts_json(t, o, &text, path, e) : -1;
	json_decref(o);
	fc_buf_release(&b);
	return rc;
}
