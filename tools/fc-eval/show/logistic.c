/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/logistic.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"

enum { K = EVAL_LOGISTIC_K };

double eval_logistic_sigmoid(double z)
{
	return z >= 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z));
}

/* log(1 + exp(z)) */
static double softplus(double z)
{
	return z > 0 ? z + log1p(exp(-z)) : log1p(exp(z));
}

static double dot_product(const double *x, const double *w)
{
	double sum = 0;
	for (int k = 0; k < K; k++)
		sum += x[k] * w[k];
	return sum;
}

static double sum_loss(const struct eval_logistic_row *row, size_t n, const double *w)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++) {
		double z = dot_product(row[i].x, w);
		sum += row[i].weight * (row[i].y * softplus(-z) + (1 - row[i].y) * softplus(z));
	}
	return sum;
}

static double norm1(const double *w)
{
	double sum = 0;
	for (int k = 0; k < K; k++)
		sum += fabs(w[k]);
	return sum;
}

/* Gradient and Hessian of c * loss. */
static void derive_loss(const struct eval_logistic_row *row, size_t n, double c, const double *w,
    double *g, double h[K][K])
{
	for (int k = 0; k < K; k++) {
		g[k] = 0;
		for (int j = 0; j < K; j++)
			h[k][j] = 0;
	}
	for (size_t i = 0; i < n; i++) {
		double p = eval_logistic_sigmoid(dot_product(row[i].x, w));
		double slope = c * row[i].weight * (p - row[i].y);
		double curve = c * row[i].weight * p * (1 - p);
		for (int k = 0; k < K; k++) {
			g[k] += slope * row[i].x[k];
			for (int j = 0; j < K; j++)
				h[k][j] += curve * row[i].x[k] * row[i].x[j];
		}
	}
}

/* d minimizes g d + d h d / 2 + |w + d|, one coordinate after the other. */
static void newton_direction(const double *g, double h[K][K], const double *w, double *d)
{
	for (int k = 0; k < K; k++)
		d[k] = 0;
	for (int round = 0; round < 1000; round++) {
		double moved = 0;
		for (int k = 0; k < K; k++) {
			double slope = g[k], curve = h[k][k] + 1e-12;
			for (int j = 0; j < K; j++)
				slope += h[k][j] * d[j];
			/* soft threshold of the unpenalized minimum */
			double at = w[k] + d[k] - slope / curve, cut = 1 / curve;
			double to = at > cut ? at - cut : at < -cut ? at + cut : 0;
			double step = to - w[k] - d[k];
			d[k] += step;
			moved = fmax(moved, fabs(step));
		}
		if (moved < 1e-13)
			break;
	}
}

void eval_logistic_fit(const struct eval_logistic_row *row, size_t n, double c, double w[K])
{
	for (int k = 0; k < K; k++)
		w[k] = 0;
	double now = c * sum_loss(row, n, w);
	for (int step = 0; step < 200; step++) {
		double g[K], h[K][K], d[K], next[K], value = INFINITY, size = 1;
		derive_loss(row, n, c, w, g, h);
		newton_direction(g, h, w, d);
		for (int halving = 0; halving < 60; halving++, size /= 2) {
			for (int k = 0; k < K; k++)
				next[k] = w[k] + size * d[k];
			value = c * sum_loss(row, n, next) + norm1(next);
			if (value <= now)
				break;
		}
		if (!(value < now)) /* no better any more */
			break;
		double gain = now - value;
		for (int k = 0; k < K; k++)
			w[k] = next[k];
		now = value;
		if (gain <= 1e-15 * fabs(now))
			break;
	}
}

double eval_logistic_loss(const struct eval_logistic_row *row, size_t n, const double w[K])
{
	double weight = 0;
	for (size_t i = 0; i < n; i++)
		weight += row[i].weight;
	return weight > 0 ? sum_loss(row, n, w) / weight : NAN;
}

double eval_logistic_fit_cv(
    const struct eval_logistic_row *row, size_t n, uint64_t seed, double w[K])
{
	enum { FOLDS = 5, GRID = 10 };
	struct eval_logistic_row *shuffled = FC_ARRAY(struct eval_logistic_row, n);
	struct eval_logistic_row *train = FC_ARRAY(struct eval_logistic_row, n);
	struct fc_rng rng;
	double best = INFINITY, best_c = 1;
	for (size_t i = 0; i < n; i++)
		shuffled[i] = row[i];
	fc_rng_seed(&rng, seed);
	fc_rng_shuffle(&rng, shuffled, n, sizeof *shuffled);
	for (int grid = 0; grid < GRID; grid++) {
		double c = pow(10, -4 + 8.0 * grid / (GRID - 1)), sum = 0;
		for (size_t fold = 0; fold < FOLDS; fold++) {
			size_t low = n * fold / FOLDS, high = n * (fold + 1) / FOLDS, m = 0;
			for (size_t i = 0; i < n; i++)
				if (i < low || i >= high)
					train[m++] = shuffled[i];
			eval_logistic_fit(train, m, c, w);
			sum += eval_logistic_loss(shuffled + low, high - low, w);
		}
		if (sum < best) {
			best = sum;
			best_c = c;
		}
	}
	eval_logistic_fit(row, n, best_c, w);
	free(shuffled);
	free(train);
	return best_c;
}
