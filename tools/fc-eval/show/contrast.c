/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/contrast.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "fc-eval/measure/paired.h"
#include "fc-eval/measure/significance.h"

enum { EXACT_MAX = 16 }; /* questions: 65536 sign patterns */

double eval_contrast_permutation_test(const double *v, size_t n, uint64_t seed, size_t n_resample)
{
	double observed = 0, scale = 0;
	for (size_t i = 0; i < n; i++) {
		observed += v[i];
		scale += fabs(v[i]);
	}
	/* sums of the same values in another order may differ by rounding */
	double least = fabs(observed) - 1e-9 * scale;
	bool exact = n <= EXACT_MAX;
	size_t n_draw = exact ? (size_t)1 << n : n_resample, n_reached = 0;
#pragma omp parallel for reduction(+ : n_reached)
	for (size_t b = 0; b < n_draw; b++) {
		struct fc_rng rng;
		uint64_t bits = b;
		double sum = 0;
		if (!exact)
			fc_rng_seed2(&rng, seed, b);
		for (size_t i = 0; i < n; i++) {
			if (!exact && i % 64 == 0)
				bits = fc_rng_u64(&rng);
			sum += bits >> (i % 64) & 1 ? v[i] : -v[i];
		}
		n_reached += fabs(sum) >= least;
	}
	if (exact)
		return (double)n_reached / (double)n_draw;
	return (double)(n_reached + 1) / (double)(n_draw + 1);
}

void eval_contrast(const struct eval_sheets *s, const struct eval_sheet *x,
    const struct eval_sheet *y, uint64_t seed, size_t n_resample, struct eval_contrast *out)
{
	static const size_t arm[] = {0, 1};
	double *den = FC_ARRAY(double, s->question.n), *num = FC_ARRAY(double, 2 * s->question.n),
	       *gap = FC_ARRAY(double, s->question.n);
	size_t *category = FC_ARRAY(size_t, s->question.n), n = 0;
	*out = (struct eval_contrast){0};
	for (size_t q = 0; q < s->question.n; q++) {
		struct fc_share d = {0}; /* both models' points of the turns rated for both */
		double of_y = 0;
		for (int t = EVAL_TURNS_FIRST; t <= EVAL_TURNS_SECOND; t++) {
			struct fc_share a = x->share[q][t], b = y->share[q][t];
			if (a.den > 0 && b.den > 0) {
				d.num += a.num / a.den;
				of_y += b.num / b.den;
				d.den += 1;
			}
		}
		if (d.den == 0)
			continue;
		num[2 * n] = d.num;
		num[2 * n + 1] = of_y;
		gap[n] = d.num - of_y;
		category[n] = s->category_of ? s->category_of[q] : 0;
		den[n++] = d.den;
		out->n_row += (size_t)d.den;
	}
	const struct eval_paired p = {.n_item = n,
	    .n_stream = 2,
	    .n_arm = 2,
	    .den = den,
	    .num = num,
	    .arm = arm,
	    .stratum = category};
	struct eval_paired_result r[2];
	eval_paired(&p, 1, seed, n_resample, r);
	out->n_question = n;
	out->difference = r[0].difference;
	out->interval = r[0].difference_interval;
	out->detectable = r[0].detectable;
	out->n_better = r[0].n_better;
	out->n_worse = r[0].n_worse;
	out->n_equal = r[0].n_equal;
	out->p_permutation = n ? eval_contrast_permutation_test(gap, n, seed, n_resample) : NAN;
	out->p_sign = eval_significance_sign(out->n_better, out->n_better + out->n_worse);
	free(den);
	free(num);
	free(gap);
	free(category);
}
