/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/gguf.h"
#include "store/store.h"
#include "store/modelpath.h"
#include "token/tokparts.h"

/* Added tokens that match in normalized text do so in their own normalized form. */
static int normalize_added(struct fc_tokenizer *t, const char *path, struct fc_err *e)
{
	struct fc_matcher *m = fc_matcher_new();
	struct fc_matches matches = {0};
	struct fc_alignpair pair = {0};
	size_t total = 0;
	int rc = 0;
	for (size_t i = 0; i < t->added.n; i++)
		total += strlen(t->added.v[i].content);
	fc_alignpair_begin(&pair, fc_growth_max(total));
	for (size_t i = 0; i < t->added.n && rc == 0; i++) {
		struct fc_added_token *token = &t->added.v[i];
		struct fc_aligned text = {token->content, strlen(token->content), NULL, 0};
		if (!token->normalized)
			continue;
		rc = fc_normalizer_run(t->normalizer, false, &text, &pair, &matches, m, e);
		if (rc == 0) {
			fc_alignpair_spend(&pair, text.n);
			free(token->form);
			token->form = fc_memdup0(text.p, text.n);
		}
	}
	fc_matcher_free(m);
	fc_alignpair_release(&pair);
	free(matches.v);
	return rc < 0 ? -1 : fc_added_index(&t->added, path, e);
}

/* Tables by id, once all tokens are known. */
static int fill_tables(struct fc_tokenizer *t, const char *path, struct fc_err *e)
{
	t->n_vocab = t->pieces.n_id;
	for (size_t i = 0; i < t->added.n; i++)
		if (t->added.v[i].id >= t->n_vocab)
			t->n_vocab = (size_t)t->added.v[i].id + 1;
	if (!t->n_vocab)
		return fc_fail(e, "%s: the vocabulary is empty", path);
	t->bytes_end = FC_ARRAY(uint32_t, t->n_vocab);
	for (size_t i = 0; i < t->added.n; i++) {
		if (t->added.v[i].special)
			fc_tokmodel_forbid(t->model, t->added.v[i].id);
	}
	for (uint32_t id = 0; id < t->n_vocab; id++) {
		size_t n;
		const char *piece = fc_pieces_get(&t->pieces, id, &n);
		const struct fc_added_token *added = fc_added_by_id(&t->added, id);
		if (added && !added->special)
			fc_buf_adds(&t->bytes, added->content);
		else if (!added && piece && id != t->unk)
			fc_decoder_token(t->decoder, piece, n, &t->bytes);
		if (t->bytes.n >= UINT32_MAX)
			return fc_fail(e, "%s: more than 4 GiB of pieces", path);
		t->bytes_end[id] = (uint32_t)t->bytes.n;
	}
	return 0;
}

static void add_to_fingerprint(struct fc_tokenizer *t)
{
	uint64_t sum = t->fingerprint; /* a sum: independent of the order in the file */
	size_t n;
	for (uint32_t id = 0; id < t->pieces.n_id; id++) {
		const char *piece = fc_pieces_get(&t->pieces, id, &n);
		if (piece)
			sum += fc_hash(piece, n, id);
	}
	/* An added token may also be among the pieces, or not: the formats differ there. */
	for (size_t i = 0; i < t->added.n; i++)
		if (!fc_pieces_get(&t->pieces, t->added.v[i].id, &n))
			sum += fc_hash(
			    t->added.v[i].content, strlen(t->added.v[i].content), t->added.v[i].id);
	for (size_t i = 0; i < t->added.n; i++) {
		const struct fc_added_token *a = &t->added.v[i];
		uint64_t flags = a->single_word | a->lstrip << 1 | a->rstrip << 2 |
		    a->normalized << 3 | a->special << 4 | 1 << 5;
		sum += fc_hash(a->content, strlen(a->content), flags << 32 | a->id);
	}
	t->fingerprint = fc_hash(&sum, sizeof sum, 0);
}

