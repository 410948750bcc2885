/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_MERGE_RECORD_H
#define FC_VARM_MERGE_RECORD_H

#include "merge.h"

/* Writes fc-varm.json into the folder: what was done to which models, without a path, so that
 * results can be told apart. */
int merge_record_write(const char *dir, const struct inputs *in, const struct merge_options *o,
    const struct weights *w, struct fc_err *e);

#endif
