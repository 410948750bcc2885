/* SPDX-License-Identifier: Apache-2.0 */
/* Which experts a token goes to: from logits, which the device makes, on the host. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/ops.h"

/* Scores times experts of a token, from where on threads are worth it. */
enum { MANY = 1 << 16 };

/* The places of the K largest of n scores from first on, descending, equal ones in their order. */
static void find_largest(const double *score, size_t first, size_t n, size_t K, uint32_t *place)
{
	size_t found = 0;
	for (size_t e = first; e < first + n; e++) {
		size_t at = found;
		while (at > 0 && score[e] > score[place[at - 1]])
			at--;
		if (at == K)
			continue;
		found += found < K;
		memmove(place + at + 1, place + at, (found - at - 1) * sizeof *place);
		place[at] = (uint32_t)e;
	}
}

static void set_scores(const struct fc_router *r, const float *logit, size_t E, double *score)
{
	double most = -INFINITY, sum = 0;
	for (size_t e = 0; e < E; e++)
		most = fmax(most, (double)logit[e]);
	for (size_t e = 0; e < E; e++) {
		const double z = (double)logit[e];
		score[e] = r->score == FC_ROUTER_SIGMOID ? 1 / (1 + exp(-z))
		    : r->score == FC_ROUTER_SOFTMAX      ? exp(z - most)
							 : z;
		sum += score[e];
	}
	for (size_t e = 0; r->score == FC_ROUTER_SOFTMAX && e < E; e++)
		score[e] /= sum;
}

/* Experts of other groups than the best get a score that nobody chooses. */
static void keep_groups(const struct fc_router *r, double *score, size_t E)
{
	enum { MOST = FC_ROUTER_GROUPS };
	const size_t n = r->n_group, size = E / n;
	uint32_t place[MOST];
	double sum[MOST];
	bool used[MOST] = {false};
	for (size_t g = 0; g < n; g++) {
		sum[g] = 0;
		find_largest(score, g * size, size, r->n_group_best, place);
		for (size_t i = 0; i < r->n_group_best; i++)
			sum[g] += score[place[i]];
	}
	find_largest(sum, 0, n, r->n_group_used, place);
	for (size_t i = 0; i < r->n_group_used; i++)
		used[place[i]] = true;
	for (size_t e = 0; e < E; e++)
		if (!used[e / size])
			score[e] = -INFINITY;
}

/* What one token's experts are; score: [2 E] to write to. */
static void choose_experts(const struct fc_router *r, const float *logit, size_t E, size_t K,
    double *score, uint32_t *expert, float *weight)
{
	const bool among = r->score == FC_ROUTER_LOGIT;
	double *by = score + E, sum = 0;
	set_scores(r, logit, E, score);
	for (size_t e = 0; e < E; e++)
		by[e] = score[e] + (r->choice ? (double)r->choice[e] : 0);
	if (r->n_group)
		keep_groups(r, by, E);
	find_largest(by, 0, E, K, expert);
	const double first = score[expert[0]];
	for (size_t k = 0; k < K; k++) {
		by[k] = among ? exp(score[expert[k]] - first) : score[expert[k]];
		sum += by[k];
	}
	const double scale = r->scale > 0 ? (double)r->scale : 1;
	for (size_t k = 0; k < K; k++)
		weight[k] = (float)(by[k] * scale / (among || r->normalised ? sum : 1));
}

/* Of a device that computes nothing: all go to the first experts, none twice to one; no other share
 * of tokens takes more memory. */
static void choose_first(size_t N, size_t K, uint32_t *expert, float *weight)
{
	for (size_t i = 0; i < N * K; i++) {
		expert[i] = (uint32_t)(i % K);
		weight[i] = 0;
	}
}

static void choose_all(const struct fc_router *r, const float *logit, size_t N, size_t E, size_t K,
    uint32_t *expert, float *weight)
{
#pragma omp parallel if (N * E * K > MANY)
	{
		double *score = FC_ARRAY(double, 2 * E);
#pragma omp for
		for (size_t n = 0; n < N; n++)
			choose_experts(
			    r, logit + n * E, E, K, score, expert + n * K, weight + n * K);
		free(score);
	}
}

void fc_route(struct fc_nn *nn, const struct fc_router *r, const struct fc_weight *w,
    const float *bias, const float *x, size_t N, size_t K, uint32_t *expert, float *weight)
{
	const size_t E = w->n_out, n = r->n_group;
	assert(K && K <= E);
	assert(!n ||
	    (n <= FC_ROUTER_GROUPS && E % n == 0 && r->n_group_best <= E / n &&
		r->n_group_best <= FC_ROUTER_GROUPS && r->n_group_used <= n &&
		K <= r->n_group_used * (E / n)));
	if (!N)
		return;
	float *logit = FC_ARRAY(float, N *E);
	nn->traffic.n_get++;
	nn->traffic.n_bytes += N * E * sizeof *logit;
	nn->ops->route_logits(nn, w, bias, x, N, logit);
	if (nn->most)
		choose_first(N, K, expert, weight);
	else
		choose_all(r, logit, N, E, K, expert, weight);
	free(logit);
}
