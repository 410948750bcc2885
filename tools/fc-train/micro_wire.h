/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_MICRO_WIRE_H
#define FC_TRAIN_MICRO_WIRE_H

#include "base/buf.h"
#include "fc-train/stepbatch.h"

/* A packed micro-batch as bytes for another rank of the same program; the objective goes without
 * saying. */
void train_micro_write(struct fc_buf *b, const struct train_micro *m);
/* Reads what was written, all of it; m's memory is its own. */
void train_micro_read(struct train_micro *m, const char *p, size_t n_bytes);

#endif
