/* SPDX-License-Identifier: Apache-2.0 */
#include "model/sample.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

struct candidate {
	double p; /* relative to the most likely: exp((logit - max) / temperature) */
	uint32_t id;
};

static bool is_likelier(const struct candidate *a, const struct candidate *b)
{
	return a->p > b->p || (a->p == b->p && a->id < b->id);
}

/* Restores the heap whose root is the best of v[i, n) below i. */
static void sift_down(struct candidate *v, size_t n, size_t i)
{
	for (;;) {
		size_t best = i, l = 2 * i + 1;
		if (l < n && is_likelier(&v[l], &v[best]))
			best = l;
		if (l + 1 < n && is_likelier(&v[l + 1], &v[best]))
			best = l + 1;
		if (best == i)
			return;
		const struct candidate t = v[i];
		v[i] = v[best];
		v[best] = t;
		i = best;
	}
}

/* Moves the best of the heap v[0, n) to v[n - 1]. */
static void pop_likeliest(struct candidate *v, size_t n)
{
	const struct candidate t = v[0];
	v[0] = v[n - 1];
	v[n - 1] = t;
	sift_down(v, n - 1, 0);
}

/* The kept candidates end up at the end of v, the best last; returns their number and mass.  Only
 * what is kept gets sorted. */
static size_t truncate_candidates(
    struct candidate *v, size_t n, const struct fc_sampling *s, double *mass)
{
	const size_t k = s->top_k > 0 && (size_t)s->top_k < n ? (size_t)s->top_k : n;
	double total = 0;
	size_t kept = 0;
	for (size_t i = n / 2; i-- > 0;)
		sift_down(v, n, i);
	if (k == n) {
		for (size_t i = 0; i < n; i++)
			total += v[i].p;
	} else {
		for (size_t i = 0; i < k; i++)
			pop_likeliest(v, n - i);
		for (size_t i = 0; i < k; i++)
			total += v[n - 1 - i].p;
	}
	for (*mass = 0; kept < k && (kept == 0 || *mass < s->top_p * total); kept++) {
		if (k == n)
			pop_likeliest(v, n - kept);
		if (v[n - 1 - kept].p < s->min_p * v[n - 1].p)
			break;
		*mass += v[n - 1 - kept].p;
	}
	return kept;
}

static uint32_t draw_candidate(const struct candidate *v, size_t n, double mass, struct fc_rng *rng)
{
	double left = fc_rng_unit(rng) * mass;
	for (size_t i = n; i-- > 1;) {
		left -= v[i].p;
		if (left < 0)
			return v[i].id;
	}
	return v[0].id;
}

void fc_sample_penalize(float *logits, const uint32_t *id, size_t n, double penalty)
{
	for (size_t i = 0; i < n; i++) {
		float *z = &logits[id[i]];
		*z = (float)(*z > 0 ? *z / penalty : *z * penalty);
	}
}

uint32_t fc_sample(
    const float *logits, size_t n_vocab, const struct fc_sampling *s, struct fc_rng *rng)
{
	size_t best = 0;
	for (size_t i = 0; i < n_vocab; i++) {
		if (isnan(logits[i]))
			return FC_NO_TOKEN;
		if (logits[i] > logits[best])
			best = i;
	}
	if (!n_vocab || !isfinite(logits[best]))
		return FC_NO_TOKEN;
	if (s->temperature <= 0)
		return (uint32_t)best;
	struct candidate *v = FC_ARRAY(struct candidate, n_vocab);
	size_t n = 0;
	double mass = 0;
	for (size_t i = 0; i < n_vocab; i++) {
		const double p = exp(((double)logits[i] - (double)logits[best]) / s->temperature);
		if (p > 0)
			v[n++] = (struct candidate){p, (uint32_t)i};
	}
	size_t kept = n;
	if (s->top_k > 0 || s->top_p < 1 || s->min_p > 0)
		kept = truncate_candidates(v, n, s, &mass);
	else
		for (size_t i = 0; i < n; i++)
			mass += v[i].p;
	uint32_t id = draw_candidate(v + n - kept, kept, mass, rng);
	free(v);
	return id;
}
