/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_SCORE_H
#define FC_EVAL_SCORE_H

#include "stream/example.h"

/* What a conversation contributes to cross-entropy and coverage. */
struct eval_score {
	double nll; /* nats */
	uint64_t n_token, n_byte;
	uint64_t n_word;         /* of the trained text, every stretch of it by itself */
	uint64_t n_row, n_label; /* trained tokens of the stream with a row, and all of them */
};

enum eval_score_from {
	EVAL_SCORE_NLL,  /* the cross-entropy the example carries, over its model's own labels */
	EVAL_SCORE_ROWS, /* true_logprob of the rows, over the tokens that have one */
	EVAL_SCORE_N
};
struct eval_score eval_score_of(const struct fc_example *x, enum eval_score_from from);
/* What Python's len(re.split(r"\s+", text)) gives: stretches of white space and one more, so that
 * an empty text has one word, and white space at an end adds an empty one. */
uint64_t eval_score_words(const char *text, size_t n);
void eval_score_add(struct eval_score *sum, const struct eval_score *s);

#endif
