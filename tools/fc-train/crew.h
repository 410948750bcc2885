/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_CREW_H
#define FC_TRAIN_CREW_H

#include "base/comm.h"
#include "fc-train/adamw.h"
#include "fc-train/lanes.h"
#include "fc-train/shares.h"
#include "fc-train/stepbatch.h"

/*
 * The ranks of a run and what they share: the micro-batches of a batch, the sum of their gradients,
 * the optimizer's state and its work (ZeRO stages 1 and 2, arXiv 1910.02054).  Rank 0 reads,
 * decides and writes; the others do what it asks for in train_crew_serve().  A run of one process
 * is a crew of one, and the same code.
 *
 * What comes out depends on the lanes (lanes.h) and not on the number of ranks: sums have one
 * order, weights that leave their owner are the bits that it computes with.
 */
struct train_crew;
/* What of a model's training each rank has a share of.  One rank has all of it. */
enum train_shard {
	TRAIN_SHARD_AUTO, /* what the memory of all ranks allows; never in a crew that is open */
	TRAIN_SHARD_OPTIMIZER, /* the moments and, in bfloat16, the weights in float32 (stage 1) */
	TRAIN_SHARD_GRADIENTS, /* these and the gradient (stage 2) */
	TRAIN_SHARD_N
};
struct train_crew_opts {
	size_t n_lane; /* the number of ranks divides it */
	enum train_shard shard;
	struct fc_objective objective;
	struct train_adamw_opts adamw;
};
/* Every rank, with the same options; p: rank 0's has the weights, and all have when this returns.
 * Borrows comm, nn and p. */
int train_crew_open(struct train_crew **c, const struct train_crew_opts *o, struct fc_comm *comm,
    struct fc_nn *nn, struct fc_params *p, struct fc_err *e);
void train_crew_close(struct train_crew *c); /* rank 0: ends the others' train_crew_serve() */
/* Ranks above 0. */
int train_crew_serve(struct train_crew *c, struct fc_err *e);

/* What follows is rank 0's. */
/* Loss of every micro-batch, [micros->n]; backward: their gradients' sum takes the place of what
 * was there. */
int train_crew_losses(struct train_crew *c, const struct train_stepbatch *b,
    const struct train_micros *micros, const struct train_weights *w, bool backward,
    struct fc_loss *loss, struct fc_err *e);
/* Log-probabilities of the labels, summed up for each example of the batch, as fc-infer computes
 * them, whose sums are the references. */
int train_crew_logprobs(struct train_crew *c, const struct train_stepbatch *b, size_t max_tok,
    double *sum /* [b->n] */, struct fc_err *e);
/* Euclidean norm of the gradient; not finite if an element of it is not. */
double train_crew_norm(struct train_crew *c);
/* One update with the gradient times grad_scale. */
void train_crew_update(struct train_crew *c, double lr, double grad_scale);

/* The run's state as rank 0 reads and writes it: part 0 are the weights, 1 and 2 the moments. */
enum { TRAIN_STATE_PARTS = 3 };
typedef int train_state_put(
    void *to, size_t param, int part, size_t begin, size_t n, const float *x, struct fc_err *e);
int train_crew_read(struct train_crew *c, train_state_put *put, void *to, struct fc_err *e);
/* The weights alone. */
int train_crew_read_weights(struct train_crew *c, train_state_put *put, void *to, struct fc_err *e);
typedef void train_state_get(void *from, size_t param, int part, size_t begin, size_t n, float *x);
int train_crew_write(
    struct train_crew *c, train_state_get *get, void *from, uint64_t n_update, struct fc_err *e);
/* Rank 0's parameters are those of the run, whoever owns them. */
int train_crew_collect(struct train_crew *c, struct fc_err *e);

/* All that a crew's rank 0 takes of a device besides p when every lane has work, over nn/dry.h, to
 * be counted; o->shard: not AUTO. */
struct train_crew *train_crew_dry(
    const struct train_crew_opts *o, size_t n_rank, struct fc_nn *dry, struct fc_params *p);
void train_crew_dry_close(struct train_crew *c);

size_t train_crew_lanes(const struct train_crew *c);
enum train_shard train_crew_sharding(const struct train_crew *c); /* not AUTO */
struct fc_params *train_crew_params(struct train_crew *c);

#endif
