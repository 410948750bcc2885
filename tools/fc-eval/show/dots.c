/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/dots.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void reserve(struct eval_dots *d, size_t n_series, size_t n_group)
{
	d->group = FC_ARRAY(const char *, n_group + 1);
	d->series = FC_ARRAY(const char *, n_series + 1);
	d->number = FC_ARRAY(size_t, n_series + 1);
	d->value = FC_ARRAY(double, n_series *n_group + 1);
	d->interval = FC_ARRAY(struct fc_interval, n_series * n_group + 1);
}

/* A model's row of the figure. */
static void add_sheet(struct eval_dots *d, const struct eval_sheets *s, const struct eval_sheet *x,
    const size_t *shown, uint64_t seed, size_t n_draw)
{
	for (size_t k = 0; k < d->n_group; k++) {
		struct fc_interval i[EVAL_TURNS_COUNT] = {{0}};
		const struct fc_share sum = eval_sheet_sum(s, x, shown[k], EVAL_TURNS_ALL);
		const size_t at = d->n_series * d->n_group + k;
		if (n_draw)
			eval_sheet_intervals(s, x, shown[k], seed, n_draw, i);
		d->value[at] = sum.den > 0 ? sum.num / sum.den : NAN;
		d->interval[at] = n_draw ? i[EVAL_TURNS_ALL] : (struct fc_interval){NAN, NAN};
	}
	d->number[d->n_series] = d->n_series;
	d->series[d->n_series++] = s->model.name[x->model];
}

void eval_dots_of(
    struct eval_dots *d, const struct eval_sheets *s, size_t judge, uint64_t seed, size_t n_draw)
{
	*d = (struct eval_dots){.title = s->judge.name[judge],
	    .unit = "mean rating",
	    .note = n_draw ? "lines: 95 % intervals, by a bootstrap over questions" : NULL,
	    .low = 0,
	    .high = 10};
	reserve(d, s->n, s->n_category + 1);
	size_t *shown = FC_ARRAY(size_t, s->n_category + 1);
	shown[0] = SIZE_MAX;
	d->group[d->n_group++] = "all";
	for (size_t c = 0; c < s->n_category; c++) {
		double n = 0;
		for (size_t i = 0; i < s->n; i++)
			if (s->sheet[i].judge == judge)
				n += eval_sheet_sum(s, &s->sheet[i], c, EVAL_TURNS_ALL).den;
		if (n > 0) {
			shown[d->n_group] = c;
			d->group[d->n_group++] = s->category[c];
		}
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->sheet[i].judge == judge)
			add_sheet(d, s, &s->sheet[i], shown, seed, n_draw);
	free(shown);
}

void eval_dots_release(struct eval_dots *d)
{
	for (size_t i = 0; i < d->n_owned; i++)
		free(d->owned[i]);
	free(d->owned);
	free(d->group);
	free(d->series);
	free(d->number);
	free(d->value);
	free(d->interval);
	*d = (struct eval_dots){0};
}

/* ---- drawing ---- */

enum {
	WIDTH = 720,
	LEFT_MIN = 150,
	LEFT_MAX = 320,
	CHARACTER = 7,
	RIGHT = 24,
	TOP = 66,
	ROW = 13,
	GAP = 14,
	BELOW = 52
};

struct plan {
	const struct eval_dots *d;
	struct eval_ticks ticks;
	double left;        /* of the axis: behind the categories' names */
	double top, bottom; /* of the rows */
};

static double left_of(const struct eval_dots *d)
{
	size_t longest = 0;
	for (size_t g = 0; g < d->n_group; g++)
		longest = strlen(d->group[g]) > longest ? strlen(d->group[g]) : longest;
	return fmin(LEFT_MAX, fmax(LEFT_MIN, 24 + CHARACTER * (double)longest));
}

static double x_of(const struct plan *p, double v)
{
	return p->left +
	    (WIDTH - p->left - RIGHT) * (v - p->ticks.low) / (p->ticks.high - p->ticks.low);
}

static double row_of(const struct plan *p, size_t group, size_t series)
{
	const double height = (double)p->d->n_series * ROW + GAP;
	return p->top + (double)group * height + ((double)series + 0.5) * ROW + GAP / 2.0;
}

