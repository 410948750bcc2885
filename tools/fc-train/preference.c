/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/preference.h"

#include <math.h>

double train_preference_beta(enum train_preference kind)
{
	static const double beta[] = {0, 0.1, 10, 0.01, 2.5};
	return beta[kind];
}

static bool divides_by_length(enum train_preference kind)
{
	return kind == TRAIN_PREFERENCE_LN_DPO || kind == TRAIN_PREFERENCE_INFIFPO;
}

/* log(1 + exp(x)) = -log s(-x) */
static double softplus(double x)
{
	return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static double logistic(double x)
{
	const double small = exp(-fabs(x));
	return x >= 0 ? 1 / (1 + small) : small / (1 + small);
}

static double mean_logprob(const struct train_reference *r)
{
	return r->logprob / r->n;
}

/* A source's log-probability of a token, no worse a reference than the model at the start. */
static double clipped_logprob(const struct train_reference *source, double start, bool chosen)
{
	return chosen ? fmax(mean_logprob(source), start) : fmin(mean_logprob(source), start);
}

/* InfiFPO's reference.  now: the log-probability of a token under the model in training. */
static double fused_reference(
    const struct train_side *s, enum train_fusion fusion, double now, bool chosen)
{
	const double start = mean_logprob(&s->ref[0]);
	double sum = 0, far = -1;
	size_t farthest = 1;
	for (size_t i = 1; i < s->n_ref; i++) {
		const double distance = fabs(exp(mean_logprob(&s->ref[i])) - exp(now));
		sum += clipped_logprob(&s->ref[i], start, chosen);
		if (distance > far) {
			far = distance;
			farthest = i;
		}
	}
	return fusion == TRAIN_FUSION_MEAN ? sum / (double)(s->n_ref - 1)
					   : clipped_logprob(&s->ref[farthest], start, chosen);
}

/* R(y) */
static double log_ratio(
    const struct train_preference_opts *o, const struct train_side *s, bool chosen)
{
	switch (o->kind) {
	case TRAIN_PREFERENCE_LN_DPO:
		return s->logprob / s->n - mean_logprob(&s->ref[0]);
	case TRAIN_PREFERENCE_INFIFPO:
		return s->logprob / s->n - fused_reference(s, o->fusion, s->logprob / s->n, chosen);
	default:
		return s->logprob - s->ref[0].logprob;
	}
}

struct train_pair_loss train_preference_loss(
    const struct train_preference_opts *o, const struct train_side side[TRAIN_SIDES], double alpha)
{
	const bool wrpo = o->kind == TRAIN_PREFERENCE_WRPO;
	/* d (h / beta) / d R of each side */
	const double part[TRAIN_SIDES] = {wrpo ? 1 - alpha : 1, -1, wrpo ? alpha : 0};
	struct train_pair_loss l = {0};
	double margin;
	for (int i = 0; i < (wrpo ? TRAIN_SIDES : TRAIN_SOURCE); i++) {
		l.reward[i] = o->beta * log_ratio(o, &side[i], i != TRAIN_REJECTED);
		l.chosen += i == TRAIN_REJECTED ? 0 : part[i] * l.reward[i];
	}
	margin = l.chosen - l.reward[TRAIN_REJECTED];
	l.loss = (1 - o->smoothing) * softplus(-margin) + o->smoothing * softplus(margin);
	const double slope =
	    o->smoothing * logistic(margin) - (1 - o->smoothing) * logistic(-margin);
	for (int i = 0; i < (wrpo ? TRAIN_SIDES : TRAIN_SOURCE); i++)
		l.slope[i] =
		    slope * o->beta * part[i] / (divides_by_length(o->kind) ? side[i].n : 1);
	return l;
}
