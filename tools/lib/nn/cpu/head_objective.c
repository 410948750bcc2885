/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/head_objective.h"

#include <math.h>

#include "base/mem.h"

const char *const fc_loss_words[] = {[FC_LOSS_KL] = "kl",
    [FC_LOSS_CE] = "ce",
    [FC_LOSS_REVERSE_KL] = "reverse-kl",
    [FC_LOSS_JSD] = "jsd",
    [FC_LOSS_SKEW_KL] = "skew-kl",
    [FC_LOSS_SKEW_REVERSE_KL] = "skew-reverse-kl",
    NULL};
_Static_assert(FC_LEN(fc_loss_words) == FC_LOSS_N + 1, "a word each");

const char *const fc_row_rule_words[] = {
    [FC_ROW_TAIL] = "tail", [FC_ROW_RENORMALISED] = "renormalise", NULL};
_Static_assert(FC_LEN(fc_row_rule_words) == FC_ROW_SAMPLED + 1, "a word each");

/* log(exp(a) + exp(b)) */
static double log_add(double a, double b)
{
	const double hi = a > b ? a : b, lo = a > b ? b : a;
	return isinf(hi) ? hi : hi + log1p(exp(lo - hi));
}

/* log(w exp(a) + (1 - w) exp(b)) */
static double log_mix(double w, double a, double b)
{
	return log_add(log(w) + a, log1p(-w) + b);
}

/* x log y, where 0 times any logarithm is 0 */
static double times(double x, double log_y)
{
	return x > 0 ? x * log_y : 0;
}

struct term {
	double loss, slope; /* slope: p times the derivative by p */
};

/* One category's part.  a: the objective's skew. */
static struct term term_of(enum fc_loss_kind kind, double a, double log_q, double log_p)
{
	const double q = exp(log_q), p = exp(log_p);
	double m;
	switch (kind) {
	case FC_LOSS_CE:
		return (struct term){-times(q, log_p), -q};
	case FC_LOSS_KL:
		return (struct term){times(q, log_q - log_p), -q};
	case FC_LOSS_REVERSE_KL:
		return (struct term){times(p, log_p - log_q), times(p, log_p - log_q + 1)};
	case FC_LOSS_JSD:
		m = log_mix(a, log_q, log_p);
		return (struct term){a * times(q, log_q - m) + (1 - a) * times(p, log_p - m),
		    (1 - a) * times(p, log_p - m)};
	case FC_LOSS_SKEW_KL:
		m = log_mix(a, log_q, log_p);
		return (struct term){times(q, log_q - m), -(1 - a) * times(q, exp(log_p - m))};
	default: /* FC_LOSS_SKEW_REVERSE_KL */
		m = log_mix(a, log_p, log_q);
		return (struct term){
		    times(p, log_p - m), times(p, log_p - m + 1 - a * exp(log_p - m))};
	}
}

/* to = log(x^(1/T) / sum x^(1/T)) */
static void temper(double *to, const double *log_x, double temperature, size_t n)
{
	double most = -INFINITY, sum = 0;
	for (size_t c = 0; c < n; c++) {
		to[c] = log_x[c] / temperature;
		most = to[c] > most ? to[c] : most;
	}
	for (size_t c = 0; c < n; c++)
		sum += exp(to[c] - most);
	for (size_t c = 0; c < n; c++)
		to[c] -= most + log(sum);
}

double fc_divergence(const struct fc_objective *o, size_t n, const double *log_q,
    const double *log_p, double *slope, double *scratch)
{
	const double T = o->temperature;
	double loss = 0, sum = 0;
	if (T != 1) {
		temper(scratch, log_q, T, n);
		temper(scratch + n, log_p, T, n);
		log_q = scratch;
		log_p = scratch + n;
	}
	for (size_t c = 0; c < n; c++) {
		const struct term t = term_of(o->kind, o->skew, log_q[c], log_p[c]);
		loss += t.loss;
		slope[c] = t.slope;
		sum += t.slope;
	}
	/* d log(tempered p[c]) / d log(p[d]) = ([c = d] - tempered p[d]) / T */
	for (size_t c = 0; T != 1 && c < n; c++)
		slope[c] = T * (slope[c] - exp(log_p[c]) * sum);
	return T * T * loss;
}
