/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "fc-eval/show/contrast.h"
#include "fc-eval/show/html.h"
#include "fc-eval/show/report.h"

/* Every model of the judgments and answers has a number. */
static size_t model_number(const struct eval_report *r, const char *name)
{
	size_t m = 0;
	while (strcmp(r->model.name[m], name))
		m++;
	return m;
}

void eval_report_model(struct fc_buf *b, const struct eval_report *r, const char *name)
{
	fc_buf_addf(b, "<span class=\"model\"><i class=\"dot s%zu\"></i>",
	    model_number(r, name) % EVAL_RADAR_COLOURS);
	eval_html_texts(b, name);
	fc_buf_adds(b, "</span>");
}

static void number(struct fc_buf *b, const char *class, int decimals, double v)
{
	if (isnan(v))
		fc_buf_addf(b, "<td class=\"n %s\">\xe2\x80\x93</td>", class);
	else
		fc_buf_addf(b, "<td class=\"n %s\">%.*f</td>", class, decimals, v);
}

static void probability(struct fc_buf *b, double p)
{
	if (p < 0.0005)
		fc_buf_adds(b,
		    "<td class=\"n main\">&lt;\xe2\x80\xaf"
		    "0.001</td>");
	else
		number(b, p < 0.05 ? "main" : "dim", 3, p);
}

static void count(struct fc_buf *b, size_t v)
{
	fc_buf_addf(b, "<td class=\"n dim\">%zu</td>", v);
}

static double mean(struct fc_share s)
{
	return s.den > 0 ? s.num / s.den : NAN;
}

/* n_text: columns of text before those of numbers.  NULL: no such column. */
static void open_table(struct fc_buf *b, const char *const *head, size_t n, size_t n_text)
{
	fc_buf_adds(b, "<div class=\"scroll\"><table><thead><tr>");
	for (size_t i = 0; i < n; i++)
		if (head[i])
			fc_buf_addf(b, "<th scope=\"col\"%s>%s</th>",
			    i < n_text ? "" : " class=\"n\"", head[i]);
	fc_buf_adds(b, "</tr></thead><tbody>\n");
}

/* The row's judge, where there are several, and model. */
static void row_of(struct fc_buf *b, const struct eval_report *r,
    const struct fc_categories *judges, size_t judge, const char *model)
{
	fc_buf_adds(b, "<tr>");
	if (judges->n > 1) {
		fc_buf_adds(b, "<td class=\"dim\">");
		eval_html_texts(b, judges->name[judge]);
		fc_buf_adds(b, "</td>");
	}
	fc_buf_adds(b, "<th scope=\"row\">");
	eval_report_model(b, r, model);
	fc_buf_adds(b, "</th>");
}

static void close_table(struct fc_buf *b)
{
	fc_buf_adds(b, "</tbody></table></div>\n");
}

/* A point with its interval on an axis from low to high. */
static void interval(
    struct fc_buf *b, struct fc_interval i, double at, double low, double high, bool mark_zero)
{
	double k = 160 / (high - low);
	fc_buf_adds(b, "<td class=\"plot\">");
	if (!isnan(i.low) && !isnan(at)) {
		fc_buf_addf(b,
		    "<svg class=\"whisker\" viewBox=\"0 0 172 16\" width=\"172\" height=\"16\" "
		    "role=\"img\" aria-label=\"%.2f to %.2f\"><title>%.2f to %.2f</title>"
		    "<line class=\"base\" x1=\"6\" x2=\"166\" y1=\"8\" y2=\"8\"/>",
		    i.low, i.high, i.low, i.high);
		if (mark_zero)
			fc_buf_addf(b,
			    "<line class=\"zero\" x1=\"%.1f\" x2=\"%.1f\" y1=\"1\" y2=\"15\"/>",
			    6 - low * k, 6 - low * k);
		fc_buf_addf(b,
		    "<line class=\"bar\" x1=\"%.1f\" x2=\"%.1f\" y1=\"8\" y2=\"8\"/><circle "
		    "cx=\"%.1f\" cy=\"8\" r=\"4\"/></svg>",
		    6 + (i.low - low) * k, 6 + (i.high - low) * k, 6 + (at - low) * k);
	}
	fc_buf_adds(b, "</td>");
}

