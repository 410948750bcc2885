/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/bootstrap.h"

#include "base/mem.h"
#include "base/par.h"
#include "base/rng.h"
#include "t.h"

static void test_quantile(void)
{
	/* numpy.quantile([1, 2, 4, 8], q) */
	static const double v[] = {1, 2, 4, 8};
	T_NEAR(eval_bootstrap_quantile(v, 4, 0), 1, 0, "quantile 0");
	T_NEAR(eval_bootstrap_quantile(v, 4, 1), 8, 0, "quantile 1");
	T_NEAR(eval_bootstrap_quantile(v, 4, .5), 3, 1e-12, "median");
	T_NEAR(eval_bootstrap_quantile(v, 4, .9), 6.8, 1e-12, "between order statistics");
	T_NEAR(eval_bootstrap_quantile(v, 1, .3), 1, 0, "of one value");
}

static void test_wilson(void)
{
	/* roots of (p - k/n)^2 = z^2 p (1 - p) / n, found by bisection */
	struct eval_interval i = eval_bootstrap_wilson(8, 10);
	T_NEAR(i.low, 0.4901624715, 1e-9, "wilson 8 of 10: low");
	T_NEAR(i.high, 0.9433178485, 1e-9, "wilson 8 of 10: high");
	i = eval_bootstrap_wilson(0, 20);
	T_NEAR(i.low, 0, 1e-12, "wilson 0 of 20: low");
	T_NEAR(i.high, 0.1611251581, 1e-9, "wilson 0 of 20: high");
	T_OK(isnan(eval_bootstrap_wilson(0, 0).low), "wilson of nothing");
}

static void test_exact(void)
{
	/* Two conversations, ratios 1 and 3: resamples give 1 (1 of 4), 2 (2 of 4), 3 (1 of 4). */
	struct eval_share two[] = {{1, 1}, {3, 1}};
	struct eval_interval i;
	eval_bootstrap(two, 2, 1, 1, 1000, &i);
	T_OK(i.low == 1 && i.high == 3, "two conversations: the extremes");
	struct eval_share one[] = {{3, 2}};
	eval_bootstrap(one, 1, 1, 1, 1000, &i);
	T_OK(i.low == 1.5 && i.high == 1.5, "one conversation: the value itself");
	eval_bootstrap(one, 0, 1, 1, 1000, &i);
	T_OK(isnan(i.low) && isnan(i.high), "no conversation");
	eval_bootstrap(one, 1, 1, 1, 0, &i);
	T_OK(isnan(i.low), "no resamples");
	struct eval_share empty[] = {{0, 0}};
	eval_bootstrap(empty, 1, 1, 1, 100, &i);
	T_OK(isnan(i.low), "only conversations without labels");
	struct eval_share some[] = {{0, 0}, {2, 1}};
	eval_bootstrap(some, 2, 1, 1, 100, &i);
	T_OK(i.low == 2 && i.high == 2, "draws without any label do not count");
}

/* Ratio of sums with weights: the interval agrees with the delta method's,
 * r +- 1.96 sqrt(sum (num - r den)^2) / sum(den), within a few percent for many conversations. */
static void test_against_normal(void)
{
	enum { N = 2000 };
	static struct eval_share v[N][2];
	struct fc_rng rng;
	double num = 0, den = 0, var = 0;
	fc_rng_seed(&rng, 7);
	for (size_t k = 0; k < N; k++) {
		double n = 1 + (double)fc_rng_below(&rng, 50);
		v[k][0] = (struct eval_share){n * (2 + .5 * fc_rng_normal(&rng)), n};
		v[k][1] = (struct eval_share){v[k][0].num, 2 * n};
		num += v[k][0].num;
		den += n;
	}
	double r = num / den;
	for (size_t k = 0; k < N; k++)
		var += pow(v[k][0].num - r * v[k][0].den, 2);
	double half = 1.96 * sqrt(var) / den;
	struct eval_interval a[2], b[2];
	eval_bootstrap(v[0], N, 2, 3, 2000, a);
	T_OK(fabs(a[0].low - (r - half)) < .1 * half && fabs(a[0].high - (r + half)) < .1 * half,
	    "agrees with the delta method ([%g, %g], expected [%g, %g])", a[0].low, a[0].high,
	    r - half, r + half);
	T_OK(a[1].low * 2 == a[0].low && a[1].high * 2 == a[0].high,
	    "all ratios are taken from the same draws");
	fc_par_init(2);
	eval_bootstrap(v[0], N, 2, 3, 2000, b);
	T_OK(!memcmp(a, b, sizeof a), "the same with one thread and with two");
	eval_bootstrap(v[0], N, 2, 4, 2000, b);
	T_OK(memcmp(a, b, sizeof a), "another seed, another interval");
}

int main(void)
{
	fc_par_init(1);
	test_quantile();
	test_wilson();
	test_exact();
	test_against_normal();
	return t_done();
}
