/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_TOKPARTS_H
#define FC_TOKEN_TOKPARTS_H

#include "token/added.h"
#include "token/decoder.h"
#include "token/normalizer.h"
#include "token/pieces.h"
#include "token/pretok.h"
#include "token/sidefiles.h"
#include "token/spmodel.h"
#include "token/tokenizer.h"
#include "token/tokmodel.h"

/* What the reading of the files fills in and encoding uses. */
struct fc_tokenizer {
	char *file;              /* of the vocabulary, for messages */
	struct fc_pieces pieces; /* the model's vocabulary */
	struct fc_tokmodel *model;
	struct fc_normalizer *normalizer;
	struct fc_added added;
	struct fc_pretok *pretok;
	struct fc_decoder *decoder;
	bool raw_bytes; /* pre-tokens go to the model as bytes, not in the byte-level alphabet */

	uint32_t bos, eos, unk, pad;
	bool adds_bos;
	bool class_adds_bos; /* as the tokenizer's class does unless its configuration says
				otherwise */
	uint64_t fingerprint;

	size_t n_vocab;
	struct fc_buf bytes; /* what each token stands for, one after the other */
	uint32_t *bytes_end; /* [n_vocab] */

	struct fc_tokenizer_pool *pool;
};

/* The scratch that calls of encode share. */
void fc_tokenizer_pool_new(struct fc_tokenizer *t);
/* tokenizer.json: all parts; the roles that its post-processor shows. */
int fc_tokfile_read(struct fc_tokenizer *t, const char *path, struct fc_err *e);
/* A SentencePiece model. */
#define FC_SPM_FILE_MAX ((size_t)1 << 28) /* bytes */
int fc_spmfile_read(
    struct fc_tokenizer *t, const char *path, const struct fc_sidefiles *s, struct fc_err *e);
/* Model, normalizer, pre-tokenizer and decoder from m's scores, kinds and options; t->pieces is
 * there, dummy is of struct fc_spmnorm. */
int fc_spm_build(struct fc_tokenizer *t, const struct fc_spmodel *m, int dummy, const char *path,
    struct fc_err *e);
/* The hash of the model and of SentencePiece's normalization; m: for its charsmap, or NULL. */
uint64_t fc_spm_parts_hash(uint64_t model, bool remove_extra_spaces, bool escape_spaces, int dummy,
    const struct fc_spmodel *m);
/* The vocabulary in a GGUF file. */
int fc_ggufvocab_read(struct fc_tokenizer *t, const char *path, struct fc_err *e);
/* The hash of the model, and of the others as tokenizer.json has them; NULL for none. */
uint64_t fc_tokfile_parts_hash(
    const struct fc_tokenizer *t, const json_t *normalizer, const json_t *pretok);
/* Further added tokens, and the roles. */
int fc_tokconfig_read(struct fc_tokenizer *t, const struct fc_sidefiles *s, struct fc_err *e);

/* Adds a token with the flags in o, or in another added token's place if the content is known.
 * id: FC_NO_TOKEN if it must be in the vocabulary already. */
int fc_tokfile_add(
    struct fc_tokenizer *t, const json_t *o, int64_t id, const char *where, struct fc_err *e);
/* The id that a token gets which has none yet, as by `tokenizers`. */
uint32_t fc_tokfile_next_id(const struct fc_tokenizer *t);

#endif
