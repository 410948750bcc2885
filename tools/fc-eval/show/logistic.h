/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_LOGISTIC_H
#define FC_EVAL_LOGISTIC_H

#include <stddef.h>
#include <stdint.h>

enum { EVAL_LOGISTIC_K = 3 }; /* features; no intercept */

/* Rows of a logistic regression with soft targets: y in [0, 1] is as good as a row of weight y with
 * target 1 and one of weight 1 - y with target 0. */
struct eval_logistic_row {
	double x[EVAL_LOGISTIC_K], y, weight;
};

/* Minimizes sum |w_k| + c * sum_i weight_i * (log-loss of row i), LIBLINEAR's L1 objective, by
 * Newton steps, each solved by coordinate descent and shortened until it pays. */
void eval_logistic_fit(
    const struct eval_logistic_row *row, size_t n, double c, double w[EVAL_LOGISTIC_K]);

/* Weighted mean log-loss, nats. */
double eval_logistic_loss(
    const struct eval_logistic_row *row, size_t n, const double w[EVAL_LOGISTIC_K]);

/* Fits as eval_logistic_fit() does, with c chosen among ten from 1e-4 to 1e4, by the mean loss of
 * 5-fold cross-validation; rows are dealt to folds at random by seed.  Returns c. */
double eval_logistic_fit_cv(
    const struct eval_logistic_row *row, size_t n, uint64_t seed, double w[EVAL_LOGISTIC_K]);

double eval_logistic_sigmoid(double z);

#endif
