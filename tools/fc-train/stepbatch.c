/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/stepbatch.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void add_all(struct train_stepbatch *b, struct train_example *s)
{
	b->n_drawn++;
	for (struct train_example *next; s; s = next) {
		b->n_tok += s->size.n_tok;
		b->n_label += s->size.n_label;
		b->n_taught += s->size.n_taught;
		b->n_row += s->size.n_row;
		FC_GROW(b->example, b->cap, b->n + 1);
		b->example[b->n++] = s;
		next = s->next;
		s->next = NULL; /* each is the batch's own */
	}
}

static void drop_examples(struct train_stepbatch *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->example[i]);
	b->n = b->n_drawn = 0;
	b->weight = NULL;
	b->n_tok = b->n_label = b->n_taught = b->n_row = 0;
}

int train_stepbatch_fill(
    struct train_stepbatch *b, struct train_feed *f, size_t max_tok, struct fc_err *e)
{
	const struct train_example *s;
	int got;
	drop_examples(b);
	while ((got = train_feed_peek(f, &s, e)) == 1) {
		bool new_pass = train_feed_tell(f).taken == 0;
		if (b->n && (new_pass || b->n_tok + train_example_tokens(s) > max_tok))
			break;
		add_all(b, train_feed_take(f));
	}
	return got < 0 ? -1 : b->n > 0;
}

void train_stepbatch_release(struct train_stepbatch *b)
{
	drop_examples(b);
	free(b->example);
	*b = (struct train_stepbatch){0};
}

struct train_weights train_stepbatch_weights(
    const struct train_stepbatch *b, double lambda, enum train_untaught untaught)
{
	if (untaught == TRAIN_UNTAUGHT_WHOLE && b->n_row) {
		double each = 1 / (double)(b->n_row + b->n_label - b->n_taught);
		return (struct train_weights){
		    .label = lambda * each, .untaught = each, .row = (1 - lambda) * each};
	}
	double share = !b->n_row ? 1 : !b->n_label ? 0 : lambda;
	double label = b->n_label ? share / (double)b->n_label : 0;
	return (struct train_weights){
	    .label = label,
	    .untaught = label,
	    .row = b->n_row ? (1 - share) / (double)b->n_row : 0,
	};
}

void train_micro_room(
    struct train_micro *m, size_t n_seq, size_t n_tok, size_t n_target, size_t n_entry)
{
	FC_GROW(m->tok, m->cap_tok, n_tok);
	FC_GROW(m->off, m->cap_off, n_seq + 1);
	FC_GROW(m->row_pos, m->cap_pos, n_target);
	FC_GROW(m->target, m->cap_target, n_target);
	FC_GROW(m->label_weight, m->cap_label_weight, n_target);
	FC_GROW(m->row_weight, m->cap_row_weight, n_target);
	FC_GROW(m->row_off, m->cap_row_off, n_target + 1);
	FC_GROW(m->entry_id, m->cap_entry_id, n_entry);
	FC_GROW(m->entry_logprob, m->cap_entry_logprob, n_entry);
}

static void append_example(
    struct train_micro *m, const struct train_example *s, const struct train_weights *w)
{
	size_t base = m->off[m->batch.n_seq], row = 0;
	/* a token is the target of at most one row, so that their number bounds the targets, too */
	train_micro_room(m, m->batch.n_seq + 1, base + s->size.n_tok, m->targets.n + s->size.n_tok,
	    m->n_entry + s->size.n_entry);
	memcpy(m->tok + base, s->tok, s->size.n_tok * sizeof *s->tok);
	m->off[++m->batch.n_seq] = base + s->size.n_tok;
	for (size_t t = 1; t < s->size.n_tok; t++) {
		bool taught = row < s->size.n_row && s->row_tok[row] == t;
		if (!taught && !s->label[t])
			continue;
		size_t n = m->targets.n++;
		m->row_pos[n] = (uint32_t)(base + t - 1); /* the state before a token predicts it */
		m->target[n] = s->tok[t];
		m->label_weight[n] = !s->label[t] ? 0 : (float)(taught ? w->label : w->untaught);
		m->row_weight[n] = taught ? (float)w->row : 0;
		if (taught) {
			size_t from = s->row_off[row], k = s->row_off[row + 1] - from;
			memcpy(
			    m->entry_id + m->n_entry, s->entry_id + from, k * sizeof *s->entry_id);
			memcpy(m->entry_logprob + m->n_entry, s->entry_logprob + from,
			    k * sizeof(float));
			m->n_entry += k;
			row++;
		}
		m->row_off[n + 1] = (uint32_t)m->n_entry;
	}
}

/* Where the micro-batch that begins with an example ends. */
static size_t micro_end(const struct train_stepbatch *b, size_t first, size_t max_tok)
{
	size_t n_tok = 0, n_entry = 0, i = first;
	for (; i < b->n; i++) {
		const struct train_example_size *z = &b->example[i]->size;
		n_tok += z->n_tok;
		n_entry += z->n_entry;
		/* row_off counts entries in 32 bits */
		if (i > first && (n_tok > max_tok || n_entry > UINT32_MAX))
			break;
	}
	return i;
}

void train_micros_cut(struct train_micros *c, const struct train_stepbatch *b, size_t max_tok)
{
	c->n = 0;
	for (size_t first = 0; first < b->n; first = c->end[c->n++]) {
		FC_GROW(c->end, c->cap, c->n + 1);
		c->end[c->n] = micro_end(b, first, max_tok);
	}
}

void train_micros_release(struct train_micros *c)
{
	free(c->end);
	*c = (struct train_micros){0};
}

void train_micro_point(struct train_micro *m)
{
	m->batch.tok = m->tok;
	m->batch.off = m->off;
	m->teacher.row_off = m->row_off;
	m->teacher.id = m->entry_id;
	m->teacher.logprob = m->entry_logprob;
	m->targets.row_pos = m->row_pos;
	m->targets.target = m->target;
	m->targets.sft_weight = m->label_weight;
	m->targets.kd_weight = m->row_weight;
	m->targets.teacher = m->n_entry ? &m->teacher : NULL;
}

void train_micro_pack(struct train_micro *m, const struct train_micros *c, size_t i,
    const struct train_stepbatch *b, const struct train_weights *w)
{
	m->first = i ? c->end[i - 1] : 0;
	m->n_example = c->end[i] - m->first;
	m->batch.n_seq = m->targets.n = m->n_entry = 0;
	train_micro_room(m, 0, 0, 0, 0);
	m->off[0] = 0;
	m->row_off[0] = 0;
	for (size_t x = m->first; x < c->end[i]; x++) {
		const double own = b->weight ? b->weight[x] : 0;
		const struct train_weights alike = {.label = own, .untaught = own};
		append_example(m, b->example[x], b->weight ? &alike : w);
	}
	train_micro_point(m);
}

void train_micro_release(struct train_micro *m)
{
	free(m->tok);
	free(m->off);
	free(m->row_pos);
	free(m->target);
	free(m->label_weight);
	free(m->row_weight);
	free(m->row_off);
	free(m->entry_id);
	free(m->entry_logprob);
	*m = (struct train_micro){0};
}
