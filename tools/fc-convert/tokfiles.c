/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer.json and tokenizer_config.json from the vocabulary of a GGUF file. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "fc-convert/convert.h"
#include "fc-convert/spmmerge.h"
#include "text/json_write.h"
#include "text/utf8.h"
#include "token/pretypes.h"
#include "token/spmodel.h"
#include "token/tokmeta.h"

#define KEY "tokenizer.ggml."
#define BLANK "\xe2\x96\x81"

struct vocab {
	const struct fc_gguf *g;
	char **text;   /* [n] owned */
	uint8_t *kind; /* [n] enum fc_piece_kind */
	float *score;  /* [n] */
	size_t n;
	int64_t bos, eos, unk, pad; /* -1: none */
	bool spm, adds_bos, adds_space;
	struct fc_pretype pre;
};

/* What JSON, and jansson's names of members, can hold. */
static bool is_text(const char *p, size_t n)
{
	return fc_utf8_check(p, n) == n && !memchr(p, 0, n);
}

static int read_lists(struct vocab *v, struct fc_err *e)
{
	struct fc_gguf_array tokens, kinds, scores;
	struct fc_gguf_str s;
	int64_t kind;
	double score;
	const char *path = fc_gguf_path(v->g);
	if (fc_gguf_strings(v->g, KEY "tokens", &tokens, e) < 0 ||
	    fc_gguf_ints(v->g, KEY "token_type", &kinds, e) < 0 ||
	    fc_gguf_reals(v->g, KEY "scores", &scores, e) < 0)
		return -1;
	if (!tokens.n || (kinds.n && kinds.n != tokens.n) || (scores.n && scores.n != tokens.n))
		return fc_fail(e,
		    "%s: " KEY "tokens, token_type, scores: %zu, %zu and %zu elements", path,
		    tokens.n, kinds.n, scores.n);
	v->n = tokens.n;
	v->text = FC_ARRAY(char *, v->n);
	v->kind = fc_malloc(v->n);
	v->score = FC_ARRAY(float, v->n);
	memset(v->kind, FC_PIECE_NORMAL, v->n);
	for (size_t i = 0; fc_gguf_next_int(&kinds, &kind); i++)
		v->kind[i] = kind >= FC_PIECE_NORMAL && kind <= FC_PIECE_BYTE ? (uint8_t)kind
									      : FC_PIECE_UNUSED;
	for (size_t i = 0; fc_gguf_next_real(&scores, &score); i++)
		v->score[i] = (float)score;
	for (size_t i = 0; fc_gguf_next_str(&tokens, &s); i++) {
		if (v->kind[i] != FC_PIECE_UNUSED && !is_text(s.p, s.n))
			return fc_fail(
			    e, "%s: " KEY "tokens: %zu: expected UTF-8 without NUL", path, i);
		v->text[i] = fc_memdup0(s.p, s.n);
	}
	return 0;
}

static int read_role(struct vocab *v, const char *key, int64_t def, int64_t *id, struct fc_err *e)
{
	if (fc_gguf_int(v->g, key, def, id, e) < 0)
		return -1;
	/* what is no token in the file that is written has no role in it */
	if (*id >= (int64_t)v->n ||
	    (*id >= 0 && (v->kind[*id] == FC_PIECE_UNUSED || !*v->text[*id])))
		*id = -1;
	return 0;
}

static int read_vocab(struct vocab *v, struct fc_err *e)
{
	struct fc_gguf_str model, pre;
	const char *path = fc_gguf_path(v->g);
	if (fc_gguf_string(v->g, KEY "model", &model, e) < 0 ||
	    fc_gguf_string(v->g, KEY "pre", &pre, e) < 0)
		return -1;
	v->spm = model.n == 5 && !memcmp(model.p, "llama", 5);
	if (!v->spm && !(model.n == 4 && !memcmp(model.p, "gpt2", 4)))
		return fc_fail(e, "%s: " KEY "model \"%.*s\" can't be written as tokenizer.json",
		    path, model.n < 40 ? (int)model.n : 40, model.p ? model.p : "");
	if (read_lists(v, e) < 0 ||
	    read_role(v, KEY "bos_token_id", v->spm ? 1 : -1, &v->bos, e) < 0 ||
	    read_role(v, KEY "eos_token_id", v->spm ? 2 : -1, &v->eos, e) < 0 ||
	    read_role(v, KEY "unknown_token_id", v->spm ? 0 : -1, &v->unk, e) < 0 ||
	    read_role(v, KEY "padding_token_id", -1, &v->pad, e) < 0)
		return -1;
	if (!v->spm &&
	    fc_pretype_find(&v->pre, pre.n ? pre.p : "default", pre.n ? pre.n : 7, path, e) < 0)
		return -1;
	if (fc_gguf_bool(v->g, KEY "add_bos_token", v->spm || v->pre.adds_bos, &v->adds_bos, e) < 0)
		return -1;
	return fc_gguf_bool(v->g, KEY "add_space_prefix", v->spm, &v->adds_space, e);
}

