/* SPDX-License-Identifier: Apache-2.0 */
#include "base/resample.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"

/* One draw of n items; ratio r goes to out[r * stride].  sum: [n_ratio], for work. */
static void draw_items(const struct fc_share *part, size_t n, size_t n_ratio, struct fc_rng *rng,
    struct fc_share *sum, double *out, size_t stride)
{
	for (size_t r = 0; r < n_ratio; r++)
		sum[r] = (struct fc_share){0};
	for (size_t i = 0; i < n; i++) {
		const struct fc_share *drawn = part + fc_rng_below(rng, n) * n_ratio;
		for (size_t r = 0; r < n_ratio; r++) {
			sum[r].num += drawn[r].num;
			sum[r].den += drawn[r].den;
		}
	}
	for (size_t r = 0; r < n_ratio; r++)
		out[r * stride] = sum[r].num / sum[r].den;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

double fc_resample_quantile(const double *sorted, size_t n, double q)
{
	double at = q * (double)(n - 1);
	size_t i = (size_t)at;
	if (i + 1 >= n)
		return sorted[n - 1];
	return sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]);
}

/* Of the finite ones among v's n values, which are put in order. */
static struct fc_interval percentiles(double *v, size_t n)
{
	size_t m = 0;
	for (size_t i = 0; i < n; i++)
		if (isfinite(v[i]))
			v[m++] = v[i];
	if (m == 0)
		return (struct fc_interval){NAN, NAN};
	qsort(v, m, sizeof *v, ascending);
	return (struct fc_interval){
	    fc_resample_quantile(v, m, 0.025), fc_resample_quantile(v, m, 0.975)};
}

void fc_resample_ratios(const struct fc_share *part, size_t n, size_t n_ratio, uint64_t seed,
    size_t n_draw, struct fc_interval *out)
{
	size_t n_counted = n ? n_draw : 0, n_value;
	if (!fc_size_mul(n_ratio, n_draw, &n_value))
		n_value = SIZE_MAX; /* which ends the program as too much memory */
	double *v = FC_ARRAY(double, n_value);
#pragma omp parallel
	{
		struct fc_share *sum = FC_ARRAY(struct fc_share, n_ratio);
#pragma omp for
		for (size_t b = 0; b < n_counted; b++) {
			struct fc_rng rng;
			fc_rng_seed2(&rng, seed, b);
			draw_items(part, n, n_ratio, &rng, sum, v + b, n_draw);
		}
		free(sum);
	}
	for (size_t r = 0; r < n_ratio; r++) {
		size_t n_item = 0;
		for (size_t i = 0; i < n; i++)
			n_item += part[i * n_ratio + r].den > 0;
		out[r] = percentiles(v + r * n_draw, n_item > 1 ? n_counted : 0);
	}
	free(v);
}
