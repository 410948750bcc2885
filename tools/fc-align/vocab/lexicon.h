/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_LEXICON_H
#define FC_ALIGN_LEXICON_H

#include "token/tokenizer.h"
#include "fc-align/vocab/vocabmap.h"

/* A tokenizer's vocabulary as vocabmap.h needs it.  Borrows its strings from t. */
void fc_lexicon_init(struct fc_vocab *v, const struct fc_tokenizer *t, uint32_t turn_end);
void fc_lexicon_release(struct fc_vocab *v);

/*
 * first[id]: the first token that pivot makes of the bytes of source token id in the middle of a
 * text, FC_UNMAPPED where its encoder cannot say (bytes that are no UTF-8, or that its normalizer
 * changes).  first: [source->n].
 */
void fc_lexicon_first(
    const struct fc_vocab *source, const struct fc_tokenizer *pivot, uint32_t *first);

#endif
