/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_JUDGE_AGREEMENT_H
#define FC_EVAL_JUDGE_AGREEMENT_H

#include "fc-eval/judge/judgment.h"
#include "text/category.h"

/*
 * How far two judges agree.  A vote is which of two models did better in a turn of a question: a
 * pair's outcome, or that of two ratings, where a difference of up to 0.1 is a tie (FastChat's
 * rule).  A judge's ratings and its pairs are two judges, "NAME (single)" and "NAME (pair)".
 */
struct eval_judge_agreement {
	size_t judge[2];                   /* numbers in eval_judge_agreements.judge, [0] < [1] */
	size_t n_vote, n_agree;            /* two ties agree */
	size_t n_decided, n_decided_agree; /* votes where neither judge says tie */
	double kappa;                      /* Cohen's, over win, loss, tie; NaN where undefined */
	size_t n_rating;                   /* answers rated by both */
	double rank_correlation;           /* Spearman's, of these ratings */
	double difference;                 /* their mean difference, first minus second */
};
struct eval_judge_agreements {
	struct fc_categories judge;
	struct eval_judge_agreement *v; /* [n], those with a vote or a rating in common */
	size_t n, cap;
};
void eval_judge_agreements_build(struct eval_judge_agreements *a, const struct eval_judgments *j);
void eval_judge_agreements_release(struct eval_judge_agreements *a);

/* Spearman's rank correlation, ties share their mean rank; NaN if one side has no spread. */
double eval_rank_correlation(const double *x, const double *y, size_t n);

#endif
