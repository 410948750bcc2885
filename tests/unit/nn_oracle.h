/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TESTS_NN_ORACLE_H
#define FC_TESTS_NN_ORACLE_H

/* Random inputs, and the comparison of gradients with finite differences in double precision. */

#include "base/mem.h"
#include "base/par.h"
#include "base/rng.h"
#include "device.h"
#include "nn/nn.h"
#include "t.h"

__attribute__((unused)) static float *random_floats(struct fc_rng *r, size_t n, double scale)
{
	float *x = fc_malloc_aligned(n + 1, sizeof *x);
	for (size_t i = 0; i < n; i++)
		x[i] = (float)(scale * fc_rng_normal(r));
	return x;
}

__attribute__((unused)) static double *doubles(const float *x, size_t n)
{
	double *y = fc_calloc(n, sizeof *y);
	for (size_t i = 0; i < n; i++)
		y[i] = (double)x[i];
	return y;
}

/* Largest |a - b| / max(1, |b|); infinite where a is not a number. */
__attribute__((unused)) static double max_error(const float *a, const double *b, size_t n)
{
	double worst = 0;
	for (size_t i = 0; i < n; i++) {
		const double e = fabs((double)a[i] - b[i]) / fmax(1, fabs(b[i]));
		worst = isnan(e) ? INFINITY : fmax(worst, e);
	}
	return worst;
}

/*
 * Largest error of grad [n] against central differences of loss(arg, i) by x[i], of about n_probe
 * components i spread over x [n], relative to the largest component seen (at least 0.1).  What x[i]
 * has no part in may be left out of the loss.
 */
__attribute__((unused)) static double gradient_error(const float *grad, double *x, size_t n,
    size_t n_probe, double (*loss)(void *arg, size_t i), void *arg)
{
	double worst = 0, largest = 0.1, size = 0;
	const size_t step = n > n_probe ? n / n_probe : 1;
	for (size_t i = 0; i < n; i++)
		size += x[i] * x[i];
	const double h = 1e-4 * sqrt(size / (double)n);
	for (size_t i = step / 2; i < n; i += step) {
		const double keep = x[i];
		x[i] = keep + h;
		const double up = loss(arg, i);
		x[i] = keep - h;
		const double diff = (up - loss(arg, i)) / (2 * h);
		x[i] = keep;
		const double e = fabs((double)grad[i] - diff);
		worst = isnan(e) ? INFINITY : fmax(worst, e);
		largest = fmax(largest, fabs(diff));
	}
	return worst / largest;
}

#endif
