/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/curves.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A panel of the figure, and its axes. */
struct panel {
	double top, bottom;
	struct eval_ticks x, y;
};
enum {
	WIDTH = 720,
	HEIGHT = 460,
	LEFT = 66,
	RIGHT = 20,
	TOP = 84,
	LOSS_END = 330,
	RATE = 362,
	RATE_END = 414
};

struct range {
	double low, high;
};

static void widen(struct range *r, double v)
{
	if (!isfinite(v))
		return;
	r->low = fmin(r->low, v);
	r->high = fmax(r->high, v);
}

static double over(const struct eval_curves *c, const struct eval_runlog_point *p)
{
	return c->over == EVAL_CURVES_TOKENS ? p->tokens : p->step;
}

/* Means over the window that ends at each point; a point without a value has none, and is in no
 * mean.  out: [n_step] */
static void smooth(const struct eval_runlog *l, size_t window, double *out)
{
	double sum = 0;
	size_t n = 0;
	for (size_t i = 0; i < l->n_step; i++) {
		const double v = l->step[i].v[0];
		const double old = i >= window ? l->step[i - window].v[0] : NAN;
		sum += isnan(v) ? 0 : v;
		n += !isnan(v);
		sum -= isnan(old) ? 0 : old;
		n -= !isnan(old);
		out[i] = window == 1 || isnan(v) ? v : sum / (double)n;
	}
}

static double place(const struct eval_ticks *t, double v, double from, double to)
{
	return isfinite(v) ? from + (to - from) * (v - t->low) / (t->high - t->low) : NAN;
}

static double x_of(const struct panel *p, double v)
{
	return place(&p->x, v, LEFT, WIDTH - RIGHT);
}

static double y_of(const struct panel *p, double v)
{
	return place(&p->y, v, p->bottom, p->top);
}

static void draw_frame(struct eval_figure *f, const struct panel *p, const char *name, bool with_x)
{
	struct fc_buf b = FC_BUF_INIT;
	for (size_t i = 0; i < p->y.n; i++) {
		const double y = y_of(p, p->y.first + (double)i * p->y.step);
		eval_figure_line(f, LEFT, y, WIDTH - RIGHT, y, 1);
		fc_buf_clear(&b);
		eval_ticks_label(&b, &p->y, i);
		eval_figure_text(f, LEFT - 8, y + 4, EVAL_FIGURE_RIGHT, true, 11, b.p);
	}
	for (size_t i = 0; i < p->x.n; i++) {
		const double x = x_of(p, p->x.first + (double)i * p->x.step);
		eval_figure_line(f, x, p->bottom, x, p->bottom + 4, 1);
		fc_buf_clear(&b);
		eval_ticks_label(&b, &p->x, i);
		if (with_x)
			eval_figure_text(f, x, p->bottom + 18, EVAL_FIGURE_MIDDLE, true, 11, b.p);
	}
	if (name)
		eval_figure_text(f, LEFT, p->top - 8, EVAL_FIGURE_LEFT, true, 11, name);
	fc_buf_release(&b);
}

/* What lies below is wider: of trainings that went alike, all are seen. */
static double wider(const struct eval_curves *c, size_t i)
{
	const double below = (double)(c->n - 1 - i);
	return fmin(1.5, 4 / (double)c->n) * below;
}

/* Which of a log's columns: a value of its steps, or its evaluations. */
static void draw_steps(struct eval_figure *f, const struct eval_curves *c,
    const struct eval_runlog *l, const struct panel *p, const double *v, double width)
{
	double(*xy)[2] = fc_malloc((l->n_step + 1) * sizeof *xy);
	for (size_t i = 0; i < l->n_step; i++) {
		xy[i][0] = x_of(p, over(c, &l->step[i]));
		xy[i][1] = y_of(p, v[i]);
	}
	eval_figure_curve(f, (const double(*)[2])xy, l->n_step, width, NULL);
	free(xy);
}

static void draw_evaluations(
    struct eval_figure *f, const struct eval_curves *c, size_t number, const struct panel *p)
{
	const struct eval_runlog *l = &c->log[number];
	const double more = wider(c, number);
	double(*xy)[2] = fc_malloc((l->n_eval + 1) * sizeof *xy);
	char says[160];
	for (size_t i = 0; i < l->n_eval; i++) {
		xy[i][0] = x_of(p, over(c, &l->eval[i]));
		xy[i][1] = y_of(p, l->eval[i].v[0]);
	}
	eval_figure_curve(f, (const double(*)[2])xy, l->n_eval, 2 + more, "6,4");
	for (size_t i = 0; i < l->n_eval; i++) {
		const struct eval_runlog_point *q = &l->eval[i];
		if (isnan(xy[i][1]) || isnan(xy[i][0]))
			continue;
		snprintf(says, sizeof says, "%.80s, step %.0f: held-out %.4f", l->name, q->step,
		    q->v[0]);
		eval_figure_dot(f, xy[i][0], xy[i][1], 3 + more, false, says);
		if (q->step == l->kept)
			eval_figure_dot(f, xy[i][0], xy[i][1], 7 + more, true, NULL);
	}
	free(xy);
}

