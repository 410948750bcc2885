/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TEXT_INFILE_H
#define FC_TEXT_INFILE_H

#include "text/decompress.h"

/*
 * The bytes of a text file, or of standard input ("-"), unpacked (decompress.h), without the byte
 * order mark of UTF-8 that may begin them.  What is no such text is refused by name: UTF-16,
 * Parquet, Arrow, xz, bzip2.  For those who look for ends in it (lines.c, records.c).
 */
struct fc_infile;
/* -1: it can't be opened, or is a regular file that is refused. */
int fc_infile_open(struct fc_infile **f, const char *path, struct fc_err *e);
/* What is there and not taken yet, *n bytes, with room for one more behind; borrowed, and the
 * caller's to write to, until fc_infile_more(). */
char *fc_infile_at(struct fc_infile *f, size_t *n);
/* 1: there is more behind it, 0: there is nothing more, -1: error. */
int fc_infile_more(struct fc_infile *f, struct fc_err *e);
void fc_infile_take(struct fc_infile *f, size_t n);
/* Bytes of the file that what was taken is made of; of packed data, its share of what was read. */
uint64_t fc_infile_bytes(const struct fc_infile *f);
/* Known at once of a regular file, else as soon as fc_infile_more() was called. */
enum fc_packing fc_infile_packing(const struct fc_infile *f);
const char *fc_infile_name(const struct fc_infile *f); /* the path, or "standard input" */
/* Bytes of all files as they lie there, "-" for standard input; 0 where one is no regular file. */
uint64_t fc_infile_sizes(const char *const *paths, int n);
void fc_infile_close(struct fc_infile *f);

#endif
