/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_FIGURE_H
#define FC_EVAL_FIGURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * A drawing on a sheet of so many units, y downwards, that becomes an SVG, or a script of gnuplot
 * for a PNG of twice as many pixels: the same in both.  What is drawn later lies above.
 */
struct eval_figure { /* {0} is empty */
	int width, height;
	const char *title; /* borrowed */
	long series;       /* whose shapes follow; -1: those of the frame */
	size_t n_curve;
	struct fc_buf svg, set, data, plot;
};
void eval_figure_begin(struct eval_figure *f, int width, int height, const char *title);
void eval_figure_release(struct eval_figure *f);

/* Shapes until the end have the colour of series i (eval_figure_colour()), and in a page can be
 * pointed at as model number i. */
void eval_figure_series(struct eval_figure *f, size_t i);
void eval_figure_series_end(struct eval_figure *f);

void eval_figure_line(
    struct eval_figure *f, double x1, double y1, double x2, double y2, double width);
/* Points with a NaN part the curve; one that stands alone becomes a dot.  dash: "6,4" or NULL. */
void eval_figure_curve(
    struct eval_figure *f, const double (*xy)[2], size_t n, double width, const char *dash);
/* says: what a pointer over it shows, or NULL; hollow: a ring. */
void eval_figure_dot(
    struct eval_figure *f, double x, double y, double radius, bool hollow, const char *says);
enum eval_figure_anchor { EVAL_FIGURE_LEFT, EVAL_FIGURE_MIDDLE, EVAL_FIGURE_RIGHT };
/* y: of the base line; soft: in grey; size: 0 for the usual one. */
void eval_figure_text(struct eval_figure *f, double x, double y, enum eval_figure_anchor anchor,
    bool soft, int size, const char *text);

/* alone: a file with colours of its own, for light and dark; else a part of a page whose style has
 * the classes "figure", "grid", "soft" and "s0"... */
void eval_figure_svg(struct fc_buf *b, const struct eval_figure *f, bool alone);
/* Writes a PNG to its standard output. */
void eval_figure_gnuplot(struct fc_buf *b, const struct eval_figure *f);

/* An axis from low to high with about n round ticks: their step, the first, and how many. */
struct eval_ticks {
	double low, high, first, step;
	size_t n;
	int decimals;
};
/* Where all values are alike, the axis is a little wider. */
struct eval_ticks eval_ticks_of(double low, double high, size_t n);
void eval_ticks_label(struct fc_buf *b, const struct eval_ticks *t, size_t i);

/* "#rrggbb" of series i; there are EVAL_FIGURE_COLOURS, then they come again. */
#define EVAL_FIGURE_COLOURS 8
const char *eval_figure_colour(size_t i);

/* A text as a gnuplot expression, for a terminal in noenhanced mode: nothing in it is substituted.
 */
void eval_gnuplot_quote(struct fc_buf *b, const char *s);

#endif
