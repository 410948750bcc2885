/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_VOCAB_H
#define FC_ALIGN_VOCAB_H

#include "fc-align/vocab/vocabmap.h"
#include "token/tokenizer.h"

/*
 * vocab/: two vocabularies side by side. vocab reads a tokenizer's tokens, spelled and spellings
 * are its tokens as characters and by their bytes, cutter cuts a conversation into tokens.
 * vocabmap chooses a pivot token for each source token, by pair counts or by nearest (the least
 * Levenshtein distance: nearest, by_character, levenshtein); mapfile is the chosen map on disk.
 * published and dtw are the alignments of the reference programs, by dynamic programming.
 */

/* A tokenizer's vocabulary as vocabmap.h needs it.  Borrows its strings from t. */
void align_vocab_init(struct align_vocab *v, const struct fc_tokenizer *t, uint32_t turn_end);
void align_vocab_release(struct align_vocab *v);

/*
 * first[id]: the first token that pivot makes of the bytes of source token id in the middle of a
 * text, ALIGN_UNMAPPED where its encoder cannot say (bytes that are no UTF-8, or that its
 * normalizer changes).  first: [source->n].
 */
void align_vocab_first(
    const struct align_vocab *source, const struct fc_tokenizer *pivot, uint32_t *first);

#endif