void eval_report_scores(struct fc_buf *b, const struct eval_report *r)
{
	const struct eval_sheets *s = &r->sheets;
	const char *const head[] = {s->judge.n > 1 ? "Judge" : NULL, "Model", "Average", "Turn 1",
	    "Turn 2", "95&nbsp;% interval, 0 to 10", "Judged", "Unparsed"};
	if (!s->n)
		return;
	fc_buf_adds(b, "<section id=\"scores\"><h2>Scores</h2>\n");
	open_table(b, head, FC_LEN(head), 2);
	for (size_t i = 0; i < s->n; i++) {
		const struct eval_sheet *x = &s->sheet[i];
		struct fc_interval v[EVAL_TURNS_COUNT];
		double average = mean(eval_sheet_sum(s, x, SIZE_MAX, EVAL_TURNS_ALL));
		eval_sheet_intervals(s, x, SIZE_MAX, r->seed, r->n_resample, v);
		row_of(b, r, &s->judge, x->judge, s->model.name[x->model]);
		number(b, "main", 2, average);
		number(b, "", 2, mean(eval_sheet_sum(s, x, SIZE_MAX, EVAL_TURNS_FIRST)));
		number(b, "", 2, mean(eval_sheet_sum(s, x, SIZE_MAX, EVAL_TURNS_SECOND)));
		interval(b, v[EVAL_TURNS_ALL], average, 0, 10, false);
		count(b, x->n_judged);
		fc_buf_addf(b, "<td class=\"n %s\">%zu</td></tr>\n", x->n_unparsed ? "warn" : "dim",
		    x->n_unparsed);
	}
	close_table(b);
	fc_buf_adds(b,
	    "<p class=\"note\">The average is over all ratings. Ratings that could not be "
	    "read do not count. Intervals are bootstrapped over questions.</p></section>\n");
}

/* Rows of models, columns of categories, darker where better. */
static void category_table(
    struct fc_buf *b, const struct eval_report *r, const struct eval_radar *radar)
{
	fc_buf_adds(b,
	    "<div class=\"scroll\"><table class=\"heat\"><thead><tr><th scope=\"col\">"
	    "Category</th>");
	for (size_t m = 0; m < radar->n_series; m++) {
		fc_buf_adds(b, "<th scope=\"col\" class=\"n\">");
		eval_report_model(b, r, radar->series[m]);
		fc_buf_adds(b, "</th>");
	}
	fc_buf_adds(b, "</tr></thead><tbody>\n");
	for (size_t c = 0; c < radar->n_axis; c++) {
		fc_buf_adds(b, "<tr><th scope=\"row\">");
		eval_html_texts(b, radar->axis[c]);
		fc_buf_adds(b, "</th>");
		for (size_t m = 0; m < radar->n_series; m++) {
			double v = radar->value[m * radar->n_axis + c];
			if (isnan(v))
				fc_buf_adds(b, "<td class=\"n\">\xe2\x80\x93</td>");
			else
				fc_buf_addf(b,
				    "<td class=\"n\"><span style=\"--v:%.3f\">%.2f</span></td>",
				    fmax(0, fmin(1, v / radar->max)), v);
		}
		fc_buf_adds(b, "</tr>\n");
	}
	close_table(b);
}

void eval_report_categories(struct fc_buf *b, const struct eval_report *r)
{
	const struct eval_sheets *s = &r->sheets;
	for (size_t k = 0; k < s->judge.n; k++) {
		struct eval_radar radar;
		eval_radar_of(&radar, s, k);
		if (!radar.n_axis) {
			eval_radar_release(&radar);
			continue;
		}
		for (size_t m = 0; m < radar.n_series; m++)
			radar.number[m] = model_number(r, radar.series[m]);
		fc_buf_adds(b, "<section class=\"categories\"><h2>Categories");
		if (s->judge.n > 1) {
			fc_buf_adds(b, ", rated by ");
			eval_html_texts(b, s->judge.name[k]);
		}
		if (radar.n_axis >= EVAL_RADAR_AXES_MIN) {
			fc_buf_adds(b, "</h2>\n<div class=\"pair\"><figure>");
			eval_radar_svg(b, &radar, EVAL_RADAR_INLINE);
			fc_buf_adds(b, "</figure>\n");
		} else {
			fc_buf_adds(b, "</h2>\n<div>");
		}
		category_table(b, r, &radar);
		fc_buf_adds(b, "</div></section>\n");
		eval_radar_release(&radar);
	}
}

