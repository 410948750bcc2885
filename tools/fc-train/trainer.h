/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_TRAINER_H
#define FC_TRAIN_TRAINER_H

#include "fc-train/crew.h"
#include "fc-train/margins.h"
#include "fc-train/schedule.h"
#include "fc-train/stepbatch.h"

/* What one step does: examples -> loss and gradients, micro-batch by micro-batch -> clipped update.
 */
struct train_trainer_opts {
	double lambda, clip; /* clip 0: off */
	enum train_untaught untaught;
	struct train_preference_opts preference; /* kind NONE: no pairs, but labels and a teacher */
	size_t batch_tok, micro_tok;
	struct train_schedule schedule;
	uint64_t n_step;  /* length of the run in steps; 0: n_example tells it */
	double n_example; /* length of the run in examples; 0: not known */
};

struct train_trainer { /* borrows crew and feed */
	struct train_trainer_opts opts;
	struct train_crew *crew;
	struct train_feed *feed;
	struct train_stepbatch batch;
	struct train_micros micros;
	struct fc_loss *loss; /* of each micro-batch */
	size_t cap_loss;
	struct train_weighing weighing;  /* of pairs */
	uint64_t step, n_example, n_tok; /* done */
};
void train_trainer_init(struct train_trainer *t, const struct train_trainer_opts *opts,
    struct train_crew *crew, struct train_feed *feed);
void train_trainer_release(struct train_trainer *t);

struct train_step_report {
	double lr, loss;    /* loss: lambda * sft + (1 - lambda) * fusion */
	double sft, fusion; /* means over the step's labels and rows; NAN where there is none */
	double grad_norm;   /* before clipping */
	struct train_margins margins; /* of pairs, whose loss is lambda * sft + (1 - lambda) * L */
	uint64_t n_example, n_tok, n_label, n_row;
};
/* WRPO's alpha at the step that comes next. */
double train_trainer_alpha(const struct train_trainer *t);
/* 1: a step was done; 0: the run is over; -1: error. */
int train_trainer_step(struct train_trainer *t, struct train_step_report *r, struct fc_err *e);

#endif
