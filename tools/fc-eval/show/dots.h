/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_DOTS_H
#define FC_EVAL_DOTS_H

#include "fc-eval/show/figure.h"
#include "fc-eval/show/sheets.h"

/*
 * Scores by category: a dot for a model's mean and a line for its interval, on one axis.  Each
 * model has a row of its own in every category, so that equal ones do not hide each other.
 */
struct eval_dots {
	const char *title, *unit, *note; /* unit: of the axis; note: what the lines are, or NULL */
	const char **group;              /* [n_group] */
	const char **series;             /* [n_series] */
	size_t *number;                  /* [n_series] of its colour, and of the model in a page */
	double *value;                   /* [n_series][n_group]; NaN: no dot */
	struct fc_interval *interval;    /* [n_series][n_group]; NaN: no line */
	size_t n_group, n_series;
	double low, high; /* of the axis */
	char **owned;     /* [n_owned] texts that go with it */
	size_t n_owned;
};
/* Of one judge's sheets; texts are borrowed.  n_draw 0: no intervals.  First all categories. */
void eval_dots_of(
    struct eval_dots *d, const struct eval_sheets *s, size_t judge, uint64_t seed, size_t n_draw);
/* Of a table that fc-eval has written with --format tsv: its column "model" or "stream", "group",
 * and the first other that has "_low" and "_high" beside it. */
int eval_dots_read(struct eval_dots *d, const char *path, struct fc_err *e);
void eval_dots_release(struct eval_dots *d);
void eval_dots_draw(struct eval_figure *f, const struct eval_dots *d);

#endif
