/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_BEST_H
#define FC_TRAIN_BEST_H

#include "fc-train/checkpoint.h"

/*
 * Which step's weights a run ends with, and when it ends because evaluations get no better.  A new
 * best is written to disk at once, in float32, so that memory holds one model and a killed run
 * loses nothing: beside the checkpoint, or without one beside the output, where it goes with the
 * run.
 */
struct train_best {
	char *path;                /* folder of the best weights; NULL: none are kept */
	struct fc_outdir *scratch; /* unfinished for ever, without a checkpoint: path is in it */
	int patience;              /* evaluations without a new best that end the run; 0: none */
	json_t *identity;          /* of the run; borrowed */
	struct train_mark at;      /* the best evaluation of the run so far */
	/* Of the weights in path: of a later step where a killed run had got further than its
	 * checkpoint.  The steps to there are done again, and are not better than they were. */
	struct train_mark stored;
};
/* checkpoint: NULL without one; output: what the run writes. */
int train_best_keep(struct train_best *b, const char *checkpoint, const char *output,
    bool may_exist, struct fc_err *e);
void train_best_release(struct train_best *b);
/* A resumed run goes on with what its checkpoint knows. */
int train_best_resume(struct train_best *b, const struct train_mark *at, struct fc_err *e);

/* An evaluation after so many steps.  Of equal losses the first is the best. */
int train_best_tell(
    struct train_best *b, struct train_crew *crew, uint64_t step, double loss, struct fc_err *e);
bool train_best_is_over(const struct train_best *b);
/* The weights of the best evaluation become those of p, which rank 0 writes. */
int train_best_take(const struct train_best *b, struct fc_params *p, struct fc_err *e);

#endif
