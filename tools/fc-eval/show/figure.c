/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fc-eval/show/html.h"

#define GRID "#d5d5d5"
#define SOFT "#6f6f6f"
#define TEXT "#222222"
enum { TEXT_SIZE = 13, SCALE = 2 };

/* Okabe and Ito's palette, which colour-blind readers can tell apart; black comes last. */
static const char *const colours[EVAL_FIGURE_COLOURS] = {
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#222222"};

const char *eval_figure_colour(size_t i)
{
	return colours[i % EVAL_FIGURE_COLOURS];
}

void eval_figure_begin(struct eval_figure *f, int width, int height, const char *title)
{
	*f = (struct eval_figure){.width = width, .height = height, .title = title, .series = -1};
}

void eval_figure_release(struct eval_figure *f)
{
	fc_buf_release(&f->svg);
	fc_buf_release(&f->set);
	fc_buf_release(&f->data);
	fc_buf_release(&f->plot);
}

void eval_figure_series(struct eval_figure *f, size_t i)
{
	f->series = (long)i;
	fc_buf_addf(
	    &f->svg, "<g class=\"series s%zu\" data-m=\"%zu\">\n", i % EVAL_FIGURE_COLOURS, i);
}

void eval_figure_series_end(struct eval_figure *f)
{
	f->series = -1;
	fc_buf_adds(&f->svg, "</g>\n");
}

static const char *line_colour(const struct eval_figure *f)
{
	return f->series < 0 ? GRID : eval_figure_colour((size_t)f->series);
}

void eval_figure_line(
    struct eval_figure *f, double x1, double y1, double x2, double y2, double width)
{
	fc_buf_addf(&f->svg,
	    "<line%s x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke-width=\"%g\"/>\n",
	    f->series < 0 ? " class=\"grid\"" : "", x1, y1, x2, y2, width);
	fc_buf_addf(&f->set, "set arrow from %.1f,%.1f to %.1f,%.1f nohead lw %g lc rgb '%s' %s\n",
	    x1, y1, x2, y2, width * SCALE, line_colour(f), f->series < 0 ? "back" : "front");
}

/* The points [from, to) of a curve, of which none is NaN. */
static void put_piece(struct eval_figure *f, const double (*xy)[2], size_t from, size_t to,
    double width, const char *dash)
{
	if (to == from)
		return;
	if (to - from == 1) {
		eval_figure_dot(f, xy[from][0], xy[from][1], width + 1.5, false, NULL);
		return;
	}
	fc_buf_addf(&f->svg, "<polyline fill=\"none\" stroke-width=\"%g\"", width);
	if (dash)
		fc_buf_addf(&f->svg, " stroke-dasharray=\"%s\"", dash);
	fc_buf_adds(&f->svg, " points=\"");
	for (size_t i = from; i < to; i++) {
		fc_buf_addf(&f->svg, "%s%.1f,%.1f", i > from ? " " : "", xy[i][0], xy[i][1]);
		fc_buf_addf(&f->data, "%.2f %.2f\n", xy[i][0], xy[i][1]);
	}
	fc_buf_adds(&f->svg, "\"/>\n");
	fc_buf_addc(&f->data, '\n');
}

void eval_figure_curve(
    struct eval_figure *f, const double (*xy)[2], size_t n, double width, const char *dash)
{
	size_t from = 0;
	fc_buf_addf(&f->data, "$c%zu << END\n", f->n_curve);
	const size_t before = f->data.n;
	for (size_t i = 0; i <= n; i++)
		if (i == n || isnan(xy[i][0]) || isnan(xy[i][1])) {
			put_piece(f, xy, from, i, width, dash);
			from = i + 1;
		}
	const bool any = f->data.n > before;
	fc_buf_adds(&f->data, "END\n");
	if (!any)
		return;
	fc_buf_addf(&f->plot, "%s$c%zu using 1:2 with lines lw %g lc rgb '%s'",
	    f->plot.n ? ", " : "", f->n_curve, width * SCALE, line_colour(f));
	if (dash)
		fc_buf_addf(&f->plot, " dt (%s)", dash);
	f->n_curve++;
}

void eval_figure_dot(
    struct eval_figure *f, double x, double y, double radius, bool hollow, const char *says)
{
	fc_buf_addf(&f->svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"%s", x, y, radius,
	    hollow ? " class=\"ring\"" : "");
	if (says) {
		fc_buf_adds(&f->svg, "><title>");
		eval_html_texts(&f->svg, says);
		fc_buf_adds(&f->svg, "</title></circle>\n");
	} else {
		fc_buf_adds(&f->svg, "/>\n");
	}
	fc_buf_addf(&f->set, "set object circle at %.1f,%.1f size %.2f front ", x, y, radius);
	if (hollow)
		fc_buf_addf(&f->set, "fillstyle empty border rgb '%s' lw 3\n", line_colour(f));
	else
		fc_buf_addf(&f->set, "fc rgb '%s' fillstyle solid noborder\n", line_colour(f));
}

void eval_gnuplot_quote(struct fc_buf *b, const char *s)
{
	/* in single quotes; a quote of the text stands by itself in double ones, since gnuplot
	 * reads three single ones in a row as an empty text */
	fc_buf_addc(b, '\'');
	for (; *s; s++) {
		if ((unsigned char)*s < ' ' || *s == 127)
			fc_buf_addc(b, ' ');
		else if (*s == '\'')
			fc_buf_adds(b, "'.\"'\".'");
		else
			fc_buf_addc(b, *s);
	}
	fc_buf_addc(b, '\'');
}

void eval_figure_text(struct eval_figure *f, double x, double y, enum eval_figure_anchor anchor,
    bool soft, int size, const char *text)
{
	static const char *const svg[] = {"start", "middle", "end"};
	static const char *const gnuplot[] = {"left", "center", "right"};
	const int px = size ? size : TEXT_SIZE;
	fc_buf_addf(&f->svg, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s", x, y, svg[anchor],
	    soft ? " class=\"soft\"" : "");
	if (size)
		fc_buf_addf(&f->svg, " style=\"font-size:%dpx\"", size);
	fc_buf_addc(&f->svg, '>');
	eval_html_texts(&f->svg, text);
	fc_buf_adds(&f->svg, "</text>\n");
	fc_buf_adds(&f->set, "set label ");
	eval_gnuplot_quote(&f->set, text);
	/* gnuplot centres a line of text on its point; its sizes are points */
	fc_buf_addf(&f->set, " at %.1f,%.1f %s font ',%.1f' tc rgb '%s' front\n", x, y - 0.35 * px,
	    gnuplot[anchor], px * SCALE * 0.75, soft ? SOFT : TEXT);
}

static void put_style(struct fc_buf *b)
{
	fc_buf_adds(b,
	    "<style>text{font:13px Helvetica,Arial,sans-serif;fill:" TEXT "}.soft{fill:" SOFT
	    "}.grid{stroke:" GRID "}.sheet{fill:#fff}.ring{fill:none;stroke-width:1.5}");
	for (size_t i = 0; i < EVAL_FIGURE_COLOURS; i++)
		fc_buf_addf(
		    b, ".s%zu{stroke:%s;fill:%s}", i, eval_figure_colour(i), eval_figure_colour(i));
	fc_buf_adds(b,
	    "@media(prefers-color-scheme:dark){text{fill:#ddd}.soft{fill:#a0a0a0}"
	    ".grid{stroke:#444}.sheet{fill:#161616}.s0{stroke:#3b9ae0;fill:#3b9ae0}"
	    ".s7{stroke:#ddd;fill:#ddd}}</style>\n");
}

void eval_figure_svg(struct fc_buf *b, const struct eval_figure *f, bool alone)
{
	fc_buf_addf(b, "<svg %sclass=\"figure\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
	    alone ? "xmlns=\"http://www.w3.org/2000/svg\" " : "", f->width, f->height);
	eval_html_texts(b, f->title);
	fc_buf_addc(b, '"');
	if (alone)
		fc_buf_addf(b, " width=\"%d\" height=\"%d\"", f->width, f->height);
	fc_buf_adds(b, ">\n");
	if (alone) {
		put_style(b);
		fc_buf_addf(
		    b, "<rect class=\"sheet\" width=\"%d\" height=\"%d\"/>\n", f->width, f->height);
	}
	fc_buf_add(b, f->svg.p, f->svg.n);
	fc_buf_adds(b, "</svg>\n");
}

void eval_figure_gnuplot(struct fc_buf *b, const struct eval_figure *f)
{
	fc_buf_addf(b,
	    "set terminal pngcairo noenhanced size %d,%d font 'Helvetica,20' background 'white'\n"
	    "unset border\nunset tics\nunset key\n"
	    "set lmargin at screen 0\nset rmargin at screen 1\n"
	    "set tmargin at screen 1\nset bmargin at screen 0\n"
	    "set xrange [0:%d]\nset yrange [%d:0]\n",
	    f->width * SCALE, f->height * SCALE, f->width, f->height);
	fc_buf_add(b, f->set.p, f->set.n);
	fc_buf_add(b, f->data.p, f->data.n);
	/* without a curve there is something else to plot, which is not seen */
	fc_buf_adds(b, "plot ");
	if (f->plot.n)
		fc_buf_add(b, f->plot.p, f->plot.n);
	else
		fc_buf_adds(b, "-1 with lines lw 0");
	fc_buf_addc(b, '\n');
}

struct eval_ticks eval_ticks_of(double low, double high, size_t n)
{
	if (!(high > low)) {
		const double room = fabs(low) > 0 ? 0.05 * fabs(low) : 0.5;
		low -= room;
		high = low + 2 * room;
	}
	const double rough = (high - low) / (double)n, unit = pow(10, floor(log10(rough)));
	const double of_unit = rough / unit;
	struct eval_ticks t = {.low = low, .high = high};
	t.step = unit * (of_unit < 1.5 ? 1 : of_unit < 3.5 ? 2 : of_unit < 7.5 ? 5 : 10);
	t.first = ceil(low / t.step - 1e-9) * t.step;
	t.n = (size_t)floor((high - t.first) / t.step + 1e-9) + 1;
	const double digits = -floor(log10(t.step) + 1e-9);
	t.decimals = digits > 0 ? (int)digits : 0;
	return t;
}

void eval_ticks_label(struct fc_buf *b, const struct eval_ticks *t, size_t i)
{
	const double v = t->first + (double)i * t->step;
	if (fabs(v) >= 1e6)
		fc_buf_addf(b, "%.3gM", v / 1e6);
	else if (fabs(v) >= 1e4)
		fc_buf_addf(b, "%.4gk", v / 1e3);
	else if (t->step < 1e-4)
		fc_buf_addf(b, "%.3g", fabs(v) < t->step / 2 ? 0.0 : v);
	else
		fc_buf_addf(b, "%.*f", t->decimals, fabs(v) < t->step / 2 ? 0.0 : v);
}
