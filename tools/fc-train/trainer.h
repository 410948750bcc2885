/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_TRAINER_H
#define FC_TRAIN_TRAINER_H

#include "fc-train/adamw.h"
#include "fc-train/schedule.h"
#include "fc-train/stepbatch.h"

/* What one step does: samples -> loss and gradients, micro-batch by micro-batch -> clipped update.
 */
struct fc_trainer_opts {
	double lambda, temperature, clip; /* clip 0: off */
	enum fc_untaught untaught;
	bool kl;
	size_t batch_tok, micro_tok;
	struct fc_schedule schedule;
	uint64_t n_step; /* length of the run in steps, or 0: */
	double n_sample; /* in samples; 0: not known */
};

struct fc_trainer { /* borrows nn, params, feed */
	struct fc_trainer_opts opts;
	struct fc_nn *nn;
	struct fc_params *params;
	struct fc_feed *feed;
	struct fc_adamw adamw;
	struct fc_stepbatch batch;
	struct fc_micro micro;
	uint64_t step, n_sample, n_tok; /* done */
};
void fc_trainer_init(struct fc_trainer *t, const struct fc_trainer_opts *opts,
    const struct fc_adamw_opts *adamw, struct fc_nn *nn, struct fc_params *params,
    struct fc_feed *feed);
void fc_trainer_release(struct fc_trainer *t);

struct fc_step_report {
	double lr, loss;    /* loss: lambda * sft + (1 - lambda) * fusion */
	double sft, fusion; /* means over the step's labels and rows; NAN where there is none */
	double grad_norm;   /* before clipping */
	uint64_t n_sample, n_tok, n_label, n_row;
};
/* 1: a step was done; 0: the run is over; -1: error. */
int fc_trainer_step(struct fc_trainer *t, struct fc_step_report *r, struct fc_err *e);

#endif
