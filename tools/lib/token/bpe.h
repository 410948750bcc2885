/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_BPE_H
#define FC_TOKEN_BPE_H

#include <stdbool.h>

#include "base/err.h"
#include "text/json.h"
#include "token/modeltext.h"
#include "token/pieces.h"

/* Byte-pair encoding with ranks: a piece starts as its characters (or bytes), and the neighbours
 * of lowest rank, leftmost first, are merged until no pair of neighbours has a rank. */
struct fc_bpe;

/* o: the "model" object without its big lists, which are in text.  Fills pieces with the
 * vocabulary; it must live as long as *b. */
int fc_bpe_read(struct fc_bpe **b, struct fc_pieces *pieces, const json_t *o,
    const struct fc_modeltext *text, const char *where, struct fc_err *e);
void fc_bpe_free(struct fc_bpe *b);

/* May symbols be taken from bytes directly, without writing them in the byte-level alphabet? */
bool fc_bpe_takes_bytes(const struct fc_bpe *b);
uint32_t fc_bpe_unk(const struct fc_bpe *b);  /* or FC_NO_TOKEN */
uint64_t fc_bpe_hash(const struct fc_bpe *b); /* of merges and options */
/* id will be found as a whole piece no more (by ignore_merges): text is never a control token. */
void fc_bpe_forbid(struct fc_bpe *b, uint32_t id);

/* Scratch, with a cache of the pieces seen last.  One thread at a time; for one fc_bpe. */
struct fc_bpe_work;
struct fc_bpe_work *fc_bpe_work_new(void);
void fc_bpe_work_free(struct fc_bpe_work *w);

struct fc_symbol {
	uint32_t id, start, end; /* bytes of the piece */
};
/* Encodes one piece.  raw_bytes: the text is bytes that stand for the byte-level alphabet.
 * Returns the number of symbols; *out is borrowed until the next call. */
size_t fc_bpe_encode(const struct fc_bpe *b, struct fc_bpe_work *w, const char *p, size_t n,
    bool raw_bytes, const struct fc_symbol **out);

#endif
