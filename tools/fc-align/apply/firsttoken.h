/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_FIRSTTOKEN_H
#define FC_ALIGN_FIRSTTOKEN_H

#include "fc-align/vocab/lexicon.h"
#include "fc-align/vocab/spellings.h"

#define FC_NO_BORDER (UINT32_MAX - 1)

/* Which token a tokenizer puts first when certain bytes follow a certain token.  Answers are
 * remembered in tables of fixed size. */
struct fc_firsttoken;
/* vocab: that of t; both borrowed. */
struct fc_firsttoken *fc_firsttoken_new(const struct fc_tokenizer *t, const struct fc_vocab *vocab);
void fc_firsttoken_free(struct fc_firsttoken *f);

/*
 * The first token of the bytes a and then b (not both empty) in a text where they follow the token
 * `before` (FC_NO_TOKEN: nothing is known of what they follow).
 * FC_NO_BORDER: the tokenizer would not have ended `before` there.
 * FC_UNMAPPED: no token begins these bytes.
 * Bytes that are no UTF-8, or that the tokenizer's normalizer changes, go to the longest token they
 * begin with.
 */
uint32_t fc_firsttoken_get(
    struct fc_firsttoken *f, uint32_t before, const char *a, size_t n_a, const char *b, size_t n_b);

/* The bytes that may follow these within one token.  Borrowed until the next call. */
const struct fc_byteset *fc_firsttoken_after(struct fc_firsttoken *f, const char *bytes, size_t n);

#endif
