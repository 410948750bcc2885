/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/row_divergence.h"

#include "base/rng.h"
#include "t.h"

enum { V = 12 };

/* One row with the k most likely of p [V]; the true token is the last one of the vocabulary. */
static void make(struct fc_example *x, const double *p, size_t k)
{
	uint32_t id[V];
	float logprob[V];
	fc_example_clear(x);
	fc_example_add_token(x, 0, 0, 0);
	fc_example_add_token(x, V - 1, 1, FC_TOK_TRAINED);
	for (uint32_t i = 0; i < V; i++)
		id[i] = i;
	for (size_t i = 0; i < V; i++)
		for (size_t j = i + 1; j < V; j++)
			if (p[id[j]] > p[id[i]]) {
				const uint32_t t = id[i];
				id[i] = id[j];
				id[j] = t;
			}
	for (size_t i = 0; i < V; i++)
		logprob[i] = (float)log(p[id[i]]);
	fc_example_add_row(x, 1, k, id, logprob, (float)log(p[V - 1]));
}

static void draw(double *p, struct fc_rng *rng)
{
	double sum = 0;
	for (size_t i = 0; i < V; i++)
		sum += p[i] = exp(2 * fc_rng_normal(rng));
	for (size_t i = 0; i < V; i++)
		p[i] /= sum;
}

static bool told(const struct fc_example *x, uint32_t id)
{
	for (uint32_t i = 0; i < x->row_off[1]; i++)
		if (x->entry_id[i] == id)
			return true;
	return id == V - 1;
}

/* What is claimed, computed from the whole distributions: one cell for all that one row does not
 * tell; and every row's tail in even shares. */
static void slow(const double *p, const double *q, const struct fc_example *x,
    const struct fc_example *y, double *exact, double *merged, double *even)
{
	double rest_p = 0, rest_q = 0, tail_p = 0, tail_q = 0, n_p = 0, n_q = 0;
	*exact = *merged = *even = 0;
	for (uint32_t i = 0; i < V; i++) {
		*exact += p[i] * log(p[i] / q[i]);
		tail_p += told(x, i) ? 0 : p[i];
		tail_q += told(y, i) ? 0 : q[i];
		n_p += !told(x, i);
		n_q += !told(y, i);
		if (told(x, i) && told(y, i))
			*merged += p[i] * log(p[i] / q[i]);
		else {
			rest_p += p[i];
			rest_q += q[i];
		}
	}
	if (rest_p > 0)
		*merged += rest_p * log(rest_p / rest_q);
	for (uint32_t i = 0; i < V; i++) {
		const double a = told(x, i) ? p[i] : tail_p / n_p;
		const double b = told(y, i) ? q[i] : tail_q / n_q;
		*even += a * log(a / b);
	}
}

int main(void)
{
	struct eval_divergence_scratch s = {0};
	struct fc_example x, y;
	struct fc_rng rng;
	double p[V], q[V], exact, merged, even;
	bool same = true, bound = true, whole = true, zero = true, agree = true;
	fc_rng_seed(&rng, 3);
	fc_example_init(&x);
	fc_example_init(&y);
	for (int i = 0; i < 500; i++) {
		const size_t k = 1 + fc_rng_below(&rng, V), l = 1 + fc_rng_below(&rng, V);
		draw(p, &rng);
		draw(q, &rng);
		make(&x, p, k);
		make(&y, q, l);
		slow(p, q, &x, &y, &exact, &merged, &even);
		const struct eval_divergence d = eval_divergence_of(&x, 0, &y, 0, V, &s);
		same = same && t_near(d.at_least, merged, 1e-4) && t_near(d.even, even, 1e-4);
		bound = bound && d.at_least <= exact + 1e-5 && d.at_least <= d.even + 1e-5;
		whole = whole && (k < V || l < V || t_near(d.even, exact, 1e-5));
		agree = agree && d.agree == (x.entry_id[0] == y.entry_id[0]);
		const struct eval_divergence own = eval_divergence_of(&x, 0, &x, 0, V, &s);
		zero = zero && fabs(own.even) < 1e-6 && fabs(own.at_least) < 1e-6 && own.agree;
	}
	T_OK(same, "both are what their definitions give, slowly");
	T_OK(bound, "the bound is one");
	T_OK(whole, "whole rows give the divergence");
	T_OK(zero, "a row against itself: 0");
	T_OK(agree, "agreement on the likeliest token");
	eval_divergence_release(&s);
	fc_example_release(&x);
	fc_example_release(&y);
	return t_done();
}
