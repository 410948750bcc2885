/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_FORCED_H
#define FC_EVAL_FORCED_H

#include "base/err.h"
#include "fc-eval/measure/answer.h"
#include "stream/example.h"

/*
 * What greedy decoding would answer, told from teacher-forced rows: it writes the reference, in its
 * tokens, if and only if the likeliest token is the true one at every position of the answer, since
 * up to the first that is not it has read the same text.  Ids without a token, at and above
 * n_vocab, are in rows of a padded model and are never generated: the likeliest below counts.
 */
enum eval_forced {
	EVAL_FORCED_RIGHT,
	EVAL_FORCED_WRONG,   /* at a row that is there */
	EVAL_FORCED_UNKNOWN, /* the rows that are there are right, others are missing */
};

/*
 * Whether a conversation's last answer, the last tokens in a row that are trained, is forced right.
 * EVAL_ANSWER_EXACT: all of them.  EVAL_ANSWER_LAST_WORD: those of the words that the reference,
 * member "answer" of the line, has at the answer's end, and the one after them, which ends the last
 * word; a text that does not end so is an error.  A conversation without an answer is one too.
 */
int eval_forced_of(enum eval_forced *out, const struct fc_example *x, uint32_t n_vocab,
    enum eval_answer_match match, const char *where, struct fc_err *e);

#endif
