/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/fuse/devset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void align_devset_init(struct align_devset *d, size_t n)
{
	*d = (struct align_devset){.n = n};
}

void align_devset_release(struct align_devset *d)
{
	free(d->logprob);
	free(d->conv);
	free(d->seen);
	free(d->n_in);
	fc_categories_release(&d->categories);
	*d = (struct align_devset){0};
}

static void see_row(struct align_dev_seen *s, const struct fc_example *x, size_t r)
{
	uint32_t tok = x->tok[x->row_tok[r]];
	s->n_row++;
	for (size_t i = x->row_off[r]; i < x->row_off[r + 1]; i++) {
		s->mass += exp((double)x->entry_logprob[i]);
		s->n_listed += x->entry_id[i] == tok;
	}
}

/* The conversation's number within its category; without categories, of all. */
static size_t count_in(struct align_devset *d, const char *category, size_t *number)
{
	*number = 0;
	if (!category)
		return d->n_conv;
	size_t known = d->categories.n;
	*number = fc_categories_number(&d->categories, category);
	if (*number == known) {
		FC_GROW(d->n_in, d->cap_n_in, known + 1);
		d->n_in[known] = 0;
	}
	return d->n_in[*number]++;
}

/* at: [n] the next row of each, moved past token t.  True where all have one for t: p gets what
 * these give the true token. */
static bool read_token(const struct fc_example *const *x, size_t n, uint32_t t, bool trained,
    size_t *at, struct align_dev_seen *seen, float *p)
{
	size_t n_with = 0;
	for (size_t i = 0; i < n; i++) {
		size_t r = at[i];
		if (r >= x[i]->n_row || x[i]->row_tok[r] != t)
			continue;
		p[i] = x[i]->true_logprob[r];
		at[i]++;
		n_with++;
		if (trained)
			see_row(&seen[i], x[i], r);
	}
	return trained && n_with == n;
}

void align_devset_add(
    struct align_devset *d, const struct fc_example *const *x, const char *category)
{
	struct align_dev_conversation c = {.first = d->n_label};
	size_t *at = FC_ARRAY(size_t, d->n);
	FC_GROW(d->seen, d->cap_seen, (d->n_conv + 1) * d->n);
	struct align_dev_seen *seen = d->seen + d->n_conv * d->n;
	for (size_t i = 0; i < d->n; i++)
		seen[i] = (struct align_dev_seen){
		    .nll = x[i]->nll, .n_label = x[i]->n_label, .label_bytes = x[i]->label_bytes};
	for (uint32_t t = 1; t < x[0]->n_tok; t++) {
		bool trained = fc_example_trained(x[0], t);
		FC_GROW(d->logprob, d->cap_logprob, (d->n_label + 1) * d->n);
		c.n_trained += trained;
		if (!read_token(x, d->n, t, trained, at, seen, d->logprob + d->n_label * d->n))
			continue;
		d->n_label++;
		c.bytes += x[0]->end[t] - fc_example_start(x[0], t);
	}
	c.n = d->n_label - c.first;
	c.fold = (int)(count_in(d, category, &c.category) % 2);
	/* begins with another half in every second category: categories of one conversation are
	 * halved too */
	c.fold ^= (int)(c.category % 2);
	FC_GROW(d->conv, d->cap_conv, d->n_conv + 1);
	d->conv[d->n_conv++] = c;
	free(at);
}

double align_devset_nats(const struct align_devset *d, size_t c, size_t stream)
{
	const struct align_dev_conversation *v = &d->conv[c];
	double sum = 0;
	for (size_t i = v->first; i < v->first + v->n; i++)
		sum -= (double)d->logprob[i * d->n + stream];
	return sum;
}

double align_devset_mixture_nats(
    const struct align_devset *d, size_t c, size_t first, size_t m, const double *w)
{
	const struct align_dev_conversation *v = &d->conv[c];
	double nats = 0;
	for (size_t i = v->first; i < v->first + v->n; i++) {
		const float *p = d->logprob + i * d->n + first;
		double most = -INFINITY, sum = 0;
		for (size_t j = 0; j < m; j++)
			most = w[j] > 0 ? fmax(most, (double)p[j]) : most;
		for (size_t j = 0; j < m; j++)
			sum += w[j] > 0 ? w[j] * exp((double)p[j] - most) : 0;
		nats -= most + log(sum);
	}
	return nats;
}
