/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/radar.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fc-eval/show/figure.h"
#include "fc-eval/show/html.h"

#define PI 3.14159265358979323846

/* Lengths of dashes and gaps, in which what lies below is seen; the first series lies below all. */
static const char *const dashes[] = {
    NULL, "10,6", "4,8", "10,4,2,6", "2,6", "14,8", "6,4,2,10", "1,5"};

static const char *dash_of(size_t series)
{
	return dashes[series % FC_LEN(dashes)];
}

/* Radius of its points, in units of the SVG: what lies below is larger. */
static double point_of(const struct eval_radar *r, size_t series)
{
	const double below = (double)(r->n_series - 1 - series);
	return 3 + fmin(1.5, 4 / (double)r->n_series) * below;
}

static void add_dash(struct fc_buf *b, size_t series)
{
	if (dash_of(series))
		fc_buf_addf(b, " stroke-dasharray=\"%s\"", dash_of(series));
}

void eval_radar_of(struct eval_radar *r, const struct eval_sheets *s, size_t judge)
{
	*r = (struct eval_radar){.title = s->judge.name[judge], .max = 10};
	r->axis = FC_ARRAY(const char *, s->n_category);
	r->series = FC_ARRAY(const char *, s->n);
	r->number = FC_ARRAY(size_t, s->n);
	r->value = FC_ARRAY(double, s->n * s->n_category);
	size_t *shown = FC_ARRAY(size_t, s->n_category);
	for (size_t c = 0; c < s->n_category; c++) {
		double n = 0;
		for (size_t i = 0; i < s->n; i++)
			if (s->sheet[i].judge == judge)
				n += eval_sheet_sum(s, &s->sheet[i], c, EVAL_TURNS_ALL).den;
		if (n > 0) {
			shown[r->n_axis] = c;
			r->axis[r->n_axis++] = s->category[c];
		}
	}
	for (size_t i = 0; i < s->n; i++) {
		if (s->sheet[i].judge != judge)
			continue;
		for (size_t k = 0; k < r->n_axis; k++) {
			struct fc_share sum =
			    eval_sheet_sum(s, &s->sheet[i], shown[k], EVAL_TURNS_ALL);
			r->value[r->n_series * r->n_axis + k] =
			    sum.den > 0 ? sum.num / sum.den : NAN;
		}
		r->number[r->n_series] = r->n_series;
		r->series[r->n_series++] = s->model.name[s->sheet[i].model];
	}
	free(shown);
}

void eval_radar_release(struct eval_radar *r)
{
	free(r->axis);
	free(r->series);
	free(r->number);
	free(r->value);
	*r = (struct eval_radar){0};
}

/* Geometry of the SVG, in its units. */
enum { CENTRE_X = 250, CENTRE_Y = 200, RADIUS = 150, HEIGHT = 400, WIDTH = 500, LEGEND = 220 };

static double x_of(const struct eval_radar *r, size_t axis, double radius)
{
	return CENTRE_X + radius * sin(2 * PI * (double)axis / (double)r->n_axis);
}

static double y_of(const struct eval_radar *r, size_t axis, double radius)
{
	return CENTRE_Y - radius * cos(2 * PI * (double)axis / (double)r->n_axis);
}

static void put_grid(struct fc_buf *b, const struct eval_radar *r)
{
	for (int ring = 1; ring <= 5; ring++) {
		fc_buf_adds(b, "<polygon class=\"grid\" points=\"");
		for (size_t i = 0; i < r->n_axis; i++)
			fc_buf_addf(b, "%s%.1f,%.1f", i ? " " : "", x_of(r, i, RADIUS * ring / 5.0),
			    y_of(r, i, RADIUS * ring / 5.0));
		fc_buf_adds(b, "\"/>\n");
	}
	for (size_t i = 0; i < r->n_axis; i++) {
		double x = x_of(r, i, RADIUS + 14), y = y_of(r, i, RADIUS + 20);
		const char *anchor = fabs(x - CENTRE_X) < 8 ? "middle"
		    : x < CENTRE_X                          ? "end"
							    : "start";
		fc_buf_addf(b, "<line class=\"grid\" x1=\"%d\" y1=\"%d\" x2=\"%.1f\" y2=\"%.1f\"/>",
		    CENTRE_X, CENTRE_Y, x_of(r, i, RADIUS), y_of(r, i, RADIUS));
		fc_buf_addf(b, "<text class=\"axis\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x,
		    y + 4 + 4 * (y - CENTRE_Y) / RADIUS, anchor);
		eval_html_texts(b, r->axis[i]);
		fc_buf_adds(b, "</text>\n");
	}
	for (int ring = 1; ring <= 5; ring++)
		fc_buf_addf(b, "<text class=\"tick\" x=\"%d\" y=\"%.1f\">%g</text>", CENTRE_X + 4,
		    CENTRE_Y - RADIUS * ring / 5.0 - 2, r->max * ring / 5);
	fc_buf_addc(b, '\n');
}