static void vocab_release(struct vocab *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->text[i]);
	free(v->text);
	free(v->kind);
	free(v->score);
	json_decref(v->pre.pretok);
}

static bool is_added(const struct vocab *v, size_t id)
{
	return v->kind[id] == FC_PIECE_CONTROL || v->kind[id] == FC_PIECE_USER ||
	    v->kind[id] == FC_PIECE_UNKNOWN;
}

static json_t *added_tokens(const struct vocab *v)
{
	json_t *list = json_array();
	for (size_t id = 0; id < v->n; id++)
		if (is_added(v, id))
			json_array_append_new(list,
			    json_pack("{s:I, s:s, s:b, s:b, s:b, s:b, s:b}", "id", (json_int_t)id,
				"content", v->text[id], "single_word", 0, "lstrip", 0, "rstrip", 0,
				"normalized", 0, "special", v->kind[id] != FC_PIECE_USER));
	return list;
}

/* Every token with its id.  Byte-level vocabularies have added tokens outside. */
static json_t *vocabulary_json(const struct vocab *v)
{
	json_t *o = json_object();
	for (size_t id = 0; id < v->n; id++)
		if (v->kind[id] != FC_PIECE_UNUSED && *v->text[id] && (v->spm || !is_added(v, id)))
			json_object_set_new(o, v->text[id], json_integer((json_int_t)id));
	return o;
}

static int given_merges(const struct vocab *v, json_t *list, struct fc_err *e)
{
	struct fc_gguf_array merges;
	struct fc_gguf_str s;
	if (fc_gguf_strings(v->g, KEY "merges", &merges, e) < 0)
		return -1;
	while (fc_gguf_next_str(&merges, &s)) {
		const char *space = s.n > 1 ? memchr(s.p + 1, ' ', s.n - 1) : NULL;
		if (!space)
			return fc_fail(e, "%s: " KEY "merges: \"%.*s\" is not two pieces",
			    fc_gguf_path(v->g), s.n < 40 ? (int)s.n : 40, s.p);
		if (!is_text(s.p, s.n))
			return fc_fail(e, "%s: " KEY "merges: %zu: expected UTF-8 without NUL",
			    fc_gguf_path(v->g), json_array_size(list));
		json_t *l = json_stringn(s.p, (size_t)(space - s.p));
		json_t *r = json_stringn(space + 1, s.n - (size_t)(space - s.p) - 1);
		json_array_append_new(list, json_pack("[o, o]", l, r));
	}
	return 0;
}

static json_t *replace_json(const char *from, const char *to)
{
	return json_pack(
	    "{s:s, s:{s:s}, s:s}", "type", "Replace", "pattern", "String", from, "content", to);
}

static json_t *normalizer_json(const struct vocab *v)
{
	if (!v->spm)
		return json_null();
	json_t *parts = json_array();
	if (v->adds_space)
		json_array_append_new(
		    parts, json_pack("{s:s, s:s}", "type", "Prepend", "prepend", BLANK));
	json_array_append_new(parts, replace_json(" ", BLANK));
	return json_pack("{s:s, s:o}", "type", "Sequence", "normalizers", parts);
}

static json_t *decoder_json(const struct vocab *v)
{
	if (!v->spm)
		return json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 0,
		    "trim_offsets", 0, "use_regex", 0);
	json_t *parts = json_array();
	json_array_append_new(parts, replace_json(BLANK, " "));
	json_array_append_new(parts, json_pack("{s:s}", "type", "ByteFallback"));
	json_array_append_new(parts, json_pack("{s:s}", "type", "Fuse"));
	if (v->adds_space)
		json_array_append_new(parts,
		    json_pack("{s:s, s:s, s:i, s:i}", "type", "Strip", "content", " ", "start", 1,
			"stop", 0));
	return json_pack("{s:s, s:o}", "type", "Sequence", "decoders", parts);
}

