/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_SELECTED_H
#define FC_EVAL_SELECTED_H

#include "fc-eval/select/candidates.h"

/* Lines of what was selected, appended to b. */

/* An answer among all: with an id of its own, "answer_of", "source", "choice" and its reward. */
void eval_selected_listed(struct fc_buf *b, const struct eval_candidate *a);
/* The best of n: the conversation as it was asked, with this answer; "selected" says whose it is.
 * It is no draw of a policy any more, so "answered_by" goes in there. */
void eval_selected_best(struct fc_buf *b, const struct eval_candidate *a, size_t n);
/* {"id", "prompt", "chosen", "rejected"}, lists of messages, as TRL reads preferences, and
 * "source_chosen" for WRPO, unless of_source is NULL; with source and reward of each, and the
 * line's other members. */
void eval_selected_pair(struct fc_buf *b, const struct eval_candidate *chosen,
    const struct eval_candidate *rejected, const struct eval_candidate *of_source);
/* For fc-eval judge: a question and an answer to it, of an id of their own.  -1: the conversation
 * is more than a user's message. */
int eval_selected_question(struct fc_buf *question, struct fc_buf *answer,
    const struct eval_candidate *a, struct fc_err *e);

#endif
