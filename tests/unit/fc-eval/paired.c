/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/paired.h"

#include <math.h>

#include "base/mem.h"
#include "base/par.h"
#include "base/rng.h"
#include "fc-eval/measure/significance.h"
#include "t.h"

/* All expected values: paired.py. */
static void test_t(void)
{
	static const struct {
		double q, df, t;
	} want[] = {{.975, 1, 12.706204736174694}, {.975, 2.5, 3.5746548420036817},
	    {.8, 2.5, 1.0101638747222512}, {.975, 7, 2.364624251592784},
	    {.975, 39, 2.022690920036761}, {.025, 5, -2.5705818356363155},
	    {.975, 1e4, 1.960201239890626}, {.8, 1, 1.3763819204711738},
	    {.975, INFINITY, 1.959963984540054}, {.8, INFINITY, 0.8416212335729143}};
	for (size_t i = 0; i < FC_LEN(want); i++)
		T_NEAR(eval_significance_t(want[i].q, want[i].df), want[i].t, 1e-10, "Student's t");
}

static void test_sign(void)
{
	static const struct {
		size_t k, n;
		double p;
	} want[] = {{8, 10, 0.109375}, {0, 5, 0.0625}, {3, 17, 0.012725830078125}, {50, 100, 1},
	    {40, 100, 0.05688793364098089}, {120, 300, 0.0006342200069283566}, {0, 0, 1}};
	for (size_t i = 0; i < FC_LEN(want); i++)
		T_NEAR(eval_significance_sign(want[i].k, want[i].n), want[i].p, 1e-12, "sign test");
}

static void test_holm(void)
{
	static const double p[] = {.01, .04, NAN, .03, .005, .2};
	static const double want[] = {.04, .09, NAN, .09, .025, .2};
	double out[6];
	eval_significance_holm(p, 6, out);
	for (size_t i = 0; i < 6; i++)
		T_OK(isnan(want[i]) ? isnan(out[i]) : fabs(out[i] - want[i]) < 1e-12,
		    "Holm: %g gives %g", p[i], out[i]);
	eval_significance_holm((const double[]){.5, .6}, 2, out);
	T_OK(out[0] == 1 && out[1] == 1, "Holm: 1 at most");
	eval_significance_holm((const double[]){.02, .02}, 2, out);
	T_OK(out[0] == .04 && out[1] == .04, "Holm: equal ones alike");
}

static const double den[] = {44, 43, 163, 109, 126, 128, 148, 25, 107, 46, 92, 187};
static const double num[12][5] = {{51.18, 54.37, 51.74, 52.3, 49.32},
    {43.75, 42.64, 37.36, 38.12, 38.61}, {192.43, 196.72, 185.98, 199.64, 190.5},
    {40.34, 52.87, 38.57, 48.61, 37.03}, {187.7, 192.25, 167.99, 170.3, 181.98},
    {145.61, 150.54, 144.31, 148.28, 143.53}, {193.6, 214.8, 204.31, 201.52, 194.65},
    {27.96, 30.78, 26.8, 29.2, 27.77}, {113.73, 117.26, 118.29, 110.67, 114.41},
    {49.65, 51.44, 51.98, 50.97, 52.83}, {107.89, 118.2, 113.04, 113.57, 100.16},
    {175.98, 181.69, 170.04, 161.84, 168.94}};

static void check_interval(struct fc_interval i, double low, double high, const char *what)
{
	const double tolerance = .02 * (high - low); /* of 40000 draws against 400000 */
	T_OK(fabs(i.low - low) < tolerance && fabs(i.high - high) < tolerance,
	    "%s: [%g, %g], expected [%g, %g]", what, i.low, i.high, low, high);
}

