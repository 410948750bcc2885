/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_CSV_H
#define FC_EVAL_CSV_H

#include <stddef.h>

#include "base/err.h"

/* A table of numbers from a CSV file with a line of names.  Cells may be quoted, and may hold line
 * breaks then; what is no number is NaN. */
struct eval_csv {
	char **name; /* [n_column] */
	size_t n_column;
	double *v; /* [n_row][n_column] */
	size_t n_row, cap;
};
int eval_csv_read(struct eval_csv *t, const char *path, struct fc_err *e);
void eval_csv_release(struct eval_csv *t);
/* The column's number; an error naming the file if there is none. */
int eval_csv_column(
    const struct eval_csv *t, const char *name, const char *path, size_t *column, struct fc_err *e);

#endif
