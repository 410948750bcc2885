/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_TABLEFILE_H
#define FC_ALIGN_TABLEFILE_H

#include <stddef.h>

#include "base/err.h"

/* Reads a table as FC_TABLE_TSV prints one (text/table.h), by the names of its columns. */
struct align_tablefile;
/* column: [n] borrowed names that are to be in the first line, in any order; made_by: what writes
 * such a file, for the message where one is not. */
int align_tablefile_open(struct align_tablefile **t, const char *path, const char *const *column,
    size_t n, const char *made_by, struct fc_err *e);
void align_tablefile_close(struct align_tablefile *t);
/* 1: cell [n] are the next line's, as they were before they were printed, empty where the line has
 * none; borrowed until the next call.  0: end; -1: error. */
int align_tablefile_next(struct align_tablefile *t, const char **cell, struct fc_err *e);
const char *align_tablefile_where(struct align_tablefile *t); /* "weights.tsv:3" */

#endif