static void comparison(struct fc_buf *b, const struct eval_report *r, const struct eval_sheet *x,
    const struct eval_sheet *y)
{
	struct eval_contrast c;
	eval_contrast(&r->sheets, x, y, r->seed, r->n_resample, &c);
	if (!c.n_question)
		return;
	fc_buf_adds(b, "<tr><th scope=\"row\">");
	eval_report_model(b, r, r->sheets.model.name[x->model]);
	fc_buf_adds(b, "</th><td>");
	eval_report_model(b, r, r->sheets.model.name[y->model]);
	fc_buf_adds(b, "</td>");
	number(b, "main", 2, c.difference);
	interval(
	    b, c.interval, c.difference, fmin(-2, c.interval.low), fmax(2, c.interval.high), true);
	count(b, c.n_better);
	count(b, c.n_equal);
	count(b, c.n_worse);
	probability(b, c.p_permutation);
	probability(b, c.p_sign);
	fc_buf_adds(b, "</tr>\n");
}

void eval_report_comparisons(struct fc_buf *b, const struct eval_report *r)
{
	static const char *const head[] = {"Model", "against", "Difference",
	    "95&nbsp;% interval, around 0", "Better", "Equal", "Worse", "p, permutation",
	    "p, sign test"};
	const struct eval_sheets *s = &r->sheets;
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = i + 1; k < s->n; k++)
			n += s->sheet[i].judge == s->sheet[k].judge;
	if (!n)
		return;
	fc_buf_adds(b, "<section id=\"differences\"><h2>Differences</h2>\n");
	open_table(b, head, FC_LEN(head), 2);
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = i + 1; k < s->n; k++)
			if (s->sheet[i].judge == s->sheet[k].judge)
				comparison(b, r, &s->sheet[i], &s->sheet[k]);
	close_table(b);
	fc_buf_adds(b,
	    "<p class=\"note\">Paired by question; better, equal and worse count questions. "
	    "A p below 0.05 is rare between models that are equally good.</p></section>\n");
}

static void wins(struct fc_buf *b, const struct eval_report *r)
{
	const struct eval_wins *a = &r->wins;
	const char *const head[] = {a->judge.n > 1 ? "Judge" : NULL, "Model", "Win rate, ties half",
	    "95&nbsp;% interval, 0 to 1", "Wins", "Ties", "Losses", "Dropped"};
	fc_buf_adds(b, "<section id=\"pairs\"><h2>Pairs</h2>\n");
	open_table(b, head, FC_LEN(head), 2);
	for (size_t i = 0; i < a->n; i++) {
		const struct eval_standing *x = &a->standing[i];
		struct fc_interval v = eval_standing_interval(a, x, r->seed, r->n_resample);
		row_of(b, r, &a->judge, x->judge, a->model.name[x->model]);
		number(b, "main", 3, eval_standing_adjusted(x));
		interval(b, v, eval_standing_adjusted(x), 0, 1, false);
		count(b, x->n_win);
		count(b, x->n_tie);
		count(b, x->n_loss);
		count(b, x->n_error);
		fc_buf_adds(b, "</tr>\n");
	}
	close_table(b);
	for (size_t i = 0; i < a->n_places; i++) {
		const struct eval_places *p = &a->places[i];
		fc_buf_adds(b, "<p class=\"note\">");
		eval_html_texts(b, a->judge.name[p->judge]);
		fc_buf_addf(b,
		    " names the same winner in both orders in %zu of %zu pairs; %zu go to the "
		    "answer "
		    "shown first, %zu to the one shown second, %zu are a tie in one order "
		    "only.</p>\n",
		    p->n_consistent, p->n_row, p->n_first, p->n_second, p->n_half);
	}
	fc_buf_adds(b, "</section>\n");
}

void eval_report_pairs(struct fc_buf *b, const struct eval_report *r)
{
	const struct eval_arena_hard *a = &r->arena_hard;
	const char *const head[] = {a->judge.n > 1 ? "Judge" : NULL, "Model", "Score, %",
	    "95&nbsp;% interval, 0 to 100", "Games", "Dropped"};
	if (r->wins.n)
		wins(b, r);
	if (!a->n)
		return;
	fc_buf_adds(b, "<section id=\"arena\"><h2>Against the baseline</h2>\n");
	open_table(b, head, FC_LEN(head), 2);
	for (size_t i = 0; i < a->n; i++) {
		struct fc_interval v;
		double score = 100 * mean(eval_arena_hard_points(a, &a->score[i]));
		fc_resample_ratios(
		    a->score[i].points, a->question.n, 1, r->seed, r->n_resample, &v);
		row_of(b, r, &a->judge, a->score[i].judge, a->model.name[a->score[i].model]);
		number(b, "main", 1, score);
		interval(b, (struct fc_interval){100 * v.low, 100 * v.high}, score, 0, 100, false);
		count(b, a->score[i].n_battle);
		count(b, a->score[i].n_dropped);
		fc_buf_adds(b, "</tr>\n");
	}
	close_table(b);
	fc_buf_adds(b, "</section>\n");
}