static void put_series(struct fc_buf *b, const struct eval_radar *r, size_t s)
{
	const double *v = r->value + s * r->n_axis;
	fc_buf_addf(b, "<g class=\"series s%zu\" data-m=\"%zu\"><polygon",
	    r->number[s] % EVAL_FIGURE_COLOURS, r->number[s]);
	add_dash(b, s);
	fc_buf_adds(b, " points=\"");
	for (size_t i = 0; i < r->n_axis; i++)
		if (!isnan(v[i]))
			fc_buf_addf(b, "%.1f,%.1f ", x_of(r, i, RADIUS * v[i] / r->max),
			    y_of(r, i, RADIUS * v[i] / r->max));
	fc_buf_adds(b, "\"/>");
	for (size_t i = 0; i < r->n_axis; i++) {
		if (isnan(v[i]))
			continue;
		fc_buf_addf(b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.2f\"><title>",
		    x_of(r, i, RADIUS * v[i] / r->max), y_of(r, i, RADIUS * v[i] / r->max),
		    point_of(r, s));
		eval_html_texts(b, r->series[s]);
		fc_buf_adds(b, ", ");
		eval_html_texts(b, r->axis[i]);
		fc_buf_addf(b, ": %.2f</title></circle>", v[i]);
	}
	fc_buf_adds(b, "</g>\n");
}

static void put_style(struct fc_buf *b)
{
	fc_buf_adds(b,
	    "<style>text{font:13px Helvetica,Arial,sans-serif;fill:#222}"
	    ".tick{font-size:10px;fill:#777}.grid{fill:none;stroke:#d5d5d5}"
	    ".series polygon{fill-opacity:.07;stroke-width:2;stroke-linejoin:round}");
	for (size_t i = 0; i < EVAL_FIGURE_COLOURS; i++)
		fc_buf_addf(b, ".s%zu{stroke:%s;fill:%s}.s%zu circle{stroke:none}", i,
		    eval_figure_colour(i), eval_figure_colour(i), i);
	fc_buf_adds(b, "</style>\n");
}

static void put_legend(struct fc_buf *b, const struct eval_radar *r)
{
	for (size_t s = 0; s < r->n_series; s++) {
		double y = 40 + 22 * (double)s;
		fc_buf_addf(b,
		    "<g class=\"s%zu\"><line x1=\"%d\" x2=\"%d\" y1=\"%.0f\" y2=\"%.0f\" "
		    "stroke-width=\"3\"",
		    r->number[s] % EVAL_FIGURE_COLOURS, WIDTH + 16, WIDTH + 40, y, y);
		add_dash(b, s);
		fc_buf_addf(b, "/></g><text x=\"%d\" y=\"%.0f\">", WIDTH + 48, y + 4);
		eval_html_texts(b, r->series[s]);
		fc_buf_adds(b, "</text>\n");
	}
}