/* Names in their colours, in as many lines as they need; returns the lines. */
static size_t legend(struct eval_figure *f, const struct eval_dots *d, double y)
{
	enum { MARK = 16, SPACE = 18, LINE = 20 };
	const double left = left_of(d);
	double x = left;
	size_t lines = 1;
	for (size_t s = 0; s < d->n_series; s++) {
		const double width = MARK + CHARACTER * (double)strlen(d->series[s]);
		if (x > left && x + width > WIDTH - RIGHT) {
			x = left;
			y += LINE;
			lines++;
		}
		if (f) {
			eval_figure_series(f, d->number[s]);
			eval_figure_dot(f, x + 5, y - 4, 4.5, false, NULL);
			eval_figure_series_end(f);
			eval_figure_text(f, x + MARK, y, EVAL_FIGURE_LEFT, false, 0, d->series[s]);
		}
		x += width + SPACE;
	}
	return lines;
}

static void draw_frame(struct eval_figure *f, const struct plan *p)
{
	const struct eval_dots *d = p->d;
	struct fc_buf b = FC_BUF_INIT;
	for (size_t i = 0; i < p->ticks.n; i++) {
		const double x = x_of(p, p->ticks.first + (double)i * p->ticks.step);
		eval_figure_line(f, x, p->top, x, p->bottom, 1);
		fc_buf_clear(&b);
		eval_ticks_label(&b, &p->ticks, i);
		eval_figure_text(f, x, p->bottom + 16, EVAL_FIGURE_MIDDLE, true, 11, b.p);
	}
	for (size_t g = 0; g < d->n_group; g++) {
		const double y = row_of(p, g, 0) - ROW / 2.0 - GAP / 2.0;
		eval_figure_line(f, 12, y, WIDTH - RIGHT, y, 1);
		eval_figure_text(f, p->left - 12,
		    row_of(p, g, d->n_series) - ROW / 2.0 - ROW * (double)d->n_series / 2 + 4,
		    EVAL_FIGURE_RIGHT, false, 0, d->group[g]);
	}
	eval_figure_line(f, 12, p->bottom, WIDTH - RIGHT, p->bottom, 1);
	fc_buf_clear(&b);
	fc_buf_addf(&b, "%s%s%s", d->unit, d->note ? "; " : "", d->note ? d->note : "");
	eval_figure_text(f, p->left, p->bottom + 36, EVAL_FIGURE_LEFT, true, 11, b.p);
	fc_buf_release(&b);
}

static void draw_series(struct eval_figure *f, const struct plan *p, size_t s)
{
	const struct eval_dots *d = p->d;
	char says[512];
	eval_figure_series(f, d->number[s]);
	for (size_t g = 0; g < d->n_group; g++) {
		const size_t at = s * d->n_group + g;
		const double v = d->value[at], y = row_of(p, g, s);
		const struct fc_interval i = d->interval[at];
		if (isnan(v))
			continue;
		const bool has = !isnan(i.low) && !isnan(i.high);
		if (has)
			eval_figure_line(f, x_of(p, i.low), y, x_of(p, i.high), y, 2);
		int n = snprintf(
		    says, sizeof says, "%.120s, %.120s: %.4g", d->series[s], d->group[g], v);
		if (has)
			snprintf(
			    says + n, sizeof says - (size_t)n, " (%.4g to %.4g)", i.low, i.high);
		eval_figure_dot(f, x_of(p, v), y, 4.5, false, says);
	}
	eval_figure_series_end(f);
}

void eval_dots_draw(struct eval_figure *f, const struct eval_dots *d)
{
	const size_t lines = legend(NULL, d, 0);
	struct plan p = {.d = d, .left = left_of(d), .ticks = eval_ticks_of(d->low, d->high, 5)};
	p.top = TOP + 20 * (double)(lines - 1);
	p.bottom = p.top + (double)d->n_group * ((double)d->n_series * ROW + GAP);
	eval_figure_begin(f, WIDTH, (int)p.bottom + BELOW, d->title);
	eval_figure_text(f, 12, 24, EVAL_FIGURE_LEFT, false, 16, d->title);
	legend(f, d, 50);
	draw_frame(f, &p);
	for (size_t s = 0; s < d->n_series; s++)
		draw_series(f, &p, s);
}
