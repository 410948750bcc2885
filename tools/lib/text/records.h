/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TEXT_RECORDS_H
#define FC_TEXT_RECORDS_H

#include "text/lines.h"

/*
 * The JSON texts of a file, packed or not (infile.h): its lines (JSONL), or, where the file begins
 * with
 * '[', the elements of that array, however it is laid out.  One text is in memory at a time.
 */
struct fc_records;
int fc_records_open(struct fc_records **r, const char *path, struct fc_err *e);
/* 1: *p is the next text that is not blank, *n bytes, NUL after it, borrowed until the next call;
 * 0: end; -1: error, after which there is nothing more. */
int fc_records_next(struct fc_records *r, char **p, size_t *n, struct fc_err *e);
/* Of the last text: its line, or which element it is, from 1.  At the end, of all. */
uint64_t fc_records_number(const struct fc_records *r);
const char *fc_records_where(
    struct fc_records *r); /* "a.jsonl:17", "a.json: element 17"; borrowed */
uint64_t fc_records_bytes(const struct fc_records *r); /* as fc_infile_bytes() */
/* Known once the first text was handed out. */
bool fc_records_is_array(const struct fc_records *r);
enum fc_packing fc_records_packing(const struct fc_records *r);
const char *fc_records_name(const struct fc_records *r); /* the path, or "standard input" */
void fc_records_close(struct fc_records *r);

#endif
