/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_SCHEDULE_H
#define FC_TRAIN_SCHEDULE_H

/* The learning rate over a run. */
enum train_decay { TRAIN_DECAY_COSINE, TRAIN_DECAY_LINEAR, TRAIN_DECAY_CONSTANT, TRAIN_DECAY_N };

struct train_schedule {
	enum train_decay decay;
	double lr;        /* peak */
	double warmup;    /* share of the run that rises linearly to the peak */
	double min_ratio; /* the end's learning rate as a share of the peak */
};

/*
 * Learning rate of the step that takes the run from begin to end of total; the unit is the
 * caller's (steps, examples).  Warm-up never gives 0: the first step counts with its end.  total 0
 * is a run of unknown length: the peak, always.
 */
double train_schedule_lr(const struct train_schedule *s, double begin, double end, double total);

#endif
