/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TEXT_TABLE_H
#define FC_TEXT_TABLE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* A small table, printed for people or for programs.  Cells are added row by row, left to right. */
enum fc_table_format {
	FC_TABLE_TEXT, /* aligned columns, reals rounded */
	FC_TABLE_TSV,  /* a header line; tab, newline and backslash in cells as \t \n \\ */
	FC_TABLE_JSON, /* one object a row and line */
};
#define FC_TABLE_FORMATS "table|tsv|json" /* for FC_OPT_CHOICE */

struct fc_table;
struct fc_table *fc_table_new(void);
void fc_table_free(struct fc_table *t);

/* All columns come before the first cell.  name: copied.  decimals: for reals in FC_TABLE_TEXT. */
void fc_table_column(struct fc_table *t, const char *name, int decimals);
void fc_table_text(struct fc_table *t, const char *s);
void fc_table_int(struct fc_table *t, uint64_t v);
void fc_table_real(struct fc_table *t, double v);
void fc_table_none(struct fc_table *t); /* "-", nothing, null; also what is not finite */

/* Appends the table.  The last row must be complete. */
void fc_table_print(const struct fc_table *t, enum fc_table_format format, struct fc_buf *out);
/* The end of a command whose result is a table: prints it, with `more` (may be NULL) behind it, to
 * the file at path, NULL or "-" for standard output.  Frees t, also on failure. */
int fc_table_write(struct fc_table *t, enum fc_table_format format, const struct fc_buf *more,
    const char *path, struct fc_err *e);

#endif
