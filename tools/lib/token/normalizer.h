/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_NORMALIZER_H
#define FC_TOKEN_NORMALIZER_H

#include "text/json.h"
#include "token/aligned.h"
#include "token/pattern.h"
#include "token/spmnorm.h"

/* The chain of text changes that tokenizer.json calls normalizer. */
struct fc_normalizer;
/* o: the JSON, may be null; then *n does nothing. */
int fc_normalizer_json(
    struct fc_normalizer **n, const json_t *o, const char *where, struct fc_err *e);
/* SentencePiece's; takes *sp over. */
struct fc_normalizer *fc_normalizer_sentencepiece(struct fc_spmnorm *sp);
void fc_normalizer_free(struct fc_normalizer *n);

/* Changes *text, building in pair, within its room; matches and m are scratch.  goes_on: the text
 * is not the beginning of one, so nothing is put before it or taken from there. */
int fc_normalizer_run(const struct fc_normalizer *n, bool goes_on, struct fc_aligned *text,
    struct fc_alignpair *pair, struct fc_matches *matches, struct fc_matcher *m, struct fc_err *e);

#endif
