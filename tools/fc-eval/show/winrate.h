/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_WINRATE_H
#define FC_EVAL_WINRATE_H

#include "fc-eval/show/logistic.h"
#include "text/category.h"
#include "text/json.h"

/* AlpacaEval 2: how often a model's answer is preferred to the baseline's, with length taken out.
 */

/* One annotation. */
struct eval_preference {
	size_t model;
	size_t instruction; /* its number in the bench */
	double p;      /* 0: the baseline's is better, 1: the model's; NaN: the judge did not say */
	double longer; /* code points the baseline's answer is longer by */
};
struct eval_preferences {
	struct fc_categories model;
	struct eval_preference *v;
	size_t n, cap;
	size_t *count; /* [n_counted] of annotations, by model */
	size_t n_counted, cap_count;
};
/* Reads AlpacaEval's annotations, an array.  instructions: their order, from a file of outputs;
 * NULL: an annotation's place among its model's is its instruction's number. */
int eval_preferences_read(struct eval_preferences *p, const char *path,
    const struct fc_categories *instructions, struct fc_err *e);
void eval_preferences_release(struct eval_preferences *p);

/* What the length-controlled rate needs beside. */
struct eval_length_control {
	double *difficulty; /* [n_instruction] */
	size_t n_instruction;
	struct eval_logistic_row
	    *gamed; /* [n_gamed] baselines that are known to win by length or brevity */
	size_t n_gamed;
};

struct eval_winrate {
	size_t n, n_dropped;
	double rate, standard_error; /* of p, 0 to 1 */
	double discrete;             /* wins and half the ties */
	size_t n_win, n_tie;
	double controlled;                 /* NaN without eval_length_control */
	double c, weight[EVAL_LOGISTIC_K]; /* of length, difficulty, the model */
};
int eval_winrate_of(const struct eval_preferences *p, size_t model,
    const struct eval_length_control *l, uint64_t seed, struct eval_winrate *out, struct fc_err *e);

#endif