static void test_slow(void)
{
	static const size_t arm[] = {0, 0, 1, 1, 1},
			    stratum[] = {0, 0, 0, 0, 0, 7, 7, 7, 7, 3, 9, 9};
	struct eval_paired x = {.n_item = 12,
	    .n_stream = 5,
	    .n_arm = 2,
	    .den = den,
	    .num = num[0],
	    .arm = arm,
	    .stratum = stratum,
	    .less_is_better = true};
	struct eval_paired_result r[2];
	eval_paired(&x, 0, 3, 40000, r);
	T_NEAR(r[0].value, 1.1220771756978654, 1e-12, "seeds and strata: value");
	T_NEAR(r[1].difference, -0.04513136288998358, 1e-12, "seeds and strata: difference");
	T_NEAR(r[1].detectable, 0.25223124669369895, 1e-10, "seeds and strata: detectable");
	check_interval(r[0].interval, 0.8716554, 1.34577339, "seeds and strata: first arm");
	check_interval(r[1].interval, 0.83724635, 1.27896878, "seeds and strata: second arm");
	check_interval(
	    r[1].difference_interval, -0.23658592, 0.16351277, "seeds and strata: difference");
	T_NEAR(r[1].p, 0.84245, .02, "seeds and strata: p");
	T_OK(isnan(r[0].difference) && isnan(r[0].p), "the baseline is not compared with itself");
	T_EQ(r[0].n_stream, 2, "seeds of the first arm");
	T_EQ(r[1].n_stream, 3, "seeds of the second arm");

	static const size_t single[] = {0, 1};
	double two[12][2];
	for (size_t i = 0; i < 12; i++) {
		two[i][0] = num[i][0];
		two[i][1] = num[i][2];
	}
	x = (struct eval_paired){.n_item = 12,
	    .n_stream = 2,
	    .n_arm = 2,
	    .den = den,
	    .num = two[0],
	    .arm = single,
	    .less_is_better = true};
	eval_paired(&x, 0, 3, 40000, r);
	T_NEAR(r[1].difference, -0.015935960591133, 1e-12, "plain: difference");
	T_NEAR(r[1].detectable, 0.06650241671573835, 1e-10, "plain: detectable");
	check_interval(r[0].interval, 0.87413069, 1.27057951, "plain: first arm");
	check_interval(r[1].difference_interval, -0.06628633, 0.03037614, "plain: difference");
	T_NEAR(r[1].p, 0.527665, .02, "plain: p");
	T_OK(r[1].n_better == 7 && r[1].n_worse == 5 && r[1].n_equal == 0, "plain: wins");

	struct eval_paired_result again[2];
	for (int threads = 1; threads <= 4; threads++) {
		fc_par_init(threads);
		eval_paired(&x, 0, 3, 40000, again);
		T_OK(!memcmp(r, again, sizeof r), "%d threads: the same", threads);
	}
}

static void test_right_wrong(void)
{
	static const struct {
		size_t better, worse, n;
		double low, high, detectable, p;
	} want[] = {
	    {13, 4, 50, 0.015661703646315833, 0.33049214250753034, 0.22501033454769892,
		0.049041748046875},
	    {0, 0, 20, -0.12599125675906162, 0.12599125675906162, 0.18009271870906116, 1},
	    {3, 0, 4, -0.1111261433804317, 1, 0.873547668835756, 0.25},
	};
	static const size_t arm[] = {1, 0};
	for (size_t i = 0; i < FC_LEN(want); i++) {
		double ones[50], v[50][2];
		for (size_t k = 0; k < want[i].n; k++) {
			const bool worse =
			    k >= want[i].better && k < want[i].better + want[i].worse;
			ones[k] = 1;
			v[k][0] = k < want[i].better || (!worse && k % 2);
			v[k][1] = worse || (k >= want[i].better && k % 2);
		}
		const struct eval_paired x = {.n_item = want[i].n,
		    .n_stream = 2,
		    .n_arm = 2,
		    .den = ones,
		    .num = v[0],
		    .arm = arm,
		    .right_wrong = true};
		struct eval_paired_result r[2];
		eval_paired(&x, 0, 1, 0, r);
		uint64_t right = 0;
		for (size_t k = 0; k < want[i].n; k++)
			right += v[k][0] > 0;
		const struct fc_interval own = eval_significance_wilson(right, want[i].n);
		T_OK(r[1].interval.low == own.low && r[1].interval.high == own.high,
		    "a model's own interval is Wilson's");
		T_EQ(r[1].n_better, want[i].better, "discordant: better");
		T_EQ(r[1].n_worse, want[i].worse, "discordant: worse");
		T_NEAR(r[1].p, want[i].p, 1e-12, "McNemar's exact test");
		T_NEAR(r[1].difference_interval.low, want[i].low, 1e-12, "Bonett and Price: low");
		T_NEAR(
		    r[1].difference_interval.high, want[i].high, 1e-12, "Bonett and Price: high");
		T_NEAR(r[1].detectable, want[i].detectable, 1e-12, "detectable");
	}
}

