/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_MARGINS_H
#define FC_TRAIN_MARGINS_H

#include "base/buf.h"
#include "fc-train/crew.h"
#include "fc-train/preference.h"

/*
 * From a batch of pairs to the weights of its labels.  The loss
 *   (1 - lambda) mean over pairs of L + lambda mean over chosen labels of -log p
 * has the gradient of a sum over labels of weight * -log p with weights that do not move with p,
 *   -(1 - lambda) / pairs * dL / d log p(y), and for a chosen answer lambda / chosen labels more,
 * negative for what is rejected.  A first pass finds log p(y), the second is that of SFT.
 */
struct train_margins { /* sums over pairs */
	double n_pair, loss, chosen, rejected, source, target, right;
	double logp_chosen, logp_rejected;
	double n_chosen_label;
};

/* Appends ", NAME: mean" of each, with TRL's names, and WRPO's for what TRL has not. */
void train_margins_write(struct fc_buf *b, const struct train_margins *m, bool wrpo);

struct train_weighing {  /* {0} is empty */
	double *weight;  /* [examples of the batch] what b->weight takes */
	double *logprob; /* [examples of the batch] sums over their labels */
	size_t cap, cap_logprob;
	double alpha; /* WRPO's, now */
};
/* Adds to sum; w->weight is what the labels of b weigh. */
int train_weighing_compute(struct train_weighing *w, const struct train_preference_opts *o,
    double lambda, struct train_crew *crew, const struct train_stepbatch *b, size_t max_tok,
    struct train_margins *sum, struct fc_err *e);
void train_weighing_release(struct train_weighing *w);

#endif
