/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_MERGE_RECORD_H
#define FC_VARM_MERGE_RECORD_H

#include "fc-varm/merge/merge.h"

/* Writes fc-varm.json into the folder: what was done to which models, without a path, so that
 * results can be told apart. */
int varm_merge_record_write(
    const char *dir, const struct plan *p, const struct all_measured *r, struct fc_err *e);

#endif