void eval_radar_svg(struct fc_buf *b, const struct eval_radar *r, enum eval_radar_style style)
{
	bool alone = style == EVAL_RADAR_ALONE;
	int width = WIDTH + (alone ? LEGEND : 0);
	double legend = alone ? 62 + 22 * (double)r->n_series : 0;
	int height = legend > HEIGHT ? (int)legend : HEIGHT;
	fc_buf_addf(b,
	    "<svg %sclass=\"radar\" viewBox=\"0 0 %d %d\" role=\"img\" "
	    "aria-label=\"Ratings by category\"",
	    alone ? "xmlns=\"http://www.w3.org/2000/svg\" " : "", width, height);
	if (alone)
		fc_buf_addf(b, " width=\"%d\" height=\"%d\"", width, height);
	fc_buf_adds(b, ">\n");
	if (alone) {
		put_style(b);
		fc_buf_addf(b, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", width, height);
		fc_buf_addf(b, "<text x=\"%d\" y=\"22\" fill=\"#777\">rated by ", WIDTH + 16);
		eval_html_texts(b, r->title);
		fc_buf_adds(b, "</text>\n");
		put_legend(b, r);
	}
	put_grid(b, r);
	for (size_t s = 0; s < r->n_series; s++)
		put_series(b, r, s);
	fc_buf_adds(b, "</svg>\n");
}

/* Corners in a unit circle, closed. */
static void put_corners(struct fc_buf *b, const struct eval_radar *r, size_t s)
{
	const double *v = r->value + s * r->n_axis;
	bool first = true;
	double x0 = 0, y0 = 0;
	fc_buf_addf(b, "$s%zu << END\n", s);
	for (size_t i = 0; i < r->n_axis; i++) {
		double angle = 2 * PI * (double)i / (double)r->n_axis, radius = v[i] / r->max;
		if (isnan(radius))
			continue;
		if (first) {
			x0 = radius * sin(angle);
			y0 = radius * cos(angle);
			first = false;
		}
		fc_buf_addf(b, "%.4f %.4f\n", radius * sin(angle), radius * cos(angle));
	}
	fc_buf_addf(b, "%.4f %.4f\nEND\n", x0, y0);
}

void eval_radar_gnuplot(struct fc_buf *b, const struct eval_radar *r)
{
	fc_buf_adds(b,
	    "set terminal pngcairo noenhanced size 1440,800 font 'Helvetica,22' "
	    "background 'white'\n"
	    "unset border\nunset tics\nset size ratio -1\nset lmargin 1\nset rmargin 1\n"
	    "set xrange [-1.5:2.4]\nset yrange [-1.2:1.2]\n"
	    "set key at 2.4,1.05 right top Left reverse samplen 2 spacing 1.3 noautotitle\n"
	    "set label 'rated by '.");
	eval_gnuplot_quote(b, r->title);
	fc_buf_adds(b, " at 2.4,1.12 right font ',16' tc rgb '#777777'\n");
	for (int ring = 1; ring <= 5; ring++) {
		for (size_t i = 0; i < r->n_axis; i++) {
			double a = 2 * PI * (double)i / (double)r->n_axis, q = ring / 5.0,
			       z = 2 * PI * (double)(i + 1) / (double)r->n_axis;
			fc_buf_addf(b,
			    "set arrow from %.4f,%.4f to %.4f,%.4f nohead lc rgb '#d5d5d5' back\n",
			    q * sin(a), q * cos(a), q * sin(z), q * cos(z));
		}
		fc_buf_addf(b,
		    "set label '%g' at 0.02,%.3f left font ',14' tc rgb '#777777' front\n",
		    r->max * ring / 5, ring / 5.0 + 0.03);
	}
	for (size_t i = 0; i < r->n_axis; i++) {
		double a = 2 * PI * (double)i / (double)r->n_axis;
		fc_buf_addf(b, "set arrow from 0,0 to %.4f,%.4f nohead lc rgb '#d5d5d5' back\n",
		    sin(a), cos(a));
		fc_buf_adds(b, "set label ");
		eval_gnuplot_quote(b, r->axis[i]);
		fc_buf_addf(b, " at %.4f,%.4f %s\n", 1.08 * sin(a), 1.16 * cos(a),
		    fabs(sin(a)) < 0.05 ? "center"
			: sin(a) < 0    ? "right"
					: "left");
	}
	for (size_t s = 0; s < r->n_series; s++)
		put_corners(b, r, s);
	fc_buf_adds(b, "plot ");
	for (size_t s = 0; s < r->n_series; s++) {
		fc_buf_addf(b, "%s$s%zu using 1:2 with linespoints pt 7 ps %.2f lw 3 lc rgb '%s' ",
		    s ? ", " : "", s, point_of(r, s) / 3, eval_figure_colour(r->number[s]));
		if (dash_of(s))
			fc_buf_addf(b, "dt (%s) ", dash_of(s));
		fc_buf_adds(b, "title ");
		eval_gnuplot_quote(b, r->series[s]);
	}
	fc_buf_addc(b, '\n');
}
