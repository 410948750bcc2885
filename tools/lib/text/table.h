/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TEXT_TABLE_H
#define FC_TEXT_TABLE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/resample.h"

/* A small table: its columns are declared once, its rows are added once, and every form of it is
 * printed from them. */
enum fc_table_format {
	FC_TABLE_TEXT, /* for people: aligned columns, reals rounded */
	FC_TABLE_TSV,  /* a header line; tab, newline and backslash in cells as \t \n \\ */
	FC_TABLE_JSON, /* one object a row and line */
	FC_TABLE_N
};
extern const char *const fc_table_format_words[]; /* of an option (base/opt.h) */

/* Who sees a column; programs read TSV and JSON. */
enum fc_column_shown { FC_SHOWN_ALL, FC_SHOWN_PROGRAMS, FC_SHOWN_NEVER };
/* How the interval of a column's reals is shown. */
enum fc_column_interval {
	FC_INTERVAL_NONE,
	FC_INTERVAL_COLUMNS,  /* columns NAME_low and NAME_high */
	FC_INTERVAL_BRACKETS, /* for programs these columns, for people one: "[low, high]" */
	FC_INTERVAL_PROGRAMS, /* for programs these columns, for people none */
};
struct fc_column {
	const char *name;
	int decimals;        /* of reals, for people */
	const char *heading; /* for people, NULL: the name */
	enum fc_column_interval interval;
	enum fc_column_shown shown;
};
/* FC_COLUMN("accuracy", .decimals = 3): an element of a list of columns. */
#define FC_COLUMN(...)                                                                             \
	{                                                                                          \
		.name = __VA_ARGS__                                                                \
	}

struct fc_cell {
	enum { FC_CELL_NONE, FC_CELL_TEXT, FC_CELL_COUNT, FC_CELL_REAL } kind;
	char *text;
	uint64_t count;
	double real;
	struct fc_interval interval;
};
struct fc_cell fc_cell_none(void);          /* "-", nothing, null */
struct fc_cell fc_cell_text(const char *s); /* copied; NULL: none */
struct fc_cell fc_cell_count(uint64_t n);
struct fc_cell fc_cell_real(double v); /* what is not finite: none */
struct fc_cell fc_cell_within(double v, struct fc_interval i);
struct fc_cell fc_cell_share(uint64_t n, uint64_t of); /* n / of; of no things: none */

struct fc_table {
	const struct fc_column *column; /* [n_column], borrowed */
	size_t n_column;
	struct fc_cell *cell; /* [n_row][n_column] */
	size_t n_row, cap;
};
/* An empty table of the columns, an array. */
#define FC_TABLE(columns)                                                                          \
	{                                                                                          \
		.column = (columns), .n_column = FC_LEN(columns)                                   \
	}
/* Adds a row: a cell for every column. */
#define FC_TABLE_ROW(t, ...)                                                                       \
	fc_table_add(t, (const struct fc_cell[]){__VA_ARGS__},                                     \
	    FC_LEN(((const struct fc_cell[]){__VA_ARGS__})))
void fc_table_add(struct fc_table *t, const struct fc_cell *cell, size_t n);
/* Removes the rows. */
void fc_table_release(struct fc_table *t);

/* Appends the table. */
void fc_table_print(const struct fc_table *t, enum fc_table_format format, struct fc_buf *out);
/* The end of a command whose result is a table: prints it, with `more` (may be NULL) behind it, to
 * the file at path, NULL or "-" for standard output.  Releases t, also on failure. */
int fc_table_write(struct fc_table *t, enum fc_table_format format, const struct fc_buf *more,
    const char *path, struct fc_err *e);

#endif
