/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_DRY_RUN_H
#define FC_VARM_DRY_RUN_H

#include "base/buf.h"
#include "fc-varm/merge/plan.h"

/* What a plan would do, without doing it.  TSV: tensor, type and shape of the result, the method,
 * what it goes by in this tensor, and the models it reads. */
void varm_dry_run_print(struct fc_buf *b, const struct plan *p);
/* Prints what a plan would do to standard output, and its sums as a note. */
void varm_dry_run_show(const struct plan *p, size_t shard_bytes);

#endif
