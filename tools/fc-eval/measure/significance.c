/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/significance.h"

#include <float.h>
#include <math.h>

double eval_significance_sign(size_t k, size_t n)
{
	size_t tail = k < n - k ? k : n - k;
	if (n == 0 || 2 * tail == n)
		return 1;
	double sum = 0, all = lgamma((double)n + 1) - (double)n * log(2);
	for (size_t i = 0; i <= tail; i++)
		sum += exp(all - lgamma((double)i + 1) - lgamma((double)(n - i) + 1));
	return fmin(1, 2 * sum);
}

void eval_significance_holm(const double *p, size_t n, double *out)
{
	size_t m = 0;
	for (size_t i = 0; i < n; i++)
		m += !isnan(p[i]);
	for (size_t i = 0; i < n; i++) {
		/* the largest of (m - rank) p over all that are not larger */
		double most = isnan(p[i]) ? NAN : 0;
		for (size_t k = 0; k < n && !isnan(p[i]); k++) {
			size_t rank = 0;
			if (isnan(p[k]) || p[k] > p[i])
				continue;
			for (size_t j = 0; j < n; j++)
				rank += p[j] < p[k];
			most = fmax(most, fmin(1, (double)(m - rank) * p[k]));
		}
		out[i] = most;
	}
}

/*
 * The regularized incomplete beta function I_x(a, b) by its continued fraction (Abramowitz and
 * Stegun 26.5.8, evaluated as Lentz did), which converges fast for x < (a + 1) / (a + b + 2).
 */
static double beta_fraction(double x, double a, double b)
{
	double c = 1, d = 1 - (a + b) * x / (a + 1), h;
	d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
	h = d;
	for (int m = 1; m < 1000; m++) {
		const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
			     odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		const double term[] = {even, odd};
		double last = 1;
		for (int i = 0; i < 2; i++) {
			d = 1 + term[i] * d;
			c = 1 + term[i] / c;
			d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
			c = fabs(c) < DBL_MIN ? DBL_MIN : c;
			last = c * d;
			h *= last;
		}
		if (fabs(last - 1) < 1e-15)
			break;
	}
	return exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) * h / a;
}

static double beta_share(double x, double a, double b)
{
	if (x <= 0 || x >= 1)
		return x >= 1;
	return x < (a + 1) / (a + b + 2) ? beta_fraction(x, a, b) : 1 - beta_fraction(1 - x, b, a);
}

/* P(T > t) for t >= 0 */
static double upper_tail(double t, double df)
{
	return df > 1e9 ? erfc(t / sqrt(2)) / 2 : beta_share(df / (df + t * t), df / 2, 0.5) / 2;
}

/* The density of T: upper_tail() falls by it. */
static double density(double t, double df)
{
	if (df > 1e9)
		return exp(-t * t / 2) / sqrt(2 * acos(-1));
	return exp(lgamma((df + 1) / 2) - lgamma(df / 2) - (df + 1) / 2 * log1p(t * t / df)) /
	    sqrt(df * acos(-1));
}

/* Newton's steps where they stay between what is known to be too low and too high, else halves. */
double eval_significance_t(double q, double df)
{
	const double tail = q < 0.5 ? q : 1 - q;
	double low = 0, high = 1, t, step = INFINITY;
	while (upper_tail(high, df) > tail && high < 1e300)
		high *= 2;
	t = high;
	for (int i = 0; i < 200 && fabs(step) > 1e-15 * t; i++) {
		const double off = upper_tail(t, df) - tail;
		if (off > 0)
			low = t;
		else
			high = t;
		step = off / density(t, df);
		if (!(t + step > low && t + step < high))
			step = low + (high - low) / 2 - t;
		t += step;
	}
	return q < 0.5 ? -t : t;
}

struct fc_interval eval_significance_wilson(uint64_t hits, uint64_t n)
{
	if (n == 0)
		return (struct fc_interval){NAN, NAN};
	const double z = 1.959963984540054; /* the normal distribution's 0.975 quantile */
	double m = (double)n, p = (double)hits / m;
	double mid = (p + z * z / (2 * m)) / (1 + z * z / m);
	double half = z / (1 + z * z / m) * sqrt(p * (1 - p) / m + z * z / (4 * m * m));
	return (struct fc_interval){fmax(0, mid - half), fmin(1, mid + half)};
}

struct fc_cell eval_significance_share(uint64_t hits, uint64_t n)
{
	return fc_cell_within((double)hits / (double)n, eval_significance_wilson(hits, n));
}
