/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_RADAR_H
#define FC_EVAL_RADAR_H

#include "fc-eval/show/sheets.h"

/* A radar chart of ratings: an axis a category, clockwise from the top, a polygon a model. */
struct eval_radar {
	const char *title;
	const char **axis;   /* [n_axis] */
	const char **series; /* [n_series] */
	size_t *number;      /* [n_series] of its colour, and of the model in a page */
	double *value;       /* [n_series][n_axis]; NaN: the polygon passes this axis by */
	size_t n_axis, n_series;
	double max; /* of the axes, which begin at 0 */
};
/* Of one judge's sheets; texts are borrowed. */
void eval_radar_of(struct eval_radar *r, const struct eval_sheets *s, size_t judge);
void eval_radar_release(struct eval_radar *r);

enum eval_radar_style {
	EVAL_RADAR_ALONE,  /* a file: its own colours and a legend */
	EVAL_RADAR_INLINE, /* in a page, whose style has the classes "radar", "grid", "axis",
			    * "s0"...
			    */
};
/* Fewer make no picture. */
#define EVAL_RADAR_AXES_MIN 3
void eval_radar_svg(struct fc_buf *b, const struct eval_radar *r, enum eval_radar_style style);
/* A script for gnuplot that writes a PNG to its standard output. */
void eval_radar_gnuplot(struct fc_buf *b, const struct eval_radar *r);

#endif
