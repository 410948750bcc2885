/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/head_row.h"

#include <math.h>

#include "nn/cpu/head_objective.h"

size_t fc_head_row_bytes(size_t n)
{
	const size_t bytes = 5 * (n + 1) * sizeof(double) + n * sizeof(float);
	return (bytes + sizeof(double) - 1) / sizeof(double) * sizeof(double);
}

void fc_head_row_place(struct fc_head_row *r, void *memory)
{
	r->log_q = memory;
	r->log_p = r->log_q + r->n + 1;
	r->slope = r->log_p + r->n + 1;
	r->scratch = r->slope + r->n + 1;
	r->z = (float *)(r->scratch + 2 * (r->n + 1));
}

/* log_q = logprob / temperature, divided by the sum of probabilities */
static void renormalise(const struct fc_head_row *r, double temperature)
{
	double most = -INFINITY, sum = 0;
	for (size_t k = 0; k < r->n; k++) {
		r->log_q[k] = (double)r->logprob[k] / temperature;
		most = r->log_q[k] > most ? r->log_q[k] : most;
	}
	for (size_t k = 0; k < r->n; k++)
		sum += exp(r->log_q[k] - most);
	for (size_t k = 0; k < r->n; k++)
		r->log_q[k] -= most + log(sum);
}

/* With what is not listed as the last category, if there is such. */
static void add_tail(const struct fc_head_row *r, bool tail)
{
	const double least = -126 * log(2);
	double sum = 0, doubt = 0x1p-24, rest = 0;
	for (size_t k = 0; k < r->n; k++) {
		const double log_q = (double)r->logprob[k] > least ? (double)r->logprob[k] : least;
		const double q = exp(log_q);
		r->log_q[k] = log_q;
		sum += q;
		doubt -= 0x1p-12 * q * log_q;
	}
	if (tail) {
		rest = 1 - sum > doubt ? 1 - sum : doubt;
		r->log_q[r->n] = log(rest);
	}
	for (size_t k = 0; k < r->n + tail; k++)
		r->log_q[k] -= log(sum + rest);
}

/* Less than this part of a sum is not made by taking the others away from it. */
#define SMALL 0x1p-8
/* Beside terms of this size, those of the order of p of the tail are nothing. */
#define NOTHING 0x1p-60

struct rest {
	float shift; /* the model's probability of what is not listed: */
	double sum;  /* sum exp(z - shift) over it */
};

static struct rest sum_rest(const struct fc_head_row *r, const struct fc_kern *kern, float *z,
    size_t V, const struct fc_head_norm *norm)
{
	struct rest rest = {norm->max, 0};
	double listed = 0;
	for (size_t k = 0; k < r->n; k++)
		listed += exp((double)(r->z[k] - norm->max));
	rest.sum = norm->sum - listed;
	if (rest.sum > SMALL * norm->sum)
		return rest;
	for (size_t k = 0; k < r->n; k++)
		z[r->id[k]] = -INFINITY;
	rest.shift = kern->max(z, V);
	rest.sum = kern->exp_sum(z, rest.shift, V);
	for (size_t k = 0; k < r->n; k++)
		z[r->id[k]] = r->z[k];
	return rest;
}

/* The factor for a tail with that slope. */
static void set_factor(struct fc_head_slope *s, const struct rest *rest, double log_p, double slope,
    const struct fc_head_norm *norm)
{
	s->shift = norm->max;
	s->factor = (slope / exp(log_p) - s->sum) / norm->sum;
	if (log_p > log(NOTHING))
		return;
	s->shift = rest->shift;
	s->factor = slope / rest->sum;
}

double fc_head_row_loss(const struct fc_head_row *r, const struct fc_objective *o,
    const struct fc_kern *kern, float *z, size_t V, const struct fc_head_norm *norm,
    struct fc_head_slope *s)
{
	const bool tail = o->rule == FC_ROW_TAIL && r->n < V;
	struct fc_objective plain = *o;
	struct rest rest;
	for (size_t k = 0; k < r->n; k++) {
		r->z[k] = z[r->id[k]];
		r->log_p[k] = fc_head_logprob(norm, r->z[k]);
		r->log_q[k] = (double)r->logprob[k];
	}
	if (o->rule == FC_ROW_TAIL)
		add_tail(r, tail);
	else
		plain.temperature = 1;
	if (o->rule == FC_ROW_RENORMALISED)
		renormalise(r, o->temperature);
	if (tail) {
		rest = sum_rest(r, kern, z, V, norm);
		r->log_p[r->n] = (double)(rest.shift - norm->max) + log(rest.sum) - norm->log_sum;
	}
	const double loss =
	    fc_divergence(&plain, r->n + tail, r->log_q, r->log_p, r->slope, r->scratch);
	s->sum = 0;
	for (size_t k = 0; k < r->n + tail; k++)
		s->sum += r->slope[k];
	s->shift = norm->max;
	s->factor = -s->sum / norm->sum;
	if (tail)
		set_factor(s, &rest, r->log_p[r->n], r->slope[r->n], norm);
	return loss;
}
