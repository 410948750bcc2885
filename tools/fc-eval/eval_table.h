/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_TABLE_H
#define FC_EVAL_TABLE_H

#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/resample.h"
#include "text/table.h"

/*
 * The table of a command: its columns are declared once, its rows are added once, and every form of
 * it is printed from them: aligned for people, TSV and JSON for programs, HTML in a page
 * (show/page_table.h).
 */

/* Where a column is shown. */
enum eval_column_shown { EVAL_SHOWN_ALL, EVAL_SHOWN_PROGRAMS /* TSV, JSON */, EVAL_SHOWN_NEVER };
/* How the interval of a column's reals is shown. */
enum eval_column_interval {
	EVAL_INTERVAL_NONE,
	EVAL_INTERVAL_COLUMNS,  /* columns NAME_low and NAME_high */
	EVAL_INTERVAL_BRACKETS, /* for programs these columns, for people one: "[low, high]" */
	EVAL_INTERVAL_PROGRAMS, /* for programs these columns, for people none */
};
struct eval_column {
	const char *name;
	int decimals;        /* of reals, for people */
	const char *heading; /* for people, NULL: the name */
	enum eval_column_interval interval;
	enum eval_column_shown shown;
};
/* EVAL_COLUMN("accuracy", .decimals = 3): an element of a list of columns. */
#define EVAL_COLUMN(...)                                                                           \
	{                                                                                          \
		.name = __VA_ARGS__                                                                \
	}

/* Filled in by the functions below. */
struct eval_cell {
	enum { EVAL_CELL_NONE, EVAL_CELL_TEXT, EVAL_CELL_COUNT, EVAL_CELL_REAL } kind;
	char *text;
	uint64_t count;
	double real;
	struct fc_interval interval;
};
struct eval_cell eval_cell_none(void);
struct eval_cell eval_cell_text(const char *s); /* copied; NULL: as none */
struct eval_cell eval_cell_count(uint64_t n);
struct eval_cell eval_cell_real(double v); /* what is not finite is shown as none */
struct eval_cell eval_cell_within(double v, struct fc_interval i);
struct eval_cell eval_cell_share(uint64_t n, uint64_t of); /* n / of; NaN of none */

struct eval_table {
	const struct eval_column *column; /* [n_column], borrowed */
	size_t n_column;
	struct eval_cell *cell; /* [n_row][n_column] */
	size_t n_row, cap;
};
/* An empty table of the columns, an array. */
#define EVAL_TABLE(columns)                                                                        \
	{                                                                                          \
		.column = (columns), .n_column = FC_LEN(columns)                                   \
	}
/* Adds a row: a cell for every column. */
#define EVAL_TABLE_ROW(t, ...)                                                                     \
	eval_table_add(t, (const struct eval_cell[]){__VA_ARGS__},                                 \
	    FC_LEN(((const struct eval_cell[]){__VA_ARGS__})))
void eval_table_add(struct eval_table *t, const struct eval_cell *cell, size_t n);
/* Removes the rows. */
void eval_table_release(struct eval_table *t);

void eval_table_append(const struct eval_table *t, enum fc_table_format format, struct fc_buf *out);
/* Prints to path (NULL: standard output) and releases; ends the program on failure. */
void eval_table_print(struct eval_table *t, enum fc_table_format format, const char *path);

/* Writes to path, NULL: standard output. */
int eval_text_write(const struct fc_buf *text, const char *path, struct fc_err *e);

#endif
