/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_BPE_H
#define FC_TOKEN_BPE_H

#include "text/json.h"
#include "token/merges.h"
#include "token/tokmodel.h"

/* Byte-pair encoding with ranks: a piece starts as its characters (or bytes), and the neighbours
 * of lowest rank, leftmost first, are merged until no pair of neighbours has a rank. */

/* o: tokenizer.json's "model" object without its big lists, which are in text.  Fills pieces. */
int fc_bpe_read(struct fc_tokmodel **m, struct fc_pieces *pieces, const json_t *o,
    const struct fc_modeltext *text, const char *where, struct fc_err *e);

/* Of merges that were read elsewhere; uses up l. */
struct fc_tokmodel *fc_bpe_merged(
    const struct fc_pieces *pieces, struct fc_mergelist *l, bool ignore_merges, uint32_t unk);

/*
 * SentencePiece's: any two neighbours that together are a piece may be merged, the piece of the
 * highest score first.  kind[id]: see spmodel.h; FC_PIECE_USER pieces are taken first, the longest
 * at every place, and merge with nothing; only NORMAL and UNUSED ones are merged, and the latter
 * are taken apart again at the end.  Consecutive unknown characters are one unknown token.
 */
int fc_bpe_scored(struct fc_tokmodel **m, const struct fc_pieces *pieces, const float *score,
    const uint8_t *kind, bool byte_fallback, uint32_t unk, const char *where, struct fc_err *e);

#endif
