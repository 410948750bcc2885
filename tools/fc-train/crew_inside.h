/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_CREW_INSIDE_H
#define FC_TRAIN_CREW_INSIDE_H

#include "fc-train/crew.h"
#include "fc-train/logprobs.h"

/* What crew.c and crew_*.c share. */

/*
 * Gradients on their way to their owners, who add them, while the backward pass goes on.  All ranks
 * begin the same pieces in the same order, and take those that wait for the oldest only when their
 * buffers are full: so none waits for another in a circle.
 */
struct train_flight;
struct train_exchange {
	const struct train_sum_part *part; /* [n_part] what is added, and whose it is */
	size_t n_part;
	size_t depth;                /* levels below, see struct train_crew */
	struct train_flight *flight; /* [begin, end) the oldest first */
	size_t begin, end, cap;
	size_t n_float, most_float; /* in buffers */
};

struct train_crew {
	struct train_crew_opts opts;
	struct fc_comm *comm;
	struct fc_nn *nn;
	struct fc_params *params;
	size_t rank, size;
	struct train_shares shares;
	struct train_adamw adamw;
	struct train_exchange exchange;
	struct train_sum sum;  /* of the step, over ranks */
	struct train_sum lane; /* of one of its parts, over lanes */
	/* Gradients that wait for others to be added: [n_kept][n_param], of the device. */
	float ***kept;
	size_t n_kept;
	/* [own parts] where each one's gradient is: kept[i], or NULL: with the parameters */
	float ***part;
	size_t cap_part;
	/*
	 * [n_level][n_param][own.n], of the device: the own part of sums that wait for others.  The
	 * first is the step's gradient in the end; where gradients are whole, it is a part of them,
	 * and the only one.
	 */
	float ***level;
	size_t n_level;
	float *unit, *tied;         /* with shared gradients: memory of the unit that is computed */
	struct train_micros micros; /* of a batch of which log-probabilities are wanted */
	struct train_micro micro;
	struct train_micro *lane_micro; /* [n_lane_micro] those that are computed together */
	struct fc_step_batch *lane_batch;
	size_t n_lane_micro;
	struct train_logprobs logprobs;
	float *received; /* another rank's */
	size_t cap_received;
};

/* Where the micro-batches of a task come from: packed here, or from rank 0 (NULL). */
struct train_source {
	const struct train_stepbatch *b;
	const struct train_micros *micros;
	const struct train_weights *w;
};
/* crew_gradient.c: the i-th micro-batch. */
void train_crew_take(
    struct train_crew *c, const struct train_source *s, size_t i, struct train_micro *m);
/* The sum of the own micro-batches of a step, and what of that others own to them;
 * loss [n_micro] of the own ones.  train_exchange_finish() comes after it. */
int train_crew_gradient(struct train_crew *c, const struct train_source *s, size_t n_micro,
    struct fc_loss *loss, struct fc_err *e);

/* crew_shard.c: how gradients are kept, and memory for them. */
int train_crew_place(struct train_crew *c, struct fc_err *e);
void train_crew_unplace(struct train_crew *c);
float **train_crew_keep(struct train_crew *c, size_t i); /* the i-th of kept */
float **train_crew_level(struct train_crew *c, size_t i);

/* crew_sum.c: all ranks, at the same point of the run */
/* The gradients of a unit of the backward pass leave; they may change when this returns. */
void train_exchange_begin(struct train_crew *c, size_t unit);
void train_exchange_advance(struct train_crew *c); /* now and then */
void train_exchange_finish(struct train_crew *c);
void train_crew_share_weights(struct train_crew *c);
/* What products read, after an owner's weights have changed. */
void train_crew_refresh(struct train_crew *c);
/* crew_state.c: the first n_part parts; rank 0, and what the others do meanwhile */
int train_crew_read_parts(
    struct train_crew *c, int n_part, train_state_put *put, void *to, struct fc_err *e);
int train_crew_write_parts(
    struct train_crew *c, int n_part, train_state_get *get, void *from, struct fc_err *e);
int train_crew_serve_read(struct train_crew *c, int n_part, struct fc_err *e);
int train_crew_serve_write(struct train_crew *c, int n_part, struct fc_err *e);

#endif
