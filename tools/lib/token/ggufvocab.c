/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "store/gguf.h"
#include "text/utf8.h"
#include "token/bpe.h"
#include "token/pretypes.h"
#include "token/spmodel.h"
#include "token/tokparts.h"

/*
 * The vocabulary in a GGUF file's metadata (tokenizer.ggml.*; ggml, docs/gguf.md).  Everything that
 * is a control, unknown or user-defined token is an added token, as llama.cpp cuts them out of the
 * text before anything else; after one of them a llama vocabulary puts its dummy prefix again.
 */
#define KEY "tokenizer.ggml."

struct vocab {
	const struct fc_gguf *g;
	const char *path;
	struct fc_spmodel sp; /* pieces, scores, kinds, options */
};

static int check_length(
    const struct vocab *v, const char *key, size_t n, size_t n_token, struct fc_err *e)
{
	return n == n_token
	    ? 0
	    : fc_fail(e, "%s: " KEY "%s: %zu of them for %zu tokens", v->path, key, n, n_token);
}

static int read_kinds(struct vocab *v, size_t n_token, struct fc_err *e)
{
	struct fc_gguf_array list;
	int64_t kind;
	double score;
	v->sp.score = FC_ARRAY(float, n_token);
	v->sp.kind = fc_malloc(n_token);
	v->sp.cap = n_token;
	memset(v->sp.kind, FC_PIECE_NORMAL, n_token);
	if (fc_gguf_ints(v->g, KEY "token_type", &list, e) < 0)
		return -1;
	if (list.n && check_length(v, "token_type", list.n, n_token, e) < 0)
		return -1;
	for (size_t id = 0; fc_gguf_next_int(&list, &kind); id++) {
		if (kind < FC_PIECE_NORMAL || kind > FC_PIECE_BYTE)
			return fc_fail(e,
			    "%s: " KEY "token_type: %" PRId64 " of token %zu is not one of 1 to 6",
			    v->path, kind, id);
		v->sp.kind[id] = (uint8_t)kind;
	}
	if (fc_gguf_reals(v->g, KEY "scores", &list, e) < 0)
		return -1;
	if (list.n && check_length(v, "scores", list.n, n_token, e) < 0)
		return -1;
	for (size_t id = 0; fc_gguf_next_real(&list, &score); id++) {
		if (!isfinite(score))
			return fc_fail(e, "%s: " KEY "scores: %g of token %zu", v->path, score, id);
		v->sp.score[id] = (float)score;
	}
	return 0;
}

/* A place that no token has: what converters write for a row of the matrix that the tokenizer has
 * no token for, in the middle or behind the last one.  llama.cpp and fc-convert write "[PAD7]" of
 * the kind unused for id 7.  An unused piece of another spelling is the tokenizer's. */
static bool is_vacant(const struct vocab *v, struct fc_gguf_str s, int64_t id)
{
	char name[32];
	const int n = snprintf(name, sizeof name, "[PAD%" PRId64 "]", id);
	return !s.n ||
	    (v->sp.kind[id] == FC_PIECE_UNUSED && s.n == (size_t)n && !memcmp(s.p, name, s.n));
}

static int read_tokens(struct vocab *v, struct fc_err *e)
{
	struct fc_gguf_array list;
	struct fc_gguf_str s;
	if (fc_gguf_strings(v->g, KEY "tokens", &list, e) < 0)
		return -1;
	if (!list.n || list.n > FC_ID_CEILING)
		return fc_fail(e, "%s: " KEY "tokens: %zu of them; expected 1 to %u", v->path,
		    list.n, FC_ID_CEILING);
	if (read_kinds(v, list.n, e) < 0)
		return -1;
	fc_pieces_reserve(&v->sp.pieces, list.n);
	for (int64_t id = 0; fc_gguf_next_str(&list, &s); id++) {
		if (is_vacant(v, s, id))
			continue;
		if (fc_utf8_check(s.p, s.n) < s.n || memchr(s.p, 0, s.n))
			return fc_fail(e,
			    "%s: " KEY "tokens: %" PRId64 ": expected UTF-8 without NUL", v->path,
			    id);
		if (fc_pieces_add(&v->sp.pieces, s.p, s.n, id, v->path, e) < 0)
			return -1;
	}
	return v->sp.pieces.n_id ? 0 : fc_fail(e, "%s: " KEY "tokens: all are empty", v->path);
}

