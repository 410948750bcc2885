/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "token/bpe.h"
#include "token/spmodel.h"
#include "token/tokparts.h"
#include "token/unigram.h"

/*
 * A tokenizer from a SentencePiece model, with the rules of Transformers' LlamaTokenizer: the text
 * is cut at added tokens first, then every part goes through SentencePiece.  "legacy" (the
 * default): every part gets the dummy prefix, else only one at the start of the text.
 */

/* Says what tokenizer_config.json does with the dummy prefix. */
static int dummy_of(
    const struct fc_spmodel *m, const struct fc_sidefiles *s, int *dummy, struct fc_err *e)
{
	bool legacy, prefix;
	*dummy = FC_DUMMY_NONE;
	if (!m->dummy_prefix)
		return 0;
	*dummy = m->space_is_suffix ? FC_DUMMY_SUFFIX : FC_DUMMY_PREFIX;
	if (fc_json_bool(s->config, "legacy", true, &legacy, s->config_path, e) < 0 ||
	    fc_json_bool(s->config, "add_prefix_space", true, &prefix, s->config_path, e) < 0)
		return -1;
	if (!legacy)
		*dummy = prefix ? FC_DUMMY_START : FC_DUMMY_NONE;
	return 0;
}

uint64_t fc_spm_parts_hash(uint64_t model, bool remove_extra_spaces, bool escape_spaces, int dummy,
    const struct fc_spmodel *m)
{
	const uint64_t part[] = {remove_extra_spaces, escape_spaces, (uint64_t)dummy,
	    m && m->charsmap ? fc_hash(m->charsmap, m->n_charsmap, 0) : 0};
	const uint64_t whole[] = {model, fc_hash(part, sizeof part, 0)};
	return fc_hash(whole, sizeof whole, 0);
}

static int make_normalizer(struct fc_tokenizer *t, const struct fc_spmodel *m, int dummy,
    const char *path, struct fc_err *e)
{
	struct fc_spmnorm *s = FC_NEW(struct fc_spmnorm);
	size_t n;
	s->remove_extra_spaces = m->remove_extra_spaces;
	s->escape_spaces = m->escape_spaces;
	s->dummy = dummy;
	for (uint32_t id = 0; id < t->pieces.n_id; id++) {
		const char *p = fc_pieces_get(&t->pieces, id, &n);
		if (p && m->kind[id] == FC_PIECE_USER)
			fc_trie_add(&s->user, p, n, id);
	}
	t->normalizer = fc_normalizer_sentencepiece(s);
	t->fingerprint =
	    fc_spm_parts_hash(t->model->hash, s->remove_extra_spaces, s->escape_spaces, dummy, m);
	return m->charsmap ? fc_charsmap_new(&s->charsmap, m->charsmap, m->n_charsmap, path, e) : 0;
}

/* The chain that the fast LlamaTokenizer has. */
static int make_decoder(struct fc_tokenizer *t, int dummy, const char *path, struct fc_err *e)
{
	json_t *o = json_pack("{s:s, s:[{s:s, s:{s:s}, s:s}, {s:s}, {s:s}]}", "type", "Sequence",
	    "decoders", "type", "Replace", "pattern", "String", "\xe2\x96\x81", "content", " ",
	    "type", "ByteFallback", "type", "Fuse");
	bool before = dummy == FC_DUMMY_PREFIX || dummy == FC_DUMMY_START;
	if (dummy != FC_DUMMY_NONE)
		json_array_append_new(json_object_get(o, "decoders"),
		    json_pack("{s:s, s:s, s:i, s:i}", "type", "Strip", "content", " ", "start",
			before, "stop", !before));
	int rc = fc_decoder_json(&t->decoder, o, false, path, e);
	json_decref(o);
	return rc;
}

/* Control pieces are cut out of the text (where it is not guarded); all others are the model's. */
static void add_controls(struct fc_tokenizer *t, const struct fc_spmodel *m)
{
	size_t n;
	for (uint32_t id = 0; id < t->pieces.n_id; id++) {
		const char *p = fc_pieces_get(&t->pieces, id, &n);
		if (p && m->kind[id] == FC_PIECE_CONTROL)
			fc_added_new(&t->added, p, n, id)->special = true;
	}
}

int fc_spm_build(struct fc_tokenizer *t, const struct fc_spmodel *m, int dummy, const char *path,
    struct fc_err *e)
{
	if (m->type == FC_SP_UNIGRAM)
		t->model =
		    fc_unigram_scored(&t->pieces, m->score, m->kind, m->byte_fallback, m->unk);
	else if (fc_bpe_scored(&t->model, &t->pieces, m->score, m->kind, m->byte_fallback, m->unk,
		     path, e) < 0)
		return -1;
	if (make_normalizer(t, m, dummy, path, e) < 0 ||
	    fc_pretok_json(&t->pretok, NULL, path, e) < 0 || make_decoder(t, dummy, path, e) < 0)
		return -1;
	return 0;
}

static int build_model(struct fc_tokenizer *t, struct fc_spmodel *m, const char *path,
    const struct fc_sidefiles *s, struct fc_err *e)
{
	int dummy;
	t->pieces = m->pieces; /* taken over */
	m->pieces = (struct fc_pieces){0};
	if (dummy_of(m, s, &dummy, e) < 0 || fc_spm_build(t, m, dummy, path, e) < 0)
		return -1;
	add_controls(t, m);
	t->bos = m->bos;
	t->eos = m->eos;
	t->pad = m->pad;
	t->adds_bos = t->class_adds_bos = true;
	return 0;
}

int fc_spmfile_read(
    struct fc_tokenizer *t, const char *path, const struct fc_sidefiles *s, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	struct fc_spmodel m = {0};
	int rc = fc_file_read(path, FC_SPM_FILE_MAX, &b, e);
	if (rc == 0)
		rc = fc_spmodel_read(&m, b.p ? b.p : "", b.n, path, e);
	if (rc == 0)
		rc = build_model(t, &m, path, s, e);
	fc_spmodel_release(&m);
	fc_buf_release(&b);
	return rc;
}
