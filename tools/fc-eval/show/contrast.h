/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_CONTRAST_H
#define FC_EVAL_CONTRAST_H

#include "fc-eval/show/sheets.h"

/* Two models on the questions that one judge rated for both: turns rated for both are paired, and a
 * question is what is drawn and permuted, since its turns depend on each other. */
struct eval_contrast {
	size_t n_question, n_row;
	double difference;           /* mean of first minus second over the rows; NaN of none */
	struct fc_interval interval; /* eval_paired()'s; categories are strata */
	double detectable;           /* eval_paired()'s */
	size_t n_better, n_worse, n_equal; /* questions */
	/* Two-sided: of the mean's sign under swapping the models question by question (all of them
	 * up to 16 questions, else n_resample draws), and of n_better against n_worse (binomial).
	 */
	double p_permutation, p_sign;
};
void eval_contrast(const struct eval_sheets *s, const struct eval_sheet *x,
    const struct eval_sheet *y, uint64_t seed, size_t n_resample, struct eval_contrast *out);

/* The permutation test of sum(v) = 0 alone. */
double eval_contrast_permutation_test(const double *v, size_t n, uint64_t seed, size_t n_resample);

#endif
