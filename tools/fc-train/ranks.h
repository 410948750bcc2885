/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_RANKS_H
#define FC_TRAIN_RANKS_H

#include "fc-train/crew.h"
#include "fc-train/train_footprint.h"

/* Rank 0, before it opens its crew: tells the others which model it is and how it is trained. */
void train_ranks_lead(struct fc_comm *comm, const struct train_crew_opts *o,
    const struct train_shape *s, struct fc_nn *nn, const struct fc_params *p);
/* The other ranks: all of their work, to the end of the run. */
int train_ranks_follow(struct fc_comm *comm, const char *device, struct fc_err *e);

#endif
