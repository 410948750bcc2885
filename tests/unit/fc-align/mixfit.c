/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/fuse/mixfit.h"

#include <stdint.h>

#include "t.h"

enum { MOST = 500, MEMBERS = 5 };
#define TOL ALIGN_MIXFIT_TOLERANCE

struct data {
	float p[MOST * MEMBERS];
	size_t n, m;
};

static uint32_t state;
static double unit(void) /* Knuth's generator, "quick and dirty" */
{
	state = state * 1664525 + 1013904223;
	return (double)(state >> 8) / (1 << 24);
}

/* Member j gives u^power[j] with u uniform: the higher, the worse.  dominated: one more, which
 * gives half of what the first gives and can be in no optimum. */
static struct data draw(size_t n, const int *power, size_t m, uint32_t seed, bool dominated)
{
	static struct data d;
	state = seed;
	d.n = n;
	d.m = m + dominated;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < m; j++) {
			double u = unit(), p = u;
			for (int k = 1; k < power[j]; k++)
				p *= u;
			d.p[i * d.m + j] = (float)p;
		}
		if (dominated)
			d.p[i * d.m + m] = .5f * d.p[i * d.m];
	}
	return d;
}

/* Mean objective, by the definition. */
static double objective(const struct data *d, double prior, const double *w0, const double *w)
{
	double sum = 0;
	for (size_t i = 0; i < d->n; i++) {
		double mix = 0;
		for (size_t j = 0; j < d->m; j++)
			mix += w[j] * (double)d->p[i * d->m + j];
		sum += log(mix);
	}
	for (size_t j = 0; j < d->m && prior > 0; j++)
		sum += w0[j] > 0 ? prior * w0[j] * log(w[j]) : 0;
	return sum / ((double)d->n + prior);
}

/* Kuhn-Tucker: sum_i p_ij / mix_i + prior w0_j / w_j <= n + prior, equal where w_j > 0. */
static void check_kkt(
    const struct data *d, double prior, const double *w0, const double *w, const char *what)
{
	double most = 0, slack = 0, sum = 0, whole = (double)d->n + prior;
	bool in_range = true;
	for (size_t j = 0; j < d->m; j++) {
		double h = prior > 0 && w0[j] > 0 ? prior * w0[j] / w[j] : 0;
		for (size_t i = 0; i < d->n; i++) {
			double mix = 0;
			for (size_t k = 0; k < d->m; k++)
				mix += w[k] * (double)d->p[i * d->m + k];
			h += (double)d->p[i * d->m + j] / mix;
		}
		most = fmax(most, h / whole);
		slack = fmax(slack, w[j] * fabs(1 - h / whole));
		sum += w[j];
		in_range = in_range && w[j] >= 0;
	}
	T_OK(in_range, "%s: no weight is negative", what);
	T_NEAR(sum, 1, 1e-12, "weights add up to 1");
	T_OK(most <= 1 + TOL, "%s: no member would raise it (%.3g)", what, most - 1);
	T_OK(slack <= TOL, "%s: equality where a weight is not 0 (%.3g)", what, slack);
}

/* Values of the optimum from SLSQP of scipy 1.x in float64, over the same data, Kuhn-Tucker
 * residual below 1e-8. */