static void draw_log(struct eval_figure *f, const struct eval_curves *c, size_t i,
    const struct panel *loss, const struct panel *rate)
{
	const struct eval_runlog *l = &c->log[i];
	double *v = FC_ARRAY(double, l->n_step + 1);
	eval_figure_series(f, i);
	smooth(l, c->n_smooth, v);
	draw_steps(f, c, l, loss, v, 1 + wider(c, i));
	draw_evaluations(f, c, i, loss);
	for (size_t k = 0; k < l->n_step; k++)
		v[k] = l->step[k].v[1];
	draw_steps(f, c, l, rate, v, 1.5 + wider(c, i));
	eval_figure_series_end(f);
	free(v);
}

/* The logs' names in their colours, and what the lines are. */
static void draw_legend(struct eval_figure *f, const struct eval_curves *c)
{
	struct fc_buf b = FC_BUF_INIT;
	double x = LEFT;
	bool evaluations = false, kept = false;
	for (size_t i = 0; i < c->n; i++) {
		eval_figure_series(f, i);
		eval_figure_line(f, x, 40, x + 18, 40, 3);
		eval_figure_series_end(f);
		eval_figure_text(f, x + 24, 44, EVAL_FIGURE_LEFT, false, 0, c->log[i].name);
		x += 42 + 7 * (double)strlen(c->log[i].name);
		evaluations = evaluations || c->log[i].n_eval;
		kept = kept || !isnan(c->log[i].kept);
	}
	fc_buf_adds(&b, "loss; line: training");
	if (c->n_smooth > 1)
		fc_buf_addf(&b, " (smoothed: mean of the %zu steps up to each)", c->n_smooth);
	if (evaluations)
		fc_buf_addf(&b, "; dots: held-out%s", kept ? "; ring: the step that was kept" : "");
	eval_figure_text(f, LEFT, TOP - 8, EVAL_FIGURE_LEFT, true, 11, b.p);
	fc_buf_release(&b);
}

void eval_curves_draw(struct eval_figure *f, const struct eval_curves *c)
{
	struct range x = {INFINITY, -INFINITY}, loss = x, rate = x;
	for (size_t i = 0; i < c->n; i++) {
		const struct eval_runlog *l = &c->log[i];
		double *v = FC_ARRAY(double, l->n_step + 1);
		smooth(l, c->n_smooth, v);
		for (size_t k = 0; k < l->n_step; k++) {
			widen(&x, over(c, &l->step[k]));
			widen(&loss, v[k]);
			widen(&rate, l->step[k].v[1]);
		}
		for (size_t k = 0; k < l->n_eval; k++) {
			widen(&x, over(c, &l->eval[k]));
			widen(&loss, l->eval[k].v[0]);
		}
		free(v);
	}
	if (loss.high < loss.low) /* nothing but NaN */
		loss = (struct range){0, 1};
	if (x.high < x.low)
		x = (struct range){0, 1};
	if (x.high == x.low) /* steps and tokens are whole */
		x = (struct range){x.low - 1, x.high + 1};
	const struct eval_ticks over_x =
	    eval_ticks_of(x.low, x.high, x.high - x.low < 6 ? (size_t)(x.high - x.low) : 6);
	const struct panel upper = {TOP, LOSS_END, over_x, eval_ticks_of(loss.low, loss.high, 5)};
	const struct panel lower = {
	    RATE, RATE_END, over_x, eval_ticks_of(0, rate.high > 0 ? rate.high : 1, 2)};
	eval_figure_begin(f, WIDTH, HEIGHT, c->title);
	eval_figure_text(f, 12, 24, EVAL_FIGURE_LEFT, false, 16, c->title);
	draw_legend(f, c);
	draw_frame(f, &upper, NULL, false);
	draw_frame(f, &lower, "learning rate", true);
	eval_figure_text(f, WIDTH - RIGHT, RATE_END + 36, EVAL_FIGURE_RIGHT, true, 11,
	    c->over == EVAL_CURVES_TOKENS ? "tokens" : "steps");
	for (size_t i = 0; i < c->n; i++)
		draw_log(f, c, i, &upper, &lower);
}
