/* SPDX-License-Identifier: Apache-2.0 */
#include "base/resample.h"

#include "base/mem.h"
#include "base/par.h"
#include "base/rng.h"
#include "t.h"

static void test_quantile(void)
{
	/* numpy.quantile([1, 2, 4, 8], q) */
	static const double v[] = {1, 2, 4, 8};
	T_NEAR(fc_resample_quantile(v, 4, 0), 1, 0, "quantile 0");
	T_NEAR(fc_resample_quantile(v, 4, 1), 8, 0, "quantile 1");
	T_NEAR(fc_resample_quantile(v, 4, .5), 3, 1e-12, "median");
	T_NEAR(fc_resample_quantile(v, 4, .9), 6.8, 1e-12, "between order statistics");
	T_NEAR(fc_resample_quantile(v, 1, .3), 1, 0, "of one value");
}

static void test_exact(void)
{
	/* Two conversations, ratios 1 and 3: resamples give 1 (1 of 4), 2 (2 of 4), 3 (1 of 4). */
	struct fc_share two[] = {{1, 1}, {3, 1}};
	struct fc_interval i;
	fc_resample_ratios(two, 2, 1, 1, 1000, &i);
	T_OK(i.low == 1 && i.high == 3, "two conversations: the extremes");
	struct fc_share one[] = {{3, 2}};
	fc_resample_ratios(one, 1, 1, 1, 1000, &i);
	T_OK(isnan(i.low) && isnan(i.high), "one conversation tells nothing of others");
	fc_resample_ratios(one, 0, 1, 1, 1000, &i);
	T_OK(isnan(i.low) && isnan(i.high), "no conversation");
	fc_resample_ratios(one, 1, 1, 1, 0, &i);
	T_OK(isnan(i.low), "no resamples");
	struct fc_share empty[] = {{0, 0}};
	fc_resample_ratios(empty, 1, 1, 1, 100, &i);
	T_OK(isnan(i.low), "only conversations without labels");
	struct fc_share some[] = {{0, 0}, {2, 1}, {2, 1}};
	fc_resample_ratios(some, 2, 1, 1, 100, &i);
	T_OK(isnan(i.low), "one conversation with labels, too");
	fc_resample_ratios(some, 3, 1, 1, 100, &i);
	T_OK(i.low == 2 && i.high == 2, "draws without any label do not count");
}

/* Ratio of sums with weights: the interval agrees with the delta method's,
 * r +- 1.96 sqrt(sum (num - r den)^2) / sum(den), within a few percent for many conversations. */
static void test_against_normal(void)
{
	enum { N = 2000 };
	static struct fc_share v[N][2];
	struct fc_rng rng;
	double num = 0, den = 0, var = 0;
	fc_rng_seed(&rng, 7);
	for (size_t k = 0; k < N; k++) {
		double n = 1 + (double)fc_rng_below(&rng, 50);
		v[k][0] = (struct fc_share){n * (2 + .5 * fc_rng_normal(&rng)), n};
		v[k][1] = (struct fc_share){v[k][0].num, 2 * n};
		num += v[k][0].num;
		den += n;
	}
	double r = num / den;
	for (size_t k = 0; k < N; k++)
		var += pow(v[k][0].num - r * v[k][0].den, 2);
	double half = 1.96 * sqrt(var) / den;
	struct fc_interval a[2], b[2];
	fc_resample_ratios(v[0], N, 2, 3, 2000, a);
	T_OK(fabs(a[0].low - (r - half)) < .1 * half && fabs(a[0].high - (r + half)) < .1 * half,
	    "agrees with the delta method ([%g, %g], expected [%g, %g])", a[0].low, a[0].high,
	    r - half, r + half);
	T_OK(a[1].low * 2 == a[0].low && a[1].high * 2 == a[0].high,
	    "all ratios are taken from the same draws");
	fc_par_init(2);
	fc_resample_ratios(v[0], N, 2, 3, 2000, b);
	T_OK(!memcmp(a, b, sizeof a), "the same with one thread and with two");
	fc_resample_ratios(v[0], N, 2, 4, 2000, b);
	T_OK(memcmp(a, b, sizeof a), "another seed, another interval");
}

int main(void)
{
	fc_par_init(1);
	test_quantile();
	test_exact();
	test_against_normal();
	return t_done();
}
