/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_JUDGE_PLAN_H
#define FC_EVAL_JUDGE_PLAN_H

#include "fc-eval/judge/judgment.h"
#include "fc-eval/judge/prompt.h"

enum eval_plan_mode {
	EVAL_PLAN_SINGLE,
	EVAL_PLAN_BASELINE, /* every model against one of them */
	EVAL_PLAN_ALL,      /* every pair, in the order in which the models are given */
	EVAL_PLAN_ARENA,    /* against a baseline, with Arena-Hard's prompt, places and verdicts */
	EVAL_PLAN_N
};

/* One request to the judge and its reply. */
struct eval_game {
	json_t *messages;            /* what is asked, NULL before it is */
	struct fc_buf prompt, reply; /* the user's message; what the judge replied */
	json_t *about; /* what the endpoint tells beside the reply: finish_reason, usage; or NULL */
	bool replied;
	int n_asked;
};

/* What becomes one line of the judgment file: one game, or two with the places swapped. */
struct eval_plan_item {
	enum eval_judgment_kind kind;
	const struct eval_question *question;
	const struct eval_prompt *prompt;
	int turn;
	const char *model[2];                      /* arena: [1] is the baseline; single: NULL */
	const struct eval_bench_answer *answer[2]; /* of model[0] and model[1] */
	const struct eval_bench_answer *reference; /* or NULL */
	char *key;
	struct eval_game game[2];
	int n_game;
};

/* Everything that is to be judged, in FastChat's order: first turns without a reference, first
 * turns with one, second turns without, second turns with one. */
struct eval_plan {
	struct eval_plan_item *v;
	size_t n, cap;
	size_t n_unanswered; /* left out: a model has no answer to the question */
	size_t n_error;      /* left out: an answer is "ERROR" or "$ERROR$" */
};

struct eval_plan_inputs {
	const struct eval_bench *bench;
	const struct eval_prompts *prompts;
	const struct eval_bench_answers *models; /* [n_model] */
	size_t n_model;
	const struct eval_bench_answers *reference; /* or NULL */
	const char *reference_categories;           /* separated by commas */
	const char *judge;                          /* its name */
	enum eval_plan_mode mode;
	const char *baseline;
	bool judge_errors;
};
int eval_plan_make(struct eval_plan *p, const struct eval_plan_inputs *in, struct fc_err *e);
/* Checks inputs before there are answers: -1 where a prompt or reference is missing, or a prompt
 * cannot be filled in, whatever in->models will answer. */
int eval_plan_try(const struct eval_plan_inputs *in, struct fc_err *e);
void eval_plan_release(struct eval_plan *p);
void eval_plan_item_release(struct eval_plan_item *item);

/* Fills in the prompt of game g (0 or 1) if it is empty. */
int eval_plan_item_fill(struct eval_plan_item *item, int g, struct fc_err *e);
/* The messages that ask game g, whose prompt is filled in; a new reference. */
json_t *eval_plan_item_messages(const struct eval_plan_item *item, int g);

#endif