static int read_role(
    const struct vocab *v, const char *key, int64_t def, uint32_t *id, struct fc_err *e)
{
	char name[64];
	int64_t value;
	snprintf(name, sizeof name, KEY "%s_token_id", key);
	if (fc_gguf_int(v->g, name, def, &value, e) < 0)
		return -1;
	*id = FC_NO_TOKEN;
	size_t n;
	if (value >= 0 && value < (int64_t)v->sp.cap) /* a vacant place has no role */
		*id = fc_pieces_get(&v->sp.pieces, (uint32_t)value, &n) ? (uint32_t)value
									: FC_NO_TOKEN;
	else if (value != -1 && value != UINT32_MAX)
		return fc_fail(e, "%s: %s: there is no token %" PRId64, v->path, name, value);
	return 0;
}

/* What the file does not say is where the model's kind has it. */
static int read_roles(struct vocab *v, bool llama, bool unigram, struct fc_err *e)
{
	const struct {
		const char *key;
		int64_t llama, unigram;
		uint32_t *id;
	} role[] = {{"bos", 1, -1, &v->sp.bos}, {"eos", 2, 1, &v->sp.eos},
	    {"unknown", 0, 2, &v->sp.unk}, {"padding", -1, 0, &v->sp.pad}};
	for (size_t i = 0; i < FC_LEN(role); i++) {
		int64_t def = llama ? role[i].llama : unigram ? role[i].unigram : -1;
		if (read_role(v, role[i].key, def, role[i].id, e) < 0)
			return -1;
	}
	return 0;
}

static bool str_contains(struct fc_gguf_str s, const char *what)
{
	size_t n = strlen(what);
	for (size_t i = 0; i + n <= s.n; i++) {
		size_t k = 0;
		while (k < n && (s.p[i + k] | 32) == (what[k] | 32))
			k++;
		if (k == n)
			return true;
	}
	return false;
}

/* Phi-3's own files give its tokens the flag rstrip, which GGUF cannot say; llama.cpp goes by the
 * model's name, too. */
static int phi3_flags(struct fc_tokenizer *t, const struct vocab *v, struct fc_err *e)
{
	static const char *const kept[] = {"<unk>", "<s>", "<|endoftext|>"};
	struct fc_gguf_str name;
	if (fc_gguf_string(v->g, "general.name", &name, e) < 0)
		return -1;
	if (!str_contains(name, "phi-3") && !str_contains(name, "phi3"))
		return 0;
	for (size_t i = 0; i < t->added.n; i++) {
		struct fc_added_token *a = &t->added.v[i];
		a->rstrip = true;
		for (size_t k = 0; k < FC_LEN(kept); k++)
			a->rstrip = a->rstrip && strcmp(a->content, kept[k]) != 0;
	}
	return 0;
}

/* Added tokens, which are then no pieces of the model's. */
static void add_tokens(struct fc_tokenizer *t, struct fc_spmodel *m)
{
	size_t n;
	const uint32_t role[] = {m->bos, m->eos, m->pad};
	for (size_t i = 0; i < FC_LEN(role); i++)
		if (role[i] != FC_NO_TOKEN)
			m->kind[role[i]] = FC_PIECE_CONTROL;
	for (uint32_t id = 0; id < t->pieces.n_id; id++) {
		const char *p = fc_pieces_get(&t->pieces, id, &n);
		uint8_t kind = m->kind[id];
		if (!p ||
		    (kind != FC_PIECE_CONTROL && kind != FC_PIECE_UNKNOWN && kind != FC_PIECE_USER))
			continue;
		fc_added_new(&t->added, p, n, id)->special = kind != FC_PIECE_USER;
		m->kind[id] = kind == FC_PIECE_UNKNOWN ? FC_PIECE_UNKNOWN : FC_PIECE_CONTROL;
	}
}

static int read_bools(struct vocab *v, struct fc_tokenizer *t, bool adds_bos, struct fc_err *e)
{
	struct fc_gguf_array map;
	int64_t byte;
	v->sp.escape_spaces = true;
	if (fc_gguf_bool(v->g, KEY "add_bos_token", adds_bos, &t->adds_bos, e) < 0 ||
	    fc_gguf_bool(v->g, KEY "add_space_prefix", true, &v->sp.dummy_prefix, e) < 0 ||
	    fc_gguf_bool(
		v->g, KEY "remove_extra_whitespaces", false, &v->sp.remove_extra_spaces, e) < 0 ||
	    fc_gguf_ints(v->g, KEY "precompiled_charsmap", &map, e) < 0)
		return -1;
	v->sp.n_charsmap = map.n;
	v->sp.charsmap = map.n ? fc_malloc(map.n) : NULL;
	for (size_t i = 0; fc_gguf_next_int(&map, &byte); i++)
		v->sp.charsmap[i] = (char)byte;
	return 0;
}

