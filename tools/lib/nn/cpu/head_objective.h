/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_HEAD_OBJECTIVE_H
#define FC_NN_HEAD_OBJECTIVE_H

#include "nn/nn.h"

/*
 * Between a teacher q and a model p over n categories, in double precision.  Both are given as
 * natural logarithms, q's sum of probabilities is 1, and so is p's.  Returns the loss; slope[c]
 * becomes its derivative with respect to log_p[c] as if every p[c] were free.
 *
 * With temperature T, both are raised to 1 / T and divided by their sums first, and the loss is
 * multiplied by T^2, which keeps the size of the gradient (Hinton et al., arXiv 1503.02531).
 * scratch: [2 n].
 */
double fc_divergence(const struct fc_objective *o, size_t n, const double *log_q,
    const double *log_p, double *slope, double *scratch);

#endif
