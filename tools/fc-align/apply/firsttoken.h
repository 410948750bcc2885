/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_FIRSTTOKEN_H
#define FC_ALIGN_FIRSTTOKEN_H

#include "fc-align/vocab/vocab.h"
#include "fc-align/vocab/spellings.h"

#define ALIGN_NO_BORDER (UINT32_MAX - 1)

/* Which token a tokenizer puts first when certain bytes follow a certain token.  Answers are
 * remembered in tables of fixed size. */
struct align_firsttoken;
/* vocab: that of t; both borrowed. */
struct align_firsttoken *align_firsttoken_new(
    const struct fc_tokenizer *t, const struct align_vocab *vocab);
void align_firsttoken_free(struct align_firsttoken *f);

/*
 * The first token of the bytes a and then b (not both empty) in a text where they follow the token
 * `before` (FC_NO_TOKEN: nothing is known of what they follow).
 * ALIGN_NO_BORDER: the tokenizer would not have ended `before` there.
 * ALIGN_UNMAPPED: no token begins these bytes.
 * Bytes that are no UTF-8, or that the tokenizer's normalizer changes, go to the longest token they
 * begin with.
 */
uint32_t align_firsttoken_get(struct align_firsttoken *f, uint32_t before, const char *a,
    size_t n_a, const char *b, size_t n_b);

/* The bytes that may follow these within one token.  Borrowed until the next call. */
const struct align_byteset *align_firsttoken_after(
    struct align_firsttoken *f, const char *bytes, size_t n);

#endif
