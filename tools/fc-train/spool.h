/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_SPOOL_H
#define FC_TRAIN_SPOOL_H

#include "fc-train/train_example.h"

/* Examples of a pipe, kept in a file without a name in $TMPDIR (else /tmp) for the passes after the
 * first.  It vanishes with the process. */
struct train_spool;
int train_spool_open(struct train_spool **s, struct fc_err *e);
void train_spool_close(struct train_spool *s); /* NULL is fine */
int train_spool_add(struct train_spool *s, const struct train_example *x, struct fc_err *e);
/* Back to the first example; nothing is added any more. */
int train_spool_rewind(struct train_spool *s, struct fc_err *e);
/* 1: *x is new; 0: end; -1: error. */
int train_spool_next(struct train_spool *s, struct train_example **x, struct fc_err *e);

#endif