enum kind { JSON, SENTENCEPIECE, GGUF };

static bool is_sentencepiece(const char *path)
{
	struct fc_mapped map;
	struct fc_err ignored; /* the reading of the file that follows reports it */
	if (fc_mapped_open(&map, path, &ignored) < 0)
		return false;
	bool is = map.n_bytes && fc_spmodel_is(map.p, map.n_bytes);
	fc_mapped_close(&map);
	return is;
}

static enum kind in_folder(const char *path, char **file)
{
	static const char *const name[] = {"tokenizer.json", "tokenizer.model"};
	for (size_t i = 0; i < FC_LEN(name); i++) {
		*file = fc_path_join(path, name[i]);
		if (fc_file_exists(*file))
			return i ? SENTENCEPIECE : JSON;
		free(*file);
	}
	*file = fc_store_gguf_path(path);
	if (*file)
		return GGUF;
	*file = fc_path_join(path, name[0]); /* for the message */
	return JSON;
}

/* The vocabulary's file, and what the names of the files beside it begin with: those of a model
 * folder, or of NAMEtokenizer.json; *stem NULL: there are none. */
static enum kind name_files(const char *path, char **file, char **stem)
{
	static const char *const suffix[] = {"tokenizer.json", "tokenizer.model"};
	struct stat st;
	*stem = NULL;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		*stem = fc_path_join(path, "");
		return in_folder(path, file);
	}
	*file = fc_strdup(path);
	for (size_t i = 0; i < FC_LEN(suffix); i++)
		if (fc_ends_with(path, suffix[i]))
			*stem = fc_memdup0(path, strlen(path) - strlen(suffix[i]));
	return fc_gguf_is(path) ? GGUF : is_sentencepiece(path) ? SENTENCEPIECE : JSON;
}

static int read_files(struct fc_tokenizer *t, const char *path, struct fc_err *e)
{
	char *stem;
	struct fc_sidefiles side = {0};
	enum kind kind = name_files(path, &t->file, &stem);
	const char *file = t->file;
	int rc = stem ? fc_sidefiles_read(&side, stem, e) : 0;
	if (rc == 0)
		rc = kind == GGUF           ? fc_ggufvocab_read(t, file, e)
		    : kind == SENTENCEPIECE ? fc_spmfile_read(t, file, &side, e)
					    : fc_tokfile_read(t, file, e);
	if (rc == 0)
		t->unk = t->model->unk;
	if (rc == 0 && stem)
		rc = fc_tokconfig_read(t, &side, e);
	/* Transformers cuts the text at added tokens before SentencePiece sees it */
	for (size_t i = 0; kind == SENTENCEPIECE && i < t->added.n; i++)
		t->added.v[i].normalized = false;
	if (rc == 0 && ((rc = normalize_added(t, file, e)) == 0) &&
	    ((rc = fill_tables(t, file, e)) == 0)) {
		t->raw_bytes = fc_pretok_ends_in_bytes(t->pretok) && t->model->takes_bytes;
		t->adds_bos = t->adds_bos && t->bos != FC_NO_TOKEN;
		add_to_fingerprint(t);
	}
	if (rc == 0)
		fc_sidefiles_warn(&side);
	fc_sidefiles_release(&side);
	free(stem);
	return rc;
}

int fc_tokenizer_open(struct fc_tokenizer **out, const char *path, struct fc_err *e)
{
	struct fc_tokenizer *t = FC_NEW(struct fc_tokenizer);
	t->bos = t->eos = t->unk = t->pad = FC_NO_TOKEN;
	fc_tokenizer_pool_new(t);
	int rc = fc_modelpath_check(path, e);
	if (rc == 0)
		rc = read_files(t, path, e);
	if (rc < 0) {
		fc_tokenizer_free(t);
		t = NULL;
	}
	*out = t;
	return rc;
}
