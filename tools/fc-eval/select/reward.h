/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_REWARD_H
#define FC_EVAL_REWARD_H

#include "fc-eval/measure/answer.h"
#include "fc-eval/select/candidates.h"

/* What an answer is worth. */
enum eval_reward {
	EVAL_REWARD_NONE,
	EVAL_REWARD_RIGHT,     /* 1 or 0: it is the line's member "answer" */
	EVAL_REWARD_AGREEMENT, /* the share of the prompt's answers that end in the same */
	EVAL_REWARD_STREAM,    /* its mean log-probability a byte in a stream, nats */
	EVAL_REWARD_JUDGMENTS, /* a judge's rating */
	EVAL_REWARD_PROGRAM,   /* what a program says */
	EVAL_REWARD_MEMBER,    /* the line's member "reward" */
	EVAL_REWARD_N
};
struct eval_rewarding {
	enum eval_reward reward;
	enum eval_answer_match match; /* of RIGHT and AGREEMENT */
	bool ignore_case;
	const char *stream, *judgments, *program; /* files, a shell command */
};
/* Fills in the reward of each. */
int eval_reward_all(struct eval_candidates *s, const struct eval_rewarding *o, struct fc_err *e);

/* Of n answers, what they end in by match (NULL: nothing): the share of all n that end in the same,
 * 0 where that is the answer alone, or nothing. */
void eval_reward_agreement(const char *const *end, size_t n, double *share);

#endif
