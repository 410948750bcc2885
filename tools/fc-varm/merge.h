/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_MERGE_H
#define FC_VARM_MERGE_H

#include "inputs.h"
#include "method.h"

struct merge_options {
	const struct method *method;
	struct settings settings;
	bool keep_dtype; /* every tensor is stored as in the pivot, else all as dtype */
	enum fc_dtype dtype;
	size_t shard_bytes;
};

/* What each target contributed to each tensor. */
struct weights {
	int n_target;
	size_t n;    /* tensors */
	double *v;   /* [n][n_target]; a carried tensor has NaN */
	bool *moved; /* [n]: some importance was above 0 */
};

/* Writes the merged tensors into the folder.  w is the caller's to weights_release(), also after
 * a failure. */
int merge_run(const struct inputs *in, const struct merge_options *o, const char *dir,
    struct weights *w, struct fc_err *e);
void weights_release(struct weights *w);

#endif
