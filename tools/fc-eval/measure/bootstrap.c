/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/bootstrap.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"

double eval_bootstrap_quantile(const double *sorted, size_t n, double q)
{
	double at = q * (double)(n - 1);
	size_t i = (size_t)at;
	if (i + 1 >= n)
		return sorted[n - 1];
	return sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* One resample; ratio r goes to out[r * stride]. */
static void resample(const struct eval_share *share, size_t n, size_t n_ratio, struct fc_rng *rng,
    struct eval_share *sum, double *out, size_t stride)
{
	for (size_t r = 0; r < n_ratio; r++)
		sum[r] = (struct eval_share){0};
	for (size_t i = 0; i < n; i++) {
		const struct eval_share *drawn = share + fc_rng_below(rng, n) * n_ratio;
		for (size_t r = 0; r < n_ratio; r++) {
			sum[r].num += drawn[r].num;
			sum[r].den += drawn[r].den;
		}
	}
	for (size_t r = 0; r < n_ratio; r++)
		out[r * stride] = sum[r].num / sum[r].den;
}

static struct eval_interval percentiles(double *v, size_t n)
{
	size_t m = 0;
	for (size_t i = 0; i < n; i++)
		if (isfinite(v[i]))
			v[m++] = v[i];
	if (m == 0)
		return (struct eval_interval){NAN, NAN};
	qsort(v, m, sizeof *v, ascending);
	return (struct eval_interval){
	    eval_bootstrap_quantile(v, m, 0.025), eval_bootstrap_quantile(v, m, 0.975)};
}

void eval_bootstrap(const struct eval_share *share, size_t n, size_t n_ratio, uint64_t seed,
    size_t n_resample, struct eval_interval *out)
{
	size_t n_draw = n ? n_resample : 0, n_value;
	if (!fc_size_mul(n_ratio, n_resample, &n_value))
		n_value = SIZE_MAX;
	double *v = FC_ARRAY(double, n_value);
#pragma omp parallel
	{
		struct eval_share *sum = FC_ARRAY(struct eval_share, n_ratio);
#pragma omp for
		for (size_t b = 0; b < n_draw; b++) {
			struct fc_rng rng;
			fc_rng_seed2(&rng, seed, b);
			resample(share, n, n_ratio, &rng, sum, v + b, n_resample);
		}
		free(sum);
	}
	for (size_t r = 0; r < n_ratio; r++)
		out[r] = percentiles(v + r * n_resample, n_draw);
	free(v);
}

struct eval_interval eval_bootstrap_wilson(uint64_t hits, uint64_t n)
{
	if (n == 0)
		return (struct eval_interval){NAN, NAN};
	const double z = 1.959963984540054; /* the normal distribution's 0.975 quantile */
	double m = (double)n, p = (double)hits / m;
	double mid = (p + z * z / (2 * m)) / (1 + z * z / m);
	double half = z / (1 + z * z / m) * sqrt(p * (1 - p) / m + z * z / (4 * m * m));
	return (struct eval_interval){fmax(0, mid - half), fmin(1, mid + half)};
}
