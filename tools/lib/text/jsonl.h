/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TEXT_JSONL_H
#define FC_TEXT_JSONL_H

#include "text/json.h"
#include "text/records.h"

/*
 * Calls take for the JSON value of every line that is not blank, or of every element of the array
 * that the file is, in order; path "-" is stdin.  take: o is its to keep or drop, with an error
 * too; where names the line, borrowed; -1 ends the reading.
 */
int fc_jsonl_each(const char *path,
    int (*take)(void *ctx, json_t *o, const char *where, struct fc_err *e), void *ctx /* take's */,
    struct fc_err *e);

#endif
