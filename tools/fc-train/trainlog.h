/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_TRAINLOG_H
#define FC_TRAIN_TRAINLOG_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* The log: one JSON object a line, written as the run goes on.  It holds no clock values, so that
 * the same run gives the same log. */
struct train_trainlog;
/* path "-": standard output.  keep_bytes: what a resumed run keeps of the file; 0 starts it anew.
 */
int train_trainlog_open(
    struct train_trainlog **l, const char *path, uint64_t keep_bytes, struct fc_err *e);
int train_trainlog_line(struct train_trainlog *l, const struct fc_buf *line, struct fc_err *e);
/* Length so far, on the disk; 0 for standard output. */
int train_trainlog_sync(struct train_trainlog *l, uint64_t *n_bytes, struct fc_err *e);
void train_trainlog_close(struct train_trainlog *l); /* NULL is fine */

#endif
