/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/contrast.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"

enum { EXACT_MAX = 16 }; /* questions: 65536 sign patterns */

double eval_contrast_sign_test(size_t k, size_t n)
{
	size_t tail = k < n - k ? k : n - k;
	if (n == 0 || 2 * tail == n)
		return 1;
	double sum = 0, all = lgamma((double)n + 1) - (double)n * log(2);
	for (size_t i = 0; i <= tail; i++)
		sum += exp(all - lgamma((double)i + 1) - lgamma((double)(n - i) + 1));
	return fmin(1, 2 * sum);
}

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
	struct eval_share *share = FC_ARRAY(struct eval_share, s->question.n);
	double *sum = FC_ARRAY(double, s->question.n), total = 0;
	*out = (struct eval_contrast){0};
	for (size_t q = 0; q < s->question.n; q++) {
		struct eval_share d = {0};
		for (int t = EVAL_TURNS_FIRST; t <= EVAL_TURNS_SECOND; t++) {
			struct eval_share a = x->share[q][t], b = y->share[q][t];
			if (a.den > 0 && b.den > 0) {
				d.num += a.num / a.den - b.num / b.den;
				d.den += 1;
			}
		}
		if (d.den == 0)
			continue;
		share[out->n_question] = d;
		sum[out->n_question++] = d.num;
		out->n_row += (size_t)d.den;
		total += d.num;
		out->n_better += d.num > 0;
		out->n_worse += d.num < 0;
		out->n_equal += d.num == 0;
	}
	out->difference = out->n_row ? total / (double)out->n_row : NAN;
	eval_bootstrap(share, out->n_question, 1, seed, n_resample, &out->interval);
	out->p_permutation = out->n_question
	    ? eval_contrast_permutation_test(sum, out->n_question, seed, n_resample)
	    : NAN;
	out->p_sign = eval_contrast_sign_test(out->n_better, out->n_better + out->n_worse);
	free(share);
	free(sum);
}
