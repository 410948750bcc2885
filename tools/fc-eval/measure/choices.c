/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/choices.h"

#include <math.h>

/* Where the largest value is, the first of equal ones; n: one is NaN. */
static size_t best_choice(
    const struct eval_mc_choice *c, size_t n, double (*value)(const struct eval_mc_choice *))
{
	size_t at = 0;
	for (size_t i = 0; i < n; i++) {
		const double v = value(&c[i]);
		if (isnan(v))
			return n;
		if (v > value(&c[at]))
			at = i;
	}
	return at;
}

static double likelihood(const struct eval_mc_choice *c)
{
	return c->ll;
}

static double per_char(const struct eval_mc_choice *c)
{
	return c->ll / c->n_chars;
}

static double per_byte(const struct eval_mc_choice *c)
{
	return c->ll / c->n_bytes;
}

static double mutual_information(const struct eval_mc_choice *c)
{
	return c->ll - c->ll_alone;
}

static double brier_score(const struct eval_mc_choice *c, size_t n, size_t gold)
{
	const size_t top = best_choice(c, n, likelihood);
	double sum = 0, total = 0;
	if (top == n)
		return NAN;
	for (size_t i = 0; i < n; i++)
		total += exp(c[i].ll - c[top].ll);
	for (size_t i = 0; i < n; i++) {
		const double d = exp(c[i].ll - c[top].ll) / total - (i == gold);
		sum += d * d;
	}
	return sum;
}

void eval_mc_measure(
    const struct eval_mc_choice *c, size_t n, size_t gold, double out[EVAL_MC_COUNT])
{
	double (*const by[])(const struct eval_mc_choice *) = {
	    [EVAL_MC_ACC] = likelihood,
	    [EVAL_MC_ACC_NORM] = per_char,
	    [EVAL_MC_ACC_BYTES] = per_byte,
	    [EVAL_MC_MUTUAL] = mutual_information,
	};
	for (size_t m = EVAL_MC_ACC; m <= EVAL_MC_MUTUAL; m++) {
		const size_t at = best_choice(c, n, by[m]);
		out[m] = at == n ? NAN : at == gold;
	}
	out[EVAL_MC_EXACT] = c[gold].greedy < 0 ? NAN : c[gold].greedy;
	out[EVAL_MC_BRIER] = brier_score(c, n, gold);
}

/* The trained tokens from `first` on, and what their rows say. */
struct told {
	size_t n_token, n_row;
	double nats;
};

static struct told told_from(const struct fc_example *x, size_t first)
{
	struct told d = {0};
	for (size_t t = first ? first : 1; t < x->n_tok; t++)
		d.n_token += fc_example_trained(x, t);
	for (size_t r = 0; r < x->n_row; r++)
		if (x->row_tok[r] >= first && fc_example_trained(x, x->row_tok[r])) {
			d.n_row++;
			d.nats -= (double)x->true_logprob[r];
		}
	return d;
}

/* Is the cross-entropy the sum of these rows, up to their float16 (one part in 2^11, or 2^-25 near
 * 0)?  Else it is what a model said of all tokens of its own. */
static bool is_sum_of(const struct fc_example *x, const struct told *d)
{
	return x->n_label == d->n_row &&
	    fabs(d->nats - x->nll) <= 0x1p-11 * fmax(d->nats, x->nll) + 0x1p-25 * (double)d->n_row;
}

double eval_mc_likelihood(const struct fc_example *x)
{
	size_t last = 0, n_run = 0;
	for (size_t t = 0; t < x->n_tok; t++)
		if (fc_example_trained(x, t) && (t == 0 || !fc_example_trained(x, t - 1))) {
			last = t;
			n_run++;
		}
	const struct told d = told_from(x, n_run > 1 ? last : 0);
	if (d.n_row < d.n_token && (n_run > 1 || is_sum_of(x, &d)))
		return NAN;
	/* the example has only the sum over all answers; its rows have float16's precision */
	return n_run > 1 ? -d.nats : -x->nll;
}