static json_t *post_processor(const struct vocab *v)
{
	if (!v->adds_bos || v->bos < 0)
		return json_null();
	const char *bos = v->text[v->bos];
	return json_pack("{s:s, s:[{s:{s:s, s:i}}, {s:{s:s, s:i}}],"
			 " s:[{s:{s:s, s:i}}, {s:{s:s, s:i}}, {s:{s:s, s:i}}, {s:{s:s, s:i}}],"
			 " s:{s:{s:s, s:[I], s:[s]}}}",
	    "type", "TemplateProcessing", "single", "SpecialToken", "id", bos, "type_id", 0,
	    "Sequence", "id", "A", "type_id", 0, "pair", "SpecialToken", "id", bos, "type_id", 0,
	    "Sequence", "id", "A", "type_id", 0, "SpecialToken", "id", bos, "type_id", 1,
	    "Sequence", "id", "B", "type_id", 1, "special_tokens", bos, "id", bos, "ids",
	    (json_int_t)v->bos, "tokens", bos);
}

static json_t *tokenizer_json(const struct vocab *v, struct fc_err *e)
{
	json_t *merges = json_array();
	if (v->spm)
		convert_spmmerge_list(v->text, v->kind, v->score, v->n, merges);
	else if (given_merges(v, merges, e) < 0) {
		json_decref(merges);
		return NULL;
	}
	json_t *unk = v->spm && v->unk >= 0 ? json_string(v->text[v->unk]) : json_null();
	json_t *model = json_pack("{s:s, s:n, s:o, s:n, s:n, s:b, s:b, s:b, s:o, s:o}", "type",
	    "BPE", "dropout", "unk_token", unk, "continuing_subword_prefix", "end_of_word_suffix",
	    "fuse_unk", v->spm, "byte_fallback", v->spm, "ignore_merges",
	    !v->spm && v->pre.ignore_merges, "vocab", vocabulary_json(v), "merges", merges);
	return json_pack("{s:s, s:n, s:n, s:o, s:o, s:o, s:o, s:o, s:o}", "version", "1.0",
	    "truncation", "padding", "added_tokens", added_tokens(v), "normalizer",
	    normalizer_json(v), "pre_tokenizer", v->spm ? json_null() : json_incref(v->pre.pretok),
	    "post_processor", post_processor(v), "decoder", decoder_json(v), "model", model);
}

static int tokenizer_config(const struct vocab *v, json_t **out, struct fc_err *e)
{
	const struct {
		const char *key;
		int64_t id;
	} role[] = {{"bos_token", v->bos}, {"eos_token", v->eos}, {"unk_token", v->unk},
	    {"pad_token", v->pad}};
	json_t *templates;
	*out = json_pack("{s:s, s:b}", "tokenizer_class", "PreTrainedTokenizerFast",
	    "add_bos_token", v->adds_bos);
	for (size_t i = 0; i < FC_LEN(role); i++)
		if (role[i].id >= 0)
			json_object_set_new(*out, role[i].key, json_string(v->text[role[i].id]));
	if (fc_tokmeta_templates(v->g, &templates, e) < 0)
		return -1;
	if (templates)
		json_object_set_new(*out, "chat_template", templates);
	return 0;
}

static int write_json(json_t *o, const char *dir, const char *name, struct fc_err *e)
{
	char *path = fc_path_join(dir, name);
	int ret = fc_json_write(path, o, e);
	free(path);
	return ret;
}

int convert_tokenizer_files(const struct fc_gguf *g, const char *dir, struct fc_err *e)
{
	struct vocab v = {.g = g};
	json_t *file = NULL, *config = NULL;
	int ret = -1;
	if (!fc_gguf_has(g, KEY "model"))
		return 0; /* a model without a vocabulary */
	if (read_vocab(&v, e) == 0 && (file = tokenizer_json(&v, e)) &&
	    tokenizer_config(&v, &config, e) == 0 &&
	    write_json(file, dir, "tokenizer.json", e) == 0)
		ret = write_json(config, dir, "tokenizer_config.json", e);
	json_decref(file);
	json_decref(config);
	vocab_release(&v);
	return ret;
}