static void test_few(void)
{
	static const size_t arm[] = {0, 1};
	static const double v[] = {3, 2, 3, 2}, one[] = {2, 2};
	struct eval_paired x = {
	    .n_item = 1, .n_stream = 2, .n_arm = 2, .den = one, .num = v, .arm = arm};
	struct eval_paired_result r[2];
	eval_paired(&x, 0, 1, 1000, r);
	T_OK(r[0].value == 1.5 && r[1].difference == -.5, "one item: the values");
	T_OK(isnan(r[0].interval.low) && isnan(r[1].difference_interval.low) && isnan(r[1].p) &&
		isnan(r[1].detectable),
	    "one item: nothing about chance");
	x.n_item = 2;
	eval_paired(&x, 0, 1, 1000, r);
	T_OK(r[1].difference_interval.low == -.5 && r[1].difference_interval.high == -.5 &&
		isnan(r[1].detectable),
	    "no spread: a certain difference, no size that could be detected");
	static const size_t alone[] = {4, 2};
	x.stratum = alone;
	eval_paired(&x, 0, 1, 1000, r);
	T_OK(r[1].difference_interval.low == -.5, "strata of one item each are one");
	x.n_item = 0;
	eval_paired(&x, 0, 1, 1000, r);
	T_OK(isnan(r[0].value) && isnan(r[1].difference), "no item");
	x.n_item = 2;
	eval_paired(&x, 0, 1, 0, r);
	T_OK(isnan(r[0].interval.low) && r[1].difference == -.5, "no draws: no intervals");
}

/*
 * How often intervals of a simulated comparison hold the true difference.  Item i of stratum h has
 * bytes b and difference b (0.1 h + 0.05 normal) + a seed's share of b; the truth follows from the
 * strata's shares of bytes.  all_seeds false: what one seed an arm says, of which the seeds' spread
 * is kept from eval_paired().
 */
struct world {
	size_t n_stratum, n_each, n_seed;
	double seed_sd, effect;
	bool all_seeds;
};
struct outcome {
	double held, shown, detectable; /* shares of the trials; the mean */
};

