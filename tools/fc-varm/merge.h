/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_MERGE_H
#define FC_VARM_MERGE_H

#include "plan.h"

/* What was found out about each item of a plan. */
struct verdicts {
	struct verdict *item;
	size_t n;
};

/* Executes the plan, whose groups it assigns: writes the tensors into the folder, beginning a new
 * file after shard_bytes of them (0: never).  r is the caller's to verdicts_release(), also after a
 * failure. */
int merge_run(
    struct plan *p, size_t shard_bytes, const char *dir, struct verdicts *r, struct fc_err *e);
void verdicts_release(struct verdicts *r);

#endif
