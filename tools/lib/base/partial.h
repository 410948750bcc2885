/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_PARTIAL_H
#define FC_BASE_PARTIAL_H

#include "base/err.h"

/*
 * The name under which a file is written that may be interrupted and resumed: ".NAME.partial"
 * beside it.  Unlike the temporaries of fc_out_open() it is the same in every run, and stays when
 * the work fails; write it with fc_out_append().  The caller's to free().
 */
char *fc_partial_name(const char *path);
/* The file under that name, written and synced, is complete: gives it its own. */
int fc_partial_commit(const char *path, struct fc_err *e);

#endif
