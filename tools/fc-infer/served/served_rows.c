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
		m->item[(*n)++] = (struct rows_item){(float)entry->logprob, id};
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
	if (gather(m, r, t, &n, e) < 0)
		return -1;
	double truth = t->logprob;
	for (size_t i = 0; i < n && isnan(truth); i++)
		if (m->item[i].id == tok)
			truth = (double)m->item[i].logprob;
	if (!n) /* TGI says no more of a prompt */
		m->item[n++] = (struct rows_item){(float)truth, tok};
	if (n > m->top_k)
		n = m->top_k;
	FC_GROW(m->id, m->cap_id, n + 1);
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
