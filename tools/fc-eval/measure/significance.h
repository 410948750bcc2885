/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_SIGNIFICANCE_H
#define FC_EVAL_SIGNIFICANCE_H

#include <stddef.h>
#include <stdint.h>

#include "text/table.h"

/* The sign test, two-sided: P(|2K - n| >= |2k - n|), K binomial (n, 1/2); 1 if n is 0.  Of the
 * items that one of two models has right and the other wrong it is McNemar's exact test. */
double eval_significance_sign(size_t k, size_t n);

/* Holm's step-down adjustment (Holm 1979) of n p-values to out, in their order.  NaN stays and is
 * no comparison. */
void eval_significance_holm(const double *p, size_t n, double *out);

/* Quantile q in (0, 1) of Student's t distribution with df > 0 degrees of freedom, not
 * necessarily whole; of the normal distribution for df infinite. */
double eval_significance_t(double q, double df);

/* 95 % Wilson score interval of a proportion (Wilson 1927); NaN if n is 0. */
struct fc_interval eval_significance_wilson(uint64_t hits, uint64_t n);
/* The proportion with that interval, for a table. */
struct fc_cell eval_significance_share(uint64_t hits, uint64_t n);

#endif
