/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_TRAIN_FOOTPRINT_H
#define FC_TRAIN_TRAIN_FOOTPRINT_H

#include "fc-train/crew.h"
#include "fc-train/options.h"
#include "model/footprint.h"

/* What a training takes of memory, of a model that is not loaded. */
struct train_shape {
	const char *config;              /* the text of its config.json */
	const char *model;               /* where it is, with lora */
	const struct fc_lora_spec *lora; /* NULL: the weights are trained */
	size_t n_rank, n_lane;
	enum train_shard shard; /* not AUTO */
	size_t batch_tok;       /* of a step */
	size_t micro_tok;       /* tokens at a time */
	size_t max_tok;         /* of an example */
	bool pairs;             /* --preference */
	bool offload;           /* --offload optimizer */
	size_t layers_kept;     /* of fc_params.n_keep */
};
/* Of rank 0, which has as much as any.  Runs a step over nn/dry.h in the place of nn. */
int train_footprint_measure(
    struct fc_footprint *f, const struct train_shape *s, const struct fc_nn *nn, struct fc_err *e);

/* Before the model is loaded: chooses o->layers_kept where it is 0; tells what the run takes of a
 * device, and of the processor where it is a dry one, and fails where a device has too little
 * memory for it. */
int train_footprint_plan(
    struct train_options *o, size_t n_rank, size_t n_lane, struct fc_nn *nn, struct fc_err *e);
/* Without a config. */
struct train_shape train_footprint_shape(
    const struct train_options *o, size_t n_rank, size_t n_lane);
/* Of every rank, before the first step: a micro-batch as large as any comes first, see
 * fc_nn_idle().  Reads sizes of s, no strings. */
int train_footprint_rehearse(const struct train_shape *s, const struct train_crew *c,
    struct fc_nn *nn, struct fc_params *p, struct fc_err *e);

#endif
