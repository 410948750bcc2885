/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_RESAMPLE_H
#define FC_BASE_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

/* What one item, as a conversation, adds to a ratio of sums: nats and bytes; the difference of two
 * models' nats and bytes. */
struct fc_share {
	double num, den;
};

struct fc_interval {
	double low, high;
};

/*
 * 95 % percentile bootstrap interval (Efron 1979) of sum(num) / sum(den), for each of n_ratio
 * ratios over the same n items: n of them are drawn with replacement, n_draw times, and all ratios
 * are taken from the same draws, so intervals of differences are paired.  Draw b uses the generator
 * (seed, b): the result does not depend on threads.  Quantiles are linear between order statistics
 * (Hyndman and Fan's type 7).
 * part: [n][n_ratio], den >= 0; a draw whose den sums to 0 does not count.  out: [n_ratio], NaN
 * where no draw counts, and where a single item does: it does not tell how others would differ.
 */
void fc_resample_ratios(const struct fc_share *part, size_t n, size_t n_ratio, uint64_t seed,
    size_t n_draw, struct fc_interval *out);

/* Quantile q of n ascending values, linear between order statistics as above. */
double fc_resample_quantile(const double *sorted, size_t n, double q);

#endif
