/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_BOOTSTRAP_H
#define FC_EVAL_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

struct eval_interval {
	double low, high;
};

/* What a conversation adds to a ratio of sums: nats and bytes, nats and tokens. */
struct eval_share {
	double num, den;
};

/*
 * 95 % percentile bootstrap interval of sum(num) / sum(den), for each of n_ratio ratios over the
 * same n conversations: n of them are drawn with replacement, n_resample times, and all ratios are
 * taken from the same draws.  Resample b draws from the generator (seed, b), so the result does not
 * depend on threads.  share: [n][n_ratio]; den >= 0, a resample whose den sums to 0 does not count.
 * NaN if n is 0 or none counted.
 */
void eval_bootstrap(const struct eval_share *share, size_t n, size_t n_ratio, uint64_t seed,
    size_t n_resample, struct eval_interval *out);

/* 95 % Wilson score interval of a proportion (Wilson 1927); NaN if n is 0. */
struct eval_interval eval_bootstrap_wilson(uint64_t hits, uint64_t n);

/* Quantile q of n ascending values, linear between order statistics (Hyndman and Fan's type 7). */
double eval_bootstrap_quantile(const double *sorted, size_t n, double q);

#endif
