/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/margins.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

void train_margins_write(struct fc_buf *b, const struct train_margins *m, bool wrpo)
{
	const struct {
		const char *name;
		double sum;
		bool has;
	} v[] = {
	    {"rewards/chosen", m->chosen, true},
	    {"rewards/rejected", m->rejected, true},
	    {"rewards/accuracies", m->right, true},
	    {"rewards/margins", m->chosen - m->rejected, true},
	    {"rewards/source_chosen", m->source, wrpo},
	    {"rewards/target_chosen", m->target, wrpo},
	    {"logps/chosen", m->logp_chosen, true},
	    {"logps/rejected", m->logp_rejected, true},
	};
	for (size_t i = 0; i < FC_LEN(v); i++)
		if (v[i].has)
			fc_buf_addf(b, ", \"%s\": %.9g", v[i].name, v[i].sum / m->n_pair);
}

static void add_loss(
    struct train_margins *m, const struct train_pair_loss *l, const struct train_side *side)
{
	m->n_pair++;
	m->loss += l->loss;
	m->chosen += l->chosen;
	m->target += l->reward[TRAIN_CHOSEN];
	m->source += l->reward[TRAIN_SOURCE];
	m->rejected += l->reward[TRAIN_REJECTED];
	m->right += l->chosen > l->reward[TRAIN_REJECTED];
	m->logp_chosen += side[TRAIN_CHOSEN].logprob;
	m->logp_rejected += side[TRAIN_REJECTED].logprob;
	m->n_chosen_label += side[TRAIN_CHOSEN].n;
}

/* The pair whose chosen answer is example i; its slopes become w->weight. */
static void weigh_pair(struct train_weighing *w, const struct train_preference_opts *o,
    const struct train_stepbatch *b, size_t i, struct train_margins *sum)
{
	const size_t n = b->example[i]->size.n_side;
	struct train_side side[TRAIN_SIDES] = {{0, 0, NULL, 0}};
	for (size_t k = 0; k < n; k++) {
		const struct train_example *s = b->example[i + k];
		side[k] =
		    (struct train_side){w->logprob[i + k], s->size.n_label, s->ref, s->size.n_ref};
	}
	const struct train_pair_loss l = train_preference_loss(o, side, w->alpha);
	for (size_t k = 0; k < n; k++)
		w->weight[i + k] = -l.slope[k];
	add_loss(sum, &l, side);
}

int train_weighing_compute(struct train_weighing *w, const struct train_preference_opts *o,
    double lambda, struct train_crew *crew, const struct train_stepbatch *b, size_t max_tok,
    struct train_margins *sum, struct fc_err *e)
{
	struct train_margins of_batch = {0};
	FC_GROW(w->weight, w->cap, b->n);
	FC_GROW(w->logprob, w->cap_logprob, b->n);
	if (train_crew_logprobs(crew, b, max_tok, w->logprob, e) < 0)
		return -1;
	for (size_t i = 0; i < b->n; i += b->example[i]->size.n_side)
		weigh_pair(w, o, b, i, &of_batch);
	for (size_t i = 0; i < b->n; i += b->example[i]->size.n_side) {
		for (size_t k = 0; k < b->example[i]->size.n_side; k++)
			w->weight[i + k] *= (1 - lambda) / of_batch.n_pair;
		w->weight[i + TRAIN_CHOSEN] += lambda / of_batch.n_chosen_label;
	}
	sum->n_pair += of_batch.n_pair;
	sum->loss += of_batch.loss;
	sum->chosen += of_batch.chosen;
	sum->rejected += of_batch.rejected;
	sum->source += of_batch.source;
	sum->target += of_batch.target;
	sum->right += of_batch.right;
	sum->n_chosen_label += of_batch.n_chosen_label;
	sum->logp_chosen += of_batch.logp_chosen;
	sum->logp_rejected += of_batch.logp_rejected;
	return 0;
}

void train_weighing_release(struct train_weighing *w)
{
	free(w->logprob);
	free(w->weight);
	*w = (struct train_weighing){0};
}
