/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_RUN_H
#define FC_TRAIN_RUN_H

#include "fc-train/best.h"
#include "fc-train/heldout.h"
#include "fc-train/options.h"
#include "fc-train/trainer.h"

/*
 * fc-train: main parses options.c, run ties the parts together. feed yields a train_example, from
 * the stream or the spool of it; stepbatch makes a step's batch; trainer runs forward and backward
 * and adamw updates with schedule's rate; heldout scores, trainlog logs, checkpoint saves what a
 * run goes on from, best the weights of the best evaluation; target and update write the result.
 * Of pairs of answers, pair_reader makes what feed yields, with what references say of them; before
 * a step, logprobs finds how likely the answers are, preference has the losses' formulas, and
 * margins makes weights of labels of both. crew is the ranks of a run: crew_gradient computes what
 * each has of the gradient, crew_shard says how much of it stays there, crew_sum adds it up in the
 * order of lanes, each owns one of the shares of the parameters, crew_state is their state as rank
 * 0 writes it, crew_inside what these files share, micro_wire a micro-batch as a message; ranks is
 * how the others begin, stop how a signal ends a run. adapter_spec reads what --lora asks for,
 * adapter_folder writes the folder of the result then, and adapter_read reads one to go on from.
 * train_footprint tells what memory a run takes. outcome says at the end how the loss went,
 * survival how much of the training the saved numbers keep, ownanswers whether a teacher's rows are
 * over the model's own answers.
 */

/* A training run from its first or a later step to its last: steps, log, evaluations, checkpoints.
 */
struct train_run {
	const struct train_options *opts;
	struct train_trainer *trainer;
	const struct train_heldout *heldout; /* NULL: none */
	struct train_best *best;             /* told of every evaluation */
	json_t *identity;                    /* what a checkpoint must agree with; borrowed */
};
/* 1: a signal has stopped it (stop.h), after a checkpoint. */
int train_run(const struct train_run *r, struct fc_err *e);

#endif
