/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/logistic.h"

#include "t.h"

enum { N = 60 };

static double unit(void)
{
	static uint64_t state = 12345;
	state = (state * 1103515245 + 12345) % ((uint64_t)1 << 31);
	return (double)state / (double)((uint64_t)1 << 31);
}

/* The rows of logistic.py. */
static void make(struct eval_logistic_row *row)
{
	for (int i = 0; i < N; i++) {
		double a = tanh(4 * unit() - 2), b = 3 * unit() - 1;
		row[i] = (struct eval_logistic_row){{a, b, i % 4 ? 1 : 0},
		    unit() * 0.6 + (a + 0.5 * b > 0 ? 0.4 : 0.0), i % 4 ? 1 : 0.1};
	}
}

static void test_against_liblinear(const struct eval_logistic_row *row)
{
	static const struct {
		double c, w[3];
	} v[] = {
	    {0.05, {0.000000000, 0.000000000, 0.000000000}},
	    {0.2, {0.013014656, 0.000000000, 0.000000000}},
	    {1, {0.656362340, 0.000000000, 0.000000000}},
	    {100, {0.820123215, 0.087011020, -0.024075633}},
	};
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		double w[3];
		eval_logistic_fit(row, N, v[i].c, w);
		for (int k = 0; k < 3; k++)
			T_NEAR(w[k], v[i].w[k], 2e-6, "weight");
	}
}

/* Nothing near the minimum is lower. */
static void test_minimum(const struct eval_logistic_row *row)
{
	double w[3], total = 0, value[2];
	eval_logistic_fit(row, N, 3, w);
	for (int i = 0; i < N; i++)
		total += row[i].weight;
	for (int k = 0; k < 3; k++) {
		for (int sign = -1; sign <= 1; sign += 2) {
			for (int moved = 0; moved < 2; moved++) {
				double v[3] = {w[0], w[1], w[2]};
				v[k] += moved * sign * 1e-4;
				value[moved] = fabs(v[0]) + fabs(v[1]) + fabs(v[2]) +
				    3 * total * eval_logistic_loss(row, N, v);
			}
			T_OK(value[1] > value[0], "the minimum along %d", k);
		}
	}
}

static void test_cv(const struct eval_logistic_row *row)
{
	double w[3], again[3], fixed[3];
	double c = eval_logistic_fit_cv(row, N, 123, w);
	T_NEAR(eval_logistic_fit_cv(row, N, 123, again), c, 0, "the same c for the same seed");
	eval_logistic_fit(row, N, c, fixed);
	T_OK(!memcmp(w, fixed, sizeof w) && !memcmp(w, again, sizeof w), "fitted to all with it");
	/* targets that follow a strong rule want weak regularization, noise wants strong */
	struct eval_logistic_row rule[200], noise[200];
	for (int i = 0; i < 200; i++) {
		double x = 4 * unit() - 2;
		rule[i] = (struct eval_logistic_row){{x, 0, 0}, eval_logistic_sigmoid(3 * x), 1};
		noise[i] = (struct eval_logistic_row){{x, 4 * unit() - 2, 1}, 0.5, 1};
	}
	T_OK(eval_logistic_fit_cv(rule, 200, 1, w) > 5, "weak");
	T_NEAR(w[0], 3, 0.1, "the rule is found");
	eval_logistic_fit_cv(noise, 200, 1, w);
	T_NEAR(fabs(w[0]) + fabs(w[1]) + fabs(w[2]), 0, 1e-6, "of nothing nothing is learned");
}

static void test_edges(void)
{
	struct eval_logistic_row one = {{1, 1000, -1000}, 1, 1};
	double w[3];
	T_NEAR(eval_logistic_sigmoid(-800), 0, 1e-300, "sigmoid far left");
	T_NEAR(eval_logistic_sigmoid(800), 1, 0, "sigmoid far right");
	eval_logistic_fit(&one, 1, 1e4, w);
	T_OK(isfinite(w[0]) && isfinite(w[1]) && isfinite(w[2]), "separable rows");
	eval_logistic_fit(NULL, 0, 1, w);
	T_OK(w[0] == 0 && w[1] == 0 && w[2] == 0, "no rows");
	T_OK(isnan(eval_logistic_loss(NULL, 0, w)), "loss of no rows");
}

int main(void)
{
	struct eval_logistic_row row[N];
	make(row);
	test_against_liblinear(row);
	test_minimum(row);
	test_cv(row);
	test_edges();
	return t_done();
}
