/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/heldout.h"

#include <stdlib.h>

#include "base/mem.h"

/* What the ranks do at a time: as many micro-batches as there are lanes, for the number of ranks
 * must not decide where they are cut. */
static size_t batch_tokens(const struct train_heldout *h, const struct train_crew *crew)
{
	return h->micro_tok * train_crew_lanes(crew);
}

static int score_all(const struct train_heldout *h, struct train_feed *f, struct train_crew *crew,
    struct train_heldout_score *score, struct fc_err *e)
{
	static const struct train_weights plain = {.label = 1, .untaught = 1, .row = 0};
	struct train_stepbatch b = {0};
	struct train_micros micros = {0};
	struct fc_loss *loss = NULL;
	size_t cap = 0;
	int got;
	while ((got = train_stepbatch_fill(&b, f, batch_tokens(h, crew), e)) == 1) {
		train_micros_cut(&micros, &b, h->micro_tok);
		FC_GROW(loss, cap, micros.n);
		if ((got = train_crew_losses(crew, &b, &micros, &plain, false, loss, e)) < 0)
			break;
		for (size_t i = 0; i < micros.n; i++) {
			score->nll += loss[i].nll;
			score->n_correct += loss[i].n_correct;
		}
		for (size_t i = 0; i < b.n; i++)
			score->n_bytes += b.example[i]->size.label_bytes;
		score->n_label += b.n_label;
	}
	free(loss);
	train_stepbatch_release(&b);
	train_micros_release(&micros);
	return got;
}

static int score_pairs(const struct train_heldout *h, struct train_feed *f, struct train_crew *crew,
    double alpha, struct train_margins *sum, struct fc_err *e)
{
	struct train_stepbatch b = {0};
	struct train_weighing w = {.alpha = alpha};
	int got;
	while ((got = train_stepbatch_fill(&b, f, batch_tokens(h, crew), e)) == 1)
		if (train_weighing_compute(&w, &h->preference, 0, crew, &b, h->micro_tok, sum, e) <
		    0) {
			got = -1;
			break;
		}
	train_stepbatch_release(&b);
	train_weighing_release(&w);
	return got;
}

int train_heldout_score(const struct train_heldout *h, struct train_crew *crew, double alpha,
    struct train_heldout_score *score, struct fc_err *e)
{
	struct train_feed_opts opts = {.path = h->path, .n_shuffle = 1, .n_pass = 1};
	struct train_feed *f;
	*score = (struct train_heldout_score){0};
	if (train_feed_open(&f, &opts, e) < 0)
		return -1;
	int ret = -1;
	if (!train_feed_is_file(f))
		fc_fail(
		    e, "%s: the held-out stream is read several times and must be a file", h->path);
	else
		ret = train_feed_check_tokenizer(f, h->tokenizer, e);
	if (ret == 0) {
		train_feed_set_rule(f, &h->rule);
		ret = h->preference.kind ? score_pairs(h, f, crew, alpha, &score->margins, e)
					 : score_all(h, f, crew, score, e);
	}
	train_feed_close(f);
	return ret;
}
