/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_CREW_INSIDE_H
#define FC_TRAIN_CREW_INSIDE_H

#include "fc-train/crew.h"
#include "fc-train/logprobs.h"

/* What crew.c and crew_*.c share. */

struct train_crew {
	struct train_crew_opts opts;
	struct fc_comm *comm;
	struct fc_nn *nn;
	struct fc_params *params;
	size_t rank, size;
	struct train_shares shares;
	struct train_adamw adamw;
	struct train_sum sum;  /* of the step, over ranks */
	struct train_sum lane; /* of one of its parts, over lanes */
	/* Gradients that wait for others to be added: [n_kept][n_param], of the device. */
	float ***kept;
	size_t n_kept;
	/* [own parts of sum] where each one's gradient is: kept[i], or NULL: with the parameters */
	float ***part;
	size_t cap_part;
	struct train_micros micros; /* of a batch of which log-probabilities are wanted */
	struct train_micro micro;
	struct train_logprobs logprobs;
	float *received; /* another rank's */
	size_t cap_received;
};

/* crew_sum.c: all ranks, at the same point of the run */
void train_crew_exchange(struct train_crew *c); /* gradients to their owners, who add them */
void train_crew_share_weights(struct train_crew *c);
float **train_crew_keep(struct train_crew *c, size_t i); /* the i-th of kept */
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
