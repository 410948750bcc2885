/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_OUTPUT_H
#define FC_VARM_OUTPUT_H

#include <stdbool.h>

#include "base/err.h"

/*
 * result/: what comes out beside the weights. output is the folder or stream being made;
 * model_files copies the pivot's other files, config_adapt (by layer_facts) and chat_template
 * correct them, card and merge_record say how the model was made, weight_table and dry_run are
 * printed for the user.
 */

/*
 * The result: a folder, which appears under its name complete or not at all, or for "-" a stream
 * of its tensors on standard output.  Either is made in a folder first; that of a stream is in
 * $TMPDIR, else /tmp, and removed at the end.
 */
struct output {
	struct fc_outdir *dir;
	bool is_stream;
	bool resumed; /* the folder holds what an interrupted run left */
};

/* Whether what is there is a model, which alone is replaced: for the start, before any work. */
int varm_output_check(const char *out, struct fc_err *e);
/* With resume, takes over what there is, and leaves it in the folder when the work fails. */
int varm_output_open(
    struct output *p, const char *out, bool replace, bool resume, struct fc_err *e);
const char *varm_output_folder(const struct output *p); /* where to put its files */
int varm_output_commit(struct output *p, struct fc_err *e);
void varm_output_abort(struct output *p); /* p may be {0}, never opened */

/* A path beside the result, for what it is made of: "OUT.1"; the caller's to free(). */
char *varm_output_beside(const char *out, int number);

#endif
