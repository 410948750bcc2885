/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_SPOOL_H
#define FC_TRAIN_SPOOL_H

#include "fc-train/train_example.h"

/* Samples of a pipe, kept in a file without a name in $TMPDIR (else /tmp) for the passes after the
 * first.  It vanishes with the process. */
struct fc_spool;
int fc_spool_open(struct fc_spool **s, struct fc_err *e);
void fc_spool_close(struct fc_spool *s); /* NULL is fine */
int fc_spool_add(struct fc_spool *s, const struct fc_sample *x, struct fc_err *e);
/* Back to the first sample; nothing is added any more. */
int fc_spool_rewind(struct fc_spool *s, struct fc_err *e);
/* 1: *x is new; 0: end; -1: error. */
int fc_spool_next(struct fc_spool *s, struct fc_sample **x, struct fc_err *e);

#endif
