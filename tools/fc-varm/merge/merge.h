/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_MERGE_H
#define FC_VARM_MERGE_H

#include "fc-varm/merge/similarity.h"
#include "fc-varm/merge/plan.h"

/*
 * merge/: the engine. plan is the work, complete before the first byte is written; group says
 * which items share their weights, merge runs all items, write_item writes one, journal remembers
 * the finished ones for --resume, similarity measures how the targets moved.
 */

/* What was found out about each item of a plan. */
struct all_measured {
	struct measured *item;
	struct similarity *similarity; /* [n], with options.similarity; else NULL */
	size_t n;
};

struct merge_options {
	size_t shard_bytes; /* begin a new file after so many bytes of tensors; 0: never */
	/* The folder is what an interrupted run of the same plan left: tensors whose checksums are
	 * right are not merged again.  Another plan's files are removed. */
	bool resume;
	bool similarity; /* measure it, in one more pass */
};

/* Executes the plan, whose groups it assigns: writes the tensors into the folder, and a journal of
 * what is finished, which varm_merge_finish() removes.  r is the caller's to
 * varm_all_measured_release(), also after a failure. */
int varm_merge_run(struct plan *p, const struct merge_options *o, const char *dir,
    struct all_measured *r, struct fc_err *e);
int varm_merge_finish(const char *dir, struct fc_err *e);
void varm_all_measured_release(struct all_measured *r);

#endif
