/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/fuse/mixture.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-align/apply/rowsum.h"

double align_mixture_ce(const struct fc_example *x, enum align_ce_unit unit)
{
	uint32_t n = unit == ALIGN_CE_BYTE ? x->label_bytes : x->n_label;
	return n ? x->nll / n : NAN;
}

size_t align_mixture_least(const double *ce, size_t n)
{
	size_t best = 0;
	for (size_t i = 1; i < n; i++)
		if (ce[i] < ce[best] || (isnan(ce[best]) && !isnan(ce[i])))
			best = i;
	return best;
}

void align_mixture_weights(const double *ce, size_t n, double *w)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++) {
		/* rewards 1 / exp(ce) lie in (0, 1]: their exponentials need no shift */
		w[i] = isnan(ce[i]) ? 0 : exp(exp(-ce[i]));
		sum += w[i];
	}
	for (size_t i = 0; i < n; i++)
		w[i] = sum > 0 ? w[i] / sum : 1.0 / (double)n;
}

struct align_mixture {
	size_t top_k;
	bool with_true;
	struct align_rowsum *sum;
	size_t *at; /* [n] next row of each candidate */
};

struct align_mixture *align_mixture_new(size_t n_output, size_t n, size_t top_k, bool with_true)
{
	struct align_mixture *m = FC_NEW(struct align_mixture);
	m->top_k = top_k;
	m->with_true = with_true;
	m->sum = align_rowsum_new(n_output);
	m->at = FC_ARRAY(size_t, n);
	return m;
}

void align_mixture_free(struct align_mixture *m)
{
	if (!m)
		return;
	align_rowsum_free(m->sum);
	free(m->at);
	free(m);
}

static void add_row(struct align_mixture *m, const struct fc_example *x, size_t r, double w)
{
	for (size_t i = x->row_off[r]; i < x->row_off[r + 1]; i++)
		align_rowsum_add(m->sum, x->entry_id[i], w * exp(x->entry_logprob[i]));
}

/* truth: log-probability of the true token */
static void put_row(struct align_mixture *m, uint32_t tok, double truth, struct fc_example *out)
{
	const uint32_t *id;
	const float *logprob;
	const double p = exp(truth);
	float truth_f = fminf((float)truth, 0);
	/* a probability that no float has cannot be an entry */
	if (m->with_true && p >= (double)FLT_MIN) {
		align_rowsum_set(m->sum, out->tok[tok], fmin(p, 1));
		truth_f = fminf(logf((float)p), 0); /* as align_rowsum_finish() has it */
	}
	size_t n = align_rowsum_finish(m->sum, 1, m->top_k, &id, &logprob);
	fc_example_add_row(out, tok, n, id, logprob, truth_f);
}

/* A row that only one candidate has goes over bit for bit. */
static void copy_row(
    struct align_mixture *m, const struct fc_example *x, size_t r, struct fc_example *out)
{
	size_t off = x->row_off[r], n = x->row_off[r + 1] - off;
	fc_example_add_row(out, x->row_tok[r], n < m->top_k ? n : m->top_k, x->entry_id + off,
	    x->entry_logprob + off, x->true_logprob[r]);
}

static bool has_row(const struct fc_example *x, size_t r, uint32_t tok)
{
	return r < x->n_row && x->row_tok[r] == tok;
}

static void mix_token(struct align_mixture *m, const struct fc_example *const *candidate, size_t n,
    const double *w, uint32_t tok, struct fc_example *out)
{
	size_t n_with = 0, only = 0;
	double sum = 0, p_true = 0, most = -INFINITY;
	for (size_t i = 0; i < n; i++) {
		if (!has_row(candidate[i], m->at[i], tok) || w[i] <= 0)
			continue;
		n_with++;
		only = i;
		sum += w[i];
		most = fmax(most, (double)candidate[i]->true_logprob[m->at[i]]);
	}
	if (n_with == 1)
		copy_row(m, candidate[only], m->at[only], out);
	if (n_with < 2)
		return;
	align_rowsum_begin(m->sum);
	for (size_t i = 0; i < n; i++) {
		if (!has_row(candidate[i], m->at[i], tok) || w[i] <= 0)
			continue;
		add_row(m, candidate[i], m->at[i], w[i] / sum);
		/* relative to the largest: it may be below what exp() can say */
		p_true += w[i] / sum * exp((double)candidate[i]->true_logprob[m->at[i]] - most);
	}
	put_row(m, tok, most + log(p_true), out);
}

void align_mixture_example(struct align_mixture *m, const struct fc_example *const *candidate,
    size_t n, const double *w, struct fc_example *out)
{
	memset(m->at, 0, n * sizeof *m->at);
	out->nll = 0;
	out->n_label = 0;
	out->label_bytes = 0;
	for (uint32_t t = 1; t < out->n_tok; t++) {
		size_t before = out->n_row;
		mix_token(m, candidate, n, w, t, out);
		for (size_t i = 0; i < n; i++)
			m->at[i] += has_row(candidate[i], m->at[i], t);
		if (out->n_row == before || !fc_example_trained(out, t))
			continue;
		out->nll -= out->true_logprob[before];
		out->n_label++;
		out->label_bytes += out->end[t] - fc_example_start(out, t);
	}
}

void align_mixture_truncate(struct fc_example *x, size_t top_k)
{
	size_t to = 0, from = 0;
	for (size_t r = 0; r < x->n_row; r++) {
		size_t n = x->row_off[r + 1] - from, keep = n < top_k ? n : top_k;
		memmove(x->entry_id + to, x->entry_id + from, keep * sizeof *x->entry_id);
		memmove(x->entry_logprob + to, x->entry_logprob + from,
		    keep * sizeof *x->entry_logprob);
		from += n;
		to += keep;
		x->row_off[r + 1] = (uint32_t)to;
	}
}