static void test_solver(void)
{
	static const struct {
		const char *what;
		size_t n, m;
		int power[MEMBERS];
		uint32_t seed;
		bool dominated;
		double prior, w0[MEMBERS], w[MEMBERS], best;
	} c[] = {
	    {"two", 200, 2, {1, 2}, 1, false, 0, {0}, {.9001459, .0998541}, -0.880639209},
	    {"three", 300, 3, {1, 1, 2}, 2, false, 0, {0}, {.6015438, .3984562, 0}, -0.776286305},
	    {"four, one dominated", 400, 3, {1, 2, 3}, 3, true, 0, {0},
		{.8489756, .1022836, .0487408, 0}, -1.015054099},
	    {"five, one dominated", 500, 4, {3, 1, 2, 4}, 4, true, 0, {0},
		{.0103973, .9018281, .0877746, 0, 0}, -0.896838196},
	    {"prior of a tenth", 300, 3, {1, 1, 2}, 2, false, 30, {.6, 0, .4},
		{.6059795, .2493538, .1446667}, -0.824538020},
	    {"prior of ten times the labels", 300, 3, {1, 1, 2}, 2, false, 3000, {.6, 0, .4},
		{.6079669, 0, .3920331}, -0.697362469},
	};
	for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
		struct data d = draw(c[k].n, c[k].power, c[k].m, c[k].seed, c[k].dominated);
		double w[MEMBERS], off = 0;
		struct align_mixfit_end end =
		    align_mixfit(d.p, d.n, d.m, c[k].prior, c[k].prior > 0 ? c[k].w0 : NULL, w);
		double got = objective(&d, c[k].prior, c[k].w0, w);
		for (size_t j = 0; j < d.m; j++)
			off = fmax(off, fabs(w[j] - c[k].w[j]));
		T_OK(got > c[k].best - TOL && got < c[k].best + 1e-8,
		    "%s: the solver's optimum, %.9f of %.9f, after %zu passes", c[k].what, got,
		    c[k].best, end.n_pass);
		T_OK(off < 1e-3, "%s: its weights (off by %.3g)", c[k].what, off);
		T_OK(end.gap <= TOL && end.gap >= c[k].best - got - 1e-8,
		    "%s: its gap is a bound (%.3g)", c[k].what, end.gap);
		check_kkt(&d, c[k].prior, c[k].w0, w, c[k].what);
		for (size_t j = 0; j < d.m; j++)
			if (c[k].w[j] < 1e-9)
				T_OK(w[j] == 0, "%s: member %zu is 0", c[k].what, j);
	}
}

/* All weights of two members, in steps of a thousandth. */
static void test_grid(void)
{
	const int power[][2] = {{1, 1}, {1, 3}, {4, 1}, {2, 2}};
	for (uint32_t seed = 10; seed < 14; seed++) {
		struct data d = draw(150, power[seed - 10], 2, seed, false);
		double w[2], best = -INFINITY, at = 0;
		for (int k = 0; k <= 1000; k++) {
			double g[2] = {k / 1000., 1 - k / 1000.};
			double v = objective(&d, 0, NULL, g);
			if (v > best) {
				best = v;
				at = g[0];
			}
		}
		align_mixfit(d.p, d.n, 2, 0, NULL, w);
		T_OK(objective(&d, 0, NULL, w) >= best - TOL, "grid %u: not below the best of it",
		    seed);
		T_NEAR(w[0], at, 1e-3, "grid: its weight");
	}
}

static void test_degenerate(void)
{
	float one[] = {.5f, .1f, 1}, twins[] = {.5f, .5f, .1f, .1f, .9f, .9f};
	double w[3];
	struct align_mixfit_end end = align_mixfit(one, 3, 1, 0, NULL, w);
	T_OK(w[0] == 1 && end.gap == 0, "one member has all");
	align_mixfit(twins, 3, 2, 0, NULL, w);
	T_OK(w[0] == .5 && w[1] == .5, "twins share alike");
	/* the third is alone where it gives anything: 1 of 4 labels */
	float alone[] = {.5f, .5f, 0, .1f, .1f, 0, .9f, .9f, 0, 0, 0, 1};
	align_mixfit(alone, 4, 3, 0, NULL, w);
	T_NEAR(w[2], .25, 2e-3, "alone at one label of four: a quarter");
	T_NEAR(w[0], w[1], 1e-12, "and twins share the rest");
	/* never possible */
	float never[] = {.5f, 0, .1f, 0, .9f, 0};
	align_mixfit(never, 3, 2, 0, NULL, w);
	T_OK(w[0] == 1 && w[1] == 0, "a member that gives every label 0 gets nothing");
	/* p / mix without 0 / 0 for factors of any size */
	float tiny[] = {1, 1e-30f, 1e-30f, 1};
	align_mixfit(tiny, 2, 2, 0, NULL, w);
	T_NEAR(w[0], .5, 2e-3, "each certain of its own label: halves");
	double w0[] = {.3, .7};
	align_mixfit(NULL, 0, 2, 100, w0, w);
	T_NEAR(w[0], .3, 1e-3, "no label: the prior's weights");
	/* the worst for EM: a member that is no better and hardly worse */
	static float close[2 * MOST];
	state = 5;
	for (size_t i = 0; i < MOST; i++) {
		close[2 * i] = (float)unit() + .1f;
		close[2 * i + 1] = close[2 * i] * .9999f;
	}
	end = align_mixfit(close, MOST, 2, 0, NULL, w);
	T_OK(
	    end.gap <= TOL && end.n_pass < 2000, "nearly alike: done after %zu passes", end.n_pass);
}

int main(void)
{
	test_solver();
	test_grid();
	test_degenerate();
	return t_done();
}
