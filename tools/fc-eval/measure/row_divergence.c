/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/row_divergence.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

struct eval_known { /* a token whose probability a row tells */
	uint32_t id;
	double logprob;
};

void eval_divergence_release(struct eval_divergence_scratch *s)
{
	free(s->p);
	free(s->q);
	*s = (struct eval_divergence_scratch){0};
}

static int by_id(const void *a, const void *b)
{
	const struct eval_known *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* The tokens that row r tells, by id; the true token is among them.  Returns their number. */
static size_t known_tokens(const struct fc_example *x, size_t r, struct eval_known **v, size_t *cap)
{
	const uint32_t first = x->row_off[r], n = x->row_off[r + 1] - first;
	const uint32_t truth = x->tok[x->row_tok[r]];
	bool has_truth = false;
	FC_GROW(*v, *cap, (size_t)n + 1);
	for (uint32_t i = 0; i < n; i++) {
		(*v)[i] = (struct eval_known){x->entry_id[first + i], x->entry_logprob[first + i]};
		has_truth = has_truth || (*v)[i].id == truth;
	}
	if (!has_truth)
		(*v)[n] = (struct eval_known){truth, x->true_logprob[r]};
	qsort(*v, n + !has_truth, sizeof **v, by_id);
	return n + !has_truth;
}

static double tail_mass(double told)
{
	return fmax(1 - told, EVAL_DIVERGENCE_TAIL);
}

static double divergence_term(double p, double log_p, double log_q)
{
	return p > 0 ? p * (log_p - log_q) : 0;
}

static double told_mass(const struct eval_known *v, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += exp(v[i].logprob);
	return sum;
}

struct eval_divergence eval_divergence_of(const struct fc_example *p, size_t rp,
    const struct fc_example *q, size_t rq, size_t n_output, struct eval_divergence_scratch *s)
{
	const size_t np = known_tokens(p, rp, &s->p, &s->cap_p),
		     nq = known_tokens(q, rq, &s->q, &s->cap_q);
	/* a token that a row does not tell has an even share of its tail */
	const double log_u = log(tail_mass(told_mass(s->p, np)) / (double)(n_output - np)),
		     log_w = log(tail_mass(told_mass(s->q, nq)) / (double)(n_output - nq));
	const double u = np < n_output ? exp(log_u) : 0;
	double both_p = 0, both_q = 0, both = 0, only = 0;
	size_t n_union = 0;
	for (size_t i = 0, j = 0; i < np || j < nq; n_union++) {
		if (j == nq || (i < np && s->p[i].id < s->q[j].id)) {
			only += divergence_term(exp(s->p[i].logprob), s->p[i].logprob, log_w);
			i++;
		} else if (i == np || s->q[j].id < s->p[i].id) {
			only += divergence_term(u, log_u, s->q[j].logprob);
			j++;
		} else {
			const double pi = exp(s->p[i].logprob);
			both += divergence_term(pi, s->p[i].logprob, s->q[j].logprob);
			both_p += pi;
			both_q += exp(s->q[j].logprob);
			i++;
			j++;
		}
	}
	struct eval_divergence d = {both, both + only, false};
	if (n_union < n_output)
		d.even += (double)(n_output - n_union) * divergence_term(u, log_u, log_w);
	if (np < n_output || nq < n_output)
		d.at_least += divergence_term(
		    tail_mass(both_p), log(tail_mass(both_p)), log(tail_mass(both_q)));
	d.agree = p->entry_id[p->row_off[rp]] == q->entry_id[q->row_off[rq]];
	return d;
}
