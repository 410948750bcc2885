/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_PAGE_TABLE_H
#define FC_EVAL_PAGE_TABLE_H

#include "fc-eval/show/report.h"
#include "text/table.h"

/* How a cell looks in the page. */
enum eval_page_look {
	EVAL_PAGE_JUDGE,  /* a name; the column is left out where all rows have the same */
	EVAL_PAGE_MODEL,  /* a model, which the row is of */
	EVAL_PAGE_OTHER,  /* a model that it is compared with */
	EVAL_PAGE_MAIN,   /* the number that matters */
	EVAL_PAGE_REAL,   /* a number beside it */
	EVAL_PAGE_P,      /* a probability */
	EVAL_PAGE_COUNT,  /* how many */
	EVAL_PAGE_WARN,   /* how many there should not be */
	EVAL_PAGE_PLOT,   /* a point with its interval on an axis from low to high */
	EVAL_PAGE_CHANGE, /* a plot with a mark at 0, its axis drawn out to hold the interval */
};
struct eval_page_column {
	const char *heading; /* HTML */
	const char *name;    /* the table's column */
	enum eval_page_look look;
	int decimals;
	double low, high;
};
#define EVAL_PAGE_COLUMN(heading, name, look, decimals)                                            \
	{                                                                                          \
		heading, name, look, decimals, 0, 0                                                \
	}
#define EVAL_PAGE_INTERVAL(heading, name, look, low, high)                                         \
	{                                                                                          \
		heading, name, look, 0, low, high                                                  \
	}

/* Appends the table's rows in these columns. */
void eval_page_table(struct fc_buf *b, const struct eval_report *r, const struct fc_table *t,
    const struct eval_page_column *column, size_t n);

/* The model's number; every model of the judgments and answers has one. */
size_t eval_page_model_number(const struct eval_report *r, const char *name);
/* A model's name with the mark of its colour. */
void eval_page_model(struct fc_buf *b, const struct eval_report *r, const char *name);

#endif