static struct outcome simulate(const struct world *w, size_t n_trial)
{
	const size_t S = 2 * w->n_seed, n = w->n_stratum * w->n_each;
	double *bytes = FC_ARRAY(double, n), *nats = FC_ARRAY(double, n *S);
	size_t *stratum = FC_ARRAY(size_t, n), *arm = FC_ARRAY(size_t, S);
	const double truth = w->effect + .05 * (double)(w->n_stratum - 1),
		     one = 1 / (double)n_trial;
	struct outcome out = {0};
	for (size_t trial = 0; trial < n_trial; trial++) {
		struct fc_rng rng;
		double off[16];
		fc_rng_seed2(&rng, 99, trial);
		for (size_t s = 0; s < S; s++) {
			arm[s] = s >= w->n_seed;
			off[s] = w->seed_sd * fc_rng_normal(&rng);
		}
		for (size_t i = 0; i < n; i++) {
			const double b = 20 + (double)fc_rng_below(&rng, 200),
				     rate = 1 + .3 * fc_rng_normal(&rng);
			stratum[i] = i / w->n_each;
			bytes[i] = b;
			const double own =
			    w->effect + .1 * (double)stratum[i] + .05 * fc_rng_normal(&rng);
			for (size_t s = 0; s < S; s++)
				nats[i * S + s] = b * (rate + off[s] + (arm[s] ? own : 0));
		}
		const struct eval_paired x = {.n_item = n,
		    .n_stream = S,
		    .n_arm = 2,
		    .den = bytes,
		    .num = nats,
		    .arm = arm,
		    .stratum = stratum};
		struct eval_paired_result r[2];
		if (!w->all_seeds && w->n_seed > 1) {
			for (size_t i = 0; i < n; i++) {
				nats[2 * i] = nats[i * S];
				nats[2 * i + 1] = nats[i * S + w->n_seed];
			}
			arm[1] = 1;
			struct eval_paired first = x;
			first.n_stream = 2;
			eval_paired(&first, 0, trial, 500, r);
		} else {
			eval_paired(&x, 0, trial, 500, r);
		}
		const struct fc_interval v = r[1].difference_interval;
		out.held += v.low <= truth && v.high >= truth ? one : 0;
		out.shown += v.low > 0 ? one : 0;
		out.detectable += r[1].detectable * one;
	}
	free(bytes);
	free(nats);
	free(stratum);
	free(arm);
	return out;
}

static void test_coverage(void)
{
	/* Of 2000 trials the share's standard error is 0.005. */
	double c = simulate(&(struct world){1, 30, 1, 0, 0, true}, 2000).held;
	T_OK(c > .93 && c < .97, "30 items: %.3f of the intervals hold the difference", c);
	c = simulate(&(struct world){4, 6, 1, 0, 0, true}, 2000).held;
	T_OK(c > .925 && c < .975, "4 strata of 6 items: %.3f", c);
	c = simulate(&(struct world){1, 30, 3, .01, 0, true}, 2000).held;
	T_OK(c > .93 && c < .99, "30 items, 3 seeds: %.3f", c);
	c = simulate(&(struct world){1, 30, 3, .1, 0, true}, 2000).held;
	T_OK(c > .93 && c < .99, "30 items, 3 seeds that decide all: %.3f", c);
	c = simulate(&(struct world){1, 30, 3, .03, 0, false}, 2000).held;
	T_OK(c < .6, "one seed of them: %.3f, so the tests above could fail", c);

	/* 0.05 sqrt(mean(b^2) / 30) / mean(b) is the difference's standard error, 20 <= b < 220;
	 * times t(0.975, 29) + t(0.8, 29) = 2.89943. */
	struct outcome o = simulate(&(struct world){1, 30, 1, 0, .0294, true}, 2000);
	T_OK(fabs(o.detectable - .0294) < .001, "detectable: %.4f, expected 0.0294", o.detectable);
	T_OK(o.shown > .76 && o.shown < .84, "... and a difference of that size shows %.3f times",
	    o.shown);
	o = simulate(&(struct world){1, 30, 1, 0, .0147, true}, 2000);
	T_OK(o.shown < .4, "half of it %.3f times", o.shown);
}

static void test_wilson(void)
{
	/* roots of (p - k/n)^2 = z^2 p (1 - p) / n, found by bisection */
	struct fc_interval i = eval_significance_wilson(8, 10);
	T_NEAR(i.low, 0.4901624715, 1e-9, "wilson 8 of 10: low");
	T_NEAR(i.high, 0.9433178485, 1e-9, "wilson 8 of 10: high");
	i = eval_significance_wilson(0, 20);
	T_NEAR(i.low, 0, 1e-12, "wilson 0 of 20: low");
	T_NEAR(i.high, 0.1611251581, 1e-9, "wilson 0 of 20: high");
	T_OK(isnan(eval_significance_wilson(0, 0).low), "wilson of nothing");
}

int main(void)
{
	test_wilson();
	fc_par_init(2);
	test_t();
	test_sign();
	test_holm();
	test_slow();
	test_right_wrong();
	test_few();
	test_coverage();
	return t_done();
}
