/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_PAIRED_H
#define FC_EVAL_PAIRED_H

#include <stdbool.h>

#include "base/resample.h"

/*
 * What several models, the arms, have scored on the same items: nats of bytes, right answers of
 * tasks, points of turns.  An arm's value is a ratio of sums over the items.  Several streams of an
 * arm are its seeds: trained or drawn alike but for chance; their mean is the arm's.
 */
struct eval_paired {
	size_t n_item, n_stream, n_arm;
	const double *den;     /* [n_item], above 0, the same for all streams */
	const double *num;     /* [n_item][n_stream] */
	const size_t *arm;     /* [n_stream] below n_arm; every arm has a stream */
	const size_t *stratum; /* [n_item] any numbers; NULL: all are of one */
	bool less_is_better;
	bool right_wrong; /* every den is 1, every num 0 or 1 */
};

struct eval_paired_result {
	double value;
	struct fc_interval interval;
	size_t n_stream;
	/* Arm minus baseline; of the baseline itself all below is NaN or 0. */
	double difference;
	struct fc_interval difference_interval;
	size_t n_better, n_worse, n_equal; /* items, by their seeds' mean */
	double p, p_holm;                  /* two-sided; Holm's among these arms */
	double detectable;                 /* minimum detectable effect */
};

/*
 * Bootstrap over items and seeds (Owen 2007, The pigeonhole bootstrap), the same items for all
 * arms: a draw takes of every stratum of n items n - 1 with replacement, which weigh n / (n - 1),
 * and of an arm's S seeds S - 1, so that its variance is unbiased (Rao, Wu 1988); strata of one
 * item are drawn as one.  The 95 % interval is from percentiles, whose distance from the value is
 * stretched by t / z, Student's quantile over the normal one: few seeds say little about their
 * spread.  Its degrees of freedom are Satterthwaite's,
 *     v^2 / sum(v_i^2 / f_i),  v = sum(v_i),
 * v_i the variance that a stratum (linearized: of (num - r den) / sum(den)) or an arm's seeds add,
 * f_i one less than there are.  p is twice the share of stretched draws beyond 0.
 *
 * detectable = (t(0.975) + t(0.8)) sqrt(v): a true difference of that size gives an interval
 * without 0 four times of five.
 *
 * right_wrong: the interval of an arm of one stream is Wilson's.  One stream on either side: p is
 * McNemar's exact test, the difference's interval Bonett and Price's (2012), +- z sqrt((b + c - (b
 * - c)^2) / (n + 2)) around b - c, with b and c (count + 1) / (n + 2), and detectable (z(0.975) +
 * z(0.8)) times that root: both know that items on which the models agree are no proof.
 *
 * out: [n_arm].  Draw b uses the generator (seed, b): the result does not depend on threads.
 * Intervals and p are NaN of fewer than two items or n_resample 0 (but for the exact ones).
 */
void eval_paired(const struct eval_paired *x, size_t baseline, uint64_t seed, size_t n_resample,
    struct eval_paired_result *out);

#endif
