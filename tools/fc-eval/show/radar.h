/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_RADAR_H
#define FC_EVAL_RADAR_H

#include "fc-eval/show/scoresheet.h"

/* A radar chart of ratings: an axis a category, clockwise from the top, a polygon a model. */
struct fc_radar {
	const char *title;
	const char **axis;   /* [n_axis] */
	const char **series; /* [n_series] */
	size_t *number;      /* [n_series] of its colour, and of the model in a page */
	double *value;       /* [n_series][n_axis]; NaN: the polygon passes this axis by */
	size_t n_axis, n_series;
	double max; /* of the axes, which begin at 0 */
};
/* Of one judge's sheets; texts are borrowed. */
void fc_radar_of(struct fc_radar *r, const struct fc_sheets *s, size_t judge);
void fc_radar_release(struct fc_radar *r);

enum fc_radar_style {
	FC_RADAR_ALONE,  /* a file: its own colours and a legend */
	FC_RADAR_INLINE, /* in a page, whose style has the classes "radar", "grid", "axis", "s0"...
			  */
};
/* Fewer make no picture. */
#define FC_RADAR_AXES_MIN 3
void fc_radar_svg(struct fc_buf *b, const struct fc_radar *r, enum fc_radar_style style);
/* A script for gnuplot that writes a PNG to its standard output. */
void fc_radar_gnuplot(struct fc_buf *b, const struct fc_radar *r);

/* "#rrggbb" of series i; there are FC_RADAR_COLOURS, then they come again. */
#define FC_RADAR_COLOURS 8
const char *fc_radar_colour(size_t i);

#endif
