/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_STEPBATCH_H
#define FC_TRAIN_STEPBATCH_H

#include "fc-train/feed.h"
#include "model/params.h"

/* The examples of one optimizer step; the answers of a pair follow each other. */
struct train_stepbatch { /* {0} is empty */
	struct train_example **example;
	/* [n] what each label of an example weighs in the loss, of any sign; NULL: see
	 * train_weights
	 */
	const double *weight;
	size_t n, cap;
	size_t n_drawn; /* examples as the feed counts them: a pair is one */
	uint64_t n_tok, n_label, n_taught, n_row;
};
/* Next examples of a pass in training order, as many as stay within max_tok tokens, at least one,
 * and all answers of a pair.
 * 1, 0: no example is left, -1: error. */
int train_stepbatch_fill(
    struct train_stepbatch *b, struct train_feed *f, size_t max_tok, struct fc_err *e);
void train_stepbatch_release(struct train_stepbatch *b);

/* What a label that no row predicts weighs. */
enum train_untaught {
	TRAIN_UNTAUGHT_WHOLE, /* as much as a label and its row together: 1 */
	TRAIN_UNTAUGHT_SHARE, /* what every label does, as published: lambda */
	TRAIN_UNTAUGHT_N
};

/*
 * What labels and a teacher's rows weigh in the loss of a step, whatever its micro-batches.  The
 * weights of a step always sum to 1.  SHARE: lambda is spread evenly over the labels, 1 - lambda
 * over the rows; a part without members leaves its share to the other.  WHOLE: every position
 * weighs the same; one with a row divides that into lambda and 1 - lambda.
 */
struct train_weights {
	double label, untaught, row;
};
struct train_weights train_stepbatch_weights(
    const struct train_stepbatch *b, double lambda, enum train_untaught untaught);

/* The micro-batches of a step: the i-th has the examples up to end[i]. */
struct train_micros { /* {0} is empty */
	size_t *end;
	size_t n, cap;
};
/* As many examples in each as stay within max_tok tokens, at least one. */
void train_micros_cut(struct train_micros *c, const struct train_stepbatch *b, size_t max_tok);
void train_micros_release(struct train_micros *c);

/*
 * Examples of a step packed one after the other, without padding, for one forward and backward
 * pass. batch.off keeps them apart: no sequence attends to another.
 */
struct train_micro { /* {0} is empty */
	struct fc_batch batch;
	struct fc_targets targets;
	struct fc_teacher teacher;
	size_t first, n_example; /* which examples of the step */

	/* the memory of batch, targets and teacher */
	uint32_t *tok, *target, *row_pos, *row_off, *entry_id;
	size_t *off;
	float *label_weight, *row_weight, *entry_logprob;
	size_t n_entry;
	size_t cap_tok, cap_off, cap_pos, cap_target, cap_label_weight, cap_row_weight, cap_row_off,
	    cap_entry_id, cap_entry_logprob;
};
/* Packs the examples of the i-th micro-batch. */
void train_micro_pack(struct train_micro *m, const struct train_micros *c, size_t i,
    const struct train_stepbatch *b, const struct train_weights *w);
void train_micro_release(struct train_micro *m);
/* For who fills one otherwise: room for so much in all, and then what batch and targets point at.
 */
void train_micro_room(
    struct train_micro *m, size_t n_seq, size_t n_tok, size_t n_target, size_t n_entry);
void train_micro_point(struct train_micro *m);

#endif
