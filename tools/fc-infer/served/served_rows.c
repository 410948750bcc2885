/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/served/served_rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

struct rows_item {
	float logprob;
	uint32_t id;
};

static int falling(const void *a, const void *b)
{
	const struct rows_item *p = a, *q = b;
	if (p->logprob != q->logprob)
		return p->logprob < q->logprob ? 1 : -1;
	return p->id < q->id ? -1 : p->id > q->id;
}

/* An id of a later entry is the same token by another string: the likelier one is it. */
static size_t drop_doubled(struct rows_item *item, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		size_t j = 0;
		while (j < kept && item[j].id != item[i].id)
			j++;
		if (j == kept)
			item[kept++] = item[i];
	}
	return kept;
}

/* The least that a stream has; a probability of 0 has no logarithm, and is -9999 to vLLM and the
 * least float to llama.cpp. */
static const double LEAST = -65504;

static int by_id(const void *a, const void *b)
{
	const uint32_t p = *(const uint32_t *)a, q = *(const uint32_t *)b;
	return p < q ? -1 : p > q;
}

/* What no distribution has: a token twice, probabilities above 1 in sum, or for the token that
 * follows another one than in its entry.  id: [n], room to sort. */
static int check_row(const struct rows_item *item, size_t n, uint32_t *id, uint32_t tok,
    double truth, struct fc_err *e)
{
	const double most = 1.001; /* as fc_check_rows() has it, before it rounds */
	const double room = 0.01;  /* bfloat16 has 8 bits */
	double sum = 0;
	for (size_t i = 0; i < n; i++) {
		const double logprob = (double)item[i].logprob;
		id[i] = item[i].id;
		sum += exp(logprob);
		if (id[i] == tok && fabs(logprob - truth) > room * (1 + fabs(truth)))
			return fc_fail(e,
			    "the token %" PRIu32
			    " has the log-probability %.5g, and %.5g among the "
			    "likeliest",
			    tok, truth, logprob);
	}
	if (n)
		qsort(id, n, sizeof *id, by_id);
	for (size_t i = 1; i < n; i++)
		if (id[i] == id[i - 1])
			return fc_fail(e, "the id %" PRIu32 " stands there twice", id[i]);
	if (sum > most)
		return fc_fail(e, "its %zu entries have a probability of %.5g together", n, sum);
	return 0;
}

static int gather(
    struct rows *m, const struct reply *r, const struct reply_token *t, size_t *n, struct fc_err *e)
{
	bool by_text = false;
	*n = 0;
	FC_GROW(m->item, m->cap, t->n_entry + 1);
	for (size_t i = 0; i < t->n_entry; i++) {
		const struct reply_entry *entry = &r->entry[t->first + i];
		const uint32_t id = infer_words_find(m->words, r, &entry->word);
		by_text = by_text || entry->word.id == FC_NO_TOKEN;
		if (id == FC_NO_TOKEN) {
			m->count.n_unknown++;
			continue;
		}
		if (id >= m->n_output)
			return fc_fail(e,
			    "an entry has the id %" PRIu32 ", the tokenizer's are below %zu: it is "
			    "another model's",
			    id, m->n_output);
		m->item[(*n)++] = (struct rows_item){(float)fmax(entry->logprob, LEAST), id};
	}
	if (*n)
		qsort(m->item, *n, sizeof *m->item, falling);
	if (by_text)
		*n = drop_doubled(m->item, *n);
	return 0;
}

static int add_row(struct rows *m, struct fc_example *x, size_t token, const struct reply *r,
    const struct reply_token *t, struct fc_err *e)
{
	const uint32_t tok = x->tok[token];
	size_t n;
	struct fc_err why;
	if (gather(m, r, t, &n, e) < 0)
		return -1;
	double truth = fmax(t->logprob, LEAST);
	FC_GROW(m->id, m->cap_id, n + 1);
	if (check_row(m->item, n, m->id, tok, truth, &why) < 0)
		return fc_fail(e,
		    "the distribution of token %zu of the text is none of the model at temperature "
		    "1: %s",
		    token, why.msg);
	if (!n && fc_example_trained(x, token))
		m->count.n_alone++;
	if (!n) /* TGI says no more of a prompt */
		m->item[n++] = (struct rows_item){(float)truth, tok};
	if (n > m->top_k)
		n = m->top_k;
	FC_GROW(m->logprob, m->cap_logprob, n + 1);
	for (size_t i = 0; i < n; i++)
		m->id[i] = m->item[i].id, m->logprob[i] = m->item[i].logprob;
	fc_example_add_row(x, (uint32_t)token, n, m->id, m->logprob, (float)truth);
	if (fc_example_trained(x, token)) {
		x->nll -= truth;
		x->n_label++;
		x->label_bytes += x->end[token] - fc_example_start(x, token);
	}
	return 0;
}

int infer_rows_add(struct rows *m, struct fc_example *x, const struct place *p,
    const struct reply *r, struct fc_err *e)
{
	for (size_t t = 0; t < x->n_tok; t++)
		m->count.n_trained += fc_example_trained(x, t);
	m->count.n_beyond += p->n_beyond;
	for (size_t i = 0; i < p->n; i++) {
		const size_t token = p->token + i;
		const struct reply_token *t = &r->token[p->reply + i];
		m->count.n_silent +=
		    token && !t->has_row && t->n_entry && fc_example_trained(x, token);
		if (token == 0 || !t->has_row || (!m->all_rows && !fc_example_trained(x, token)))
			continue;
		if (add_row(m, x, token, r, t, e) < 0)
			return -1;
	}
	x->nll = fmax(x->nll, 0);
	size_t row = 0;
	for (size_t t = 0; t < x->n_tok; t++) {
		while (row < x->n_row && x->row_tok[row] < t)
			row++;
		m->count.n_missing +=
		    fc_example_trained(x, t) && !(row < x->n_row && x->row_tok[row] == t);
	}
	return 0;
}

void infer_rows_release(struct rows *m)
{
	free(m->item);
	free(m->id);
	free(m->logprob);
}