static int build_sentencepiece(
    struct fc_tokenizer *t, struct vocab *v, bool unigram, struct fc_err *e)
{
	struct fc_spmodel *m = &v->sp;
	m->type = unigram ? FC_SP_UNIGRAM : FC_SP_BPE;
	if (read_bools(v, t, !unigram, e) < 0)
		return -1;
	if (m->unk == FC_NO_TOKEN)
		return fc_fail(e, "%s: no token is the unknown one", v->path);
	m->byte_fallback = fc_spmodel_has_bytes(&t->pieces, m->kind);
	return fc_spm_build(t, m, m->dummy_prefix ? FC_DUMMY_PREFIX : FC_DUMMY_NONE, v->path, e);
}

static int byte_level_parts(
    struct fc_tokenizer *t, struct vocab *v, const struct fc_pretype *pre, struct fc_err *e)
{
	struct fc_gguf_array list;
	struct fc_gguf_str s;
	struct fc_mergelist merges = {0};
	if (fc_gguf_bool(v->g, KEY "add_bos_token", pre->adds_bos, &t->adds_bos, e) < 0 ||
	    fc_gguf_strings(v->g, KEY "merges", &list, e) < 0)
		return -1;
	if (!list.n)
		return fc_fail(e, "%s: " KEY "merges is missing", v->path);
	while (fc_gguf_next_str(&list, &s))
		if (fc_mergelist_add(&merges, s.p, s.n, &t->pieces, 0, v->path, e) < 0) {
			fc_mergelist_release(&merges);
			return -1;
		}
	t->model = fc_bpe_merged(&t->pieces, &merges, pre->ignore_merges, v->sp.unk);
	json_t *decoder = json_pack("{s:s}", "type", "ByteLevel");
	int rc = fc_pretok_json(&t->pretok, pre->pretok, v->path, e);
	if (rc == 0)
		rc = fc_normalizer_json(&t->normalizer, NULL, v->path, e);
	if (rc == 0)
		rc = fc_decoder_json(&t->decoder, decoder, true, v->path, e);
	json_decref(decoder);
	t->fingerprint = fc_tokfile_parts_hash(t, NULL, pre->pretok);
	return rc;
}

static int byte_level(struct fc_tokenizer *t, struct vocab *v, struct fc_err *e)
{
	struct fc_gguf_str name;
	struct fc_pretype pre;
	if (fc_gguf_string(v->g, KEY "pre", &name, e) < 0)
		return -1;
	if (!name.n) /* files from before the key */
		name = (struct fc_gguf_str){"default", 7};
	if (fc_pretype_find(&pre, name.p, name.n, v->path, e) < 0)
		return -1;
	int rc = byte_level_parts(t, v, &pre, e);
	json_decref(pre.pretok);
	return rc;
}

static bool str_is(struct fc_gguf_str s, const char *what)
{
	return s.n == strlen(what) && !memcmp(s.p, what, s.n);
}

static int build_vocab(struct fc_tokenizer *t, struct vocab *v, struct fc_err *e)
{
	struct fc_gguf_str model;
	if (fc_gguf_string(v->g, KEY "model", &model, e) < 0)
		return -1;
	if (!model.n)
		return fc_fail(e, "%s: no tokenizer: " KEY "model is missing", v->path);
	bool llama = str_is(model, "llama"), unigram = str_is(model, "t5"),
	     bytes = str_is(model, "gpt2");
	if (!llama && !unigram && !bytes)
		return fc_fail(e,
		    "%s: " KEY "model \"%.*s\" is not supported; llama, gpt2 and t5 are", v->path,
		    model.n < 64 ? (int)model.n : 64, model.p);
	if (read_tokens(v, e) < 0 || read_roles(v, llama, unigram, e) < 0)
		return -1;
	t->pieces = v->sp.pieces; /* taken over */
	v->sp.pieces = (struct fc_pieces){0};
	add_tokens(t, &v->sp);
	if ((bytes ? byte_level(t, v, e) : build_sentencepiece(t, v, unigram, e)) < 0)
		return -1;
	t->bos = v->sp.bos;
	t->eos = v->sp.eos;
	t->pad = v->sp.pad;
	return phi3_flags(t, v, e);
}

int fc_ggufvocab_read(struct fc_tokenizer *t, const char *path, struct fc_err *e)
{
	struct fc_gguf *g;
	if (fc_gguf_open(&g, path, e) < 0)
		return -1;
	struct vocab v = {.g = g, .path = path};
	int rc = build_vocab(t, &v, e);
	fc_spmodel_release(&v.sp);
	fc_gguf_close(g);
	return rc;
}
