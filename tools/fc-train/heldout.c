/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/heldout.h"

static int score_all(const struct train_heldout *h, struct train_feed *f, struct fc_nn *nn,
    struct fc_params *p, struct train_heldout_score *score, struct fc_err *e)
{
	static const struct train_weights plain = {.label = 1, .untaught = 1, .row = 0};
	struct train_stepbatch b = {0};
	struct train_micros micros = {0};
	struct train_micro m = {0};
	struct fc_loss loss = {0};
	int got;
	while ((got = train_stepbatch_fill(&b, f, h->micro_tok, e)) == 1) {
		train_micros_cut(&micros, &b, h->micro_tok);
		for (size_t i = 0; got == 1 && i < micros.n; i++) {
			train_micro_pack(&m, &micros, i, &b, &plain);
			if (fc_params_step(nn, p, &m.batch, &m.targets, false, &loss, e) < 0)
				got = -1;
		}
		if (got < 0)
			break;
		for (size_t i = 0; i < b.n; i++)
			score->n_bytes += b.example[i]->size.label_bytes;
		score->n_label += b.n_label;
	}
	if (got == 0)
		got = fc_nn_check(nn, e);
	score->nll = loss.nll;
	score->n_correct = loss.n_correct;
	train_stepbatch_release(&b);
	train_micro_release(&m);
	train_micros_release(&micros);
	return got;
}

static int score_pairs(const struct train_heldout *h, struct train_feed *f, struct fc_nn *nn,
    struct fc_params *p, double alpha, struct train_margins *sum, struct fc_err *e)
{
	struct train_stepbatch b = {0};
	struct train_weighing w = {.alpha = alpha};
	int got;
	while ((got = train_stepbatch_fill(&b, f, h->micro_tok, e)) == 1)
		if (train_weighing_compute(&w, &h->preference, 0, nn, p, &b, h->micro_tok, sum, e) <
		    0) {
			got = -1;
			break;
		}
	train_stepbatch_release(&b);
	train_weighing_release(&w);
	return got;
}

int train_heldout_score(const struct train_heldout *h, struct fc_nn *nn, struct fc_params *p,
    double alpha, struct train_heldout_score *score, struct fc_err *e)
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
		ret = h->preference.kind ? score_pairs(h, f, nn, p, alpha, &score->margins, e)
					 : score_all(h, f, nn, p, score, e);
	}
	train_feed_close(f);
	return ret;
}
