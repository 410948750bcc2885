/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_UNIGRAM_H
#define FC_TOKEN_UNIGRAM_H

#include "text/json.h"
#include "token/modeltext.h"
#include "token/tokmodel.h"

/*
 * The Unigram model: of all ways to cut a text into pieces the one with the highest sum of scores
 * (Viterbi); the first one found where sums are equal.  A character that no piece of one character
 * covers is unknown, at the lowest score less 10; neighbouring unknown ones are one token, or
 * bytes.
 */

/* o: tokenizer.json's "model" object without its vocabulary, which is in text.  Fills pieces.  Sums
 * are doubles, as Hugging Face's. */
int fc_unigram_read(struct fc_tokmodel **m, struct fc_pieces *pieces, const json_t *o,
    const struct fc_modeltext *text, const char *where, struct fc_err *e);

/* SentencePiece's, whose sums are floats: near ties fall otherwise.  score and kind (see spmodel.h)
 * by id. */
struct fc_tokmodel *fc_unigram_scored(const struct fc_pieces *pieces, const float *score,
    const uint8_t *kind, bool byte_fallback, uint32_t unk);

#endif
