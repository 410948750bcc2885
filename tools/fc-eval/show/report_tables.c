/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/mem.h"
#include "fc-eval/show/html.h"
#include "fc-eval/show/page_table.h"
#include "fc-eval/show/dots.h"
#include "fc-eval/show/radar.h"
#include "fc-eval/show/show.h"

static struct fc_table table_of(const struct eval_show_table *shown)
{
	return (struct fc_table){.column = shown->column, .n_column = shown->n_column};
}

/* Opens a section with the table unless that is empty; the caller closes it. */
static bool open_section(struct fc_buf *b, const struct eval_report *r, const char *id,
    const char *title, const struct fc_table *t, const struct eval_page_column *column, size_t n)
{
	if (!t->n_row)
		return false;
	fc_buf_addf(b, "<section id=\"%s\"><h2>%s</h2>\n", id, title);
	eval_page_table(b, r, t, column, n);
	return true;
}

void eval_report_scores(struct fc_buf *b, const struct eval_report *r)
{
	static const struct eval_page_column columns[] = {
	    EVAL_PAGE_COLUMN("Judge", "judge", EVAL_PAGE_JUDGE, 0),
	    EVAL_PAGE_COLUMN("Model", "model", EVAL_PAGE_MODEL, 0),
	    EVAL_PAGE_COLUMN("Average", "average", EVAL_PAGE_MAIN, 2),
	    EVAL_PAGE_COLUMN("Turn 1", "first_turn", EVAL_PAGE_REAL, 2),
	    EVAL_PAGE_COLUMN("Turn 2", "second_turn", EVAL_PAGE_REAL, 2),
	    EVAL_PAGE_INTERVAL("95&nbsp;% interval, 0 to 10", "average", EVAL_PAGE_PLOT, 0, 10),
	    EVAL_PAGE_COLUMN("Judged", "judged", EVAL_PAGE_COUNT, 0),
	    EVAL_PAGE_COLUMN("Unparsed", "unparsed", EVAL_PAGE_WARN, 0),
	};
	struct fc_table t = table_of(&eval_show_scores);
	eval_show_scores_rows(&t, &r->sheets, &r->options->input);
	if (open_section(b, r, "scores", "Scores", &t, columns, FC_LEN(columns))) {
		fc_buf_adds(b,
		    "<p class=\"note\">The average is over all ratings. Ratings that could not be "
		    "read do not count. Intervals are bootstrapped over "
		    "questions.</p></section>\n");
	}
	fc_table_release(&t);
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
		eval_page_model(b, r, radar->series[m]);
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
	fc_buf_adds(b, "</tbody></table></div>\n");
}

/* The figure, and for who prefers it the radar. */
static void put_figure(
    struct fc_buf *b, const struct eval_report *r, size_t judge, const struct eval_radar *radar)
{
	struct eval_dots d;
	struct eval_figure f;
	const struct eval_show_input_options *o = &r->options->input;
	eval_dots_of(&d, &r->sheets, judge, o->seed, (size_t)o->n_resample);
	d.title = "Mean rating by category";
	for (size_t m = 0; m < d.n_series; m++)
		d.number[m] = eval_page_model_number(r, d.series[m]);
	eval_dots_draw(&f, &d);
	fc_buf_adds(b, "<figure>");
	eval_figure_svg(b, &f, false);
	if (radar->n_axis >= EVAL_RADAR_AXES_MIN) {
		fc_buf_adds(b, "<details><summary>As a radar chart</summary>");
		eval_radar_svg(b, radar, EVAL_RADAR_INLINE);
		fc_buf_adds(b, "</details>");
	}
	fc_buf_adds(b, "</figure>\n");
	eval_figure_release(&f);
	eval_dots_release(&d);
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
			radar.number[m] = eval_page_model_number(r, radar.series[m]);
		fc_buf_adds(b, "<section class=\"categories\"><h2>Categories");
		if (s->judge.n > 1) {
			fc_buf_adds(b, ", rated by ");
			eval_html_texts(b, s->judge.name[k]);
		}
		fc_buf_adds(b, "</h2>\n<div class=\"pair\">");
		put_figure(b, r, k, &radar);
		category_table(b, r, &radar);
		fc_buf_adds(b, "</div></section>\n");
		eval_radar_release(&radar);
	}
}

void eval_report_comparisons(struct fc_buf *b, const struct eval_report *r)
{
	static const struct eval_page_column columns[] = {
	    EVAL_PAGE_COLUMN("Judge", "judge", EVAL_PAGE_JUDGE, 0),
	    EVAL_PAGE_COLUMN("Model", "model_1", EVAL_PAGE_MODEL, 0),
	    EVAL_PAGE_COLUMN("against", "model_2", EVAL_PAGE_OTHER, 0),
	    EVAL_PAGE_COLUMN("Difference", "difference", EVAL_PAGE_MAIN, 2),
	    EVAL_PAGE_INTERVAL(
		"95&nbsp;% interval, around 0", "difference", EVAL_PAGE_CHANGE, -2, 2),
	    EVAL_PAGE_COLUMN("Better", "better", EVAL_PAGE_COUNT, 0),
	    EVAL_PAGE_COLUMN("Equal", "equal", EVAL_PAGE_COUNT, 0),
	    EVAL_PAGE_COLUMN("Worse", "worse", EVAL_PAGE_COUNT, 0),
	    EVAL_PAGE_COLUMN("p, permutation", "p_permutation", EVAL_PAGE_P, 0),
	    EVAL_PAGE_COLUMN("p, sign test", "p_sign", EVAL_PAGE_P, 0),
	};
	struct fc_table t = table_of(&eval_show_compare);
	eval_show_compare_rows(&t, &r->sheets, r->options);
	if (open_section(b, r, "differences", "Differences", &t, columns, FC_LEN(columns))) {
		fc_buf_adds(b,
		    "<p class=\"note\">Paired by question; better, equal and worse count "
		    "questions. A p below 0.05 is rare between models that are equally "
		    "good.</p></section>\n");
	}
	fc_table_release(&t);
}

/* How each judge treats the two places of a pair. */
static void put_places(struct fc_buf *b, const struct eval_wins *w)
{
	for (size_t i = 0; i < w->n_places; i++) {
		const struct eval_places *p = &w->places[i];
		fc_buf_adds(b, "<p class=\"note\">");
		eval_html_texts(b, w->judge.name[p->judge]);
		fc_buf_addf(b,
		    " names the same winner in both orders in %zu of %zu pairs; %zu go to the "
		    "answer shown first, %zu to the one shown second, %zu are a tie in one order "
		    "only.</p>\n",
		    p->n_consistent, p->n_row, p->n_first, p->n_second, p->n_half);
	}
}

static void put_wins(struct fc_buf *b, const struct eval_report *r)
{
	static const struct eval_page_column columns[] = {
	    EVAL_PAGE_COLUMN("Judge", "judge", EVAL_PAGE_JUDGE, 0),
	    EVAL_PAGE_COLUMN("Model", "model", EVAL_PAGE_MODEL, 0),
	    EVAL_PAGE_COLUMN("Win rate, ties half", "win_rate_adjusted", EVAL_PAGE_MAIN, 3),
	    EVAL_PAGE_INTERVAL(
		"95&nbsp;% interval, 0 to 1", "win_rate_adjusted", EVAL_PAGE_PLOT, 0, 1),
	    EVAL_PAGE_COLUMN("Wins", "win", EVAL_PAGE_COUNT, 0),
	    EVAL_PAGE_COLUMN("Ties", "tie", EVAL_PAGE_COUNT, 0),
	    EVAL_PAGE_COLUMN("Losses", "loss", EVAL_PAGE_COUNT, 0),
	    EVAL_PAGE_COLUMN("Dropped", "dropped", EVAL_PAGE_COUNT, 0),
	};
	struct fc_table t = table_of(&eval_show_wins);
	eval_show_wins_rows(&t, &r->wins, &r->options->input);
	if (open_section(b, r, "pairs", "Pairs", &t, columns, FC_LEN(columns))) {
		put_places(b, &r->wins);
		fc_buf_adds(b, "</section>\n");
	}
	fc_table_release(&t);
}

static void put_arena(struct fc_buf *b, const struct eval_report *r)
{
	static const struct eval_page_column columns[] = {
	    EVAL_PAGE_COLUMN("Judge", "judge", EVAL_PAGE_JUDGE, 0),
	    EVAL_PAGE_COLUMN("Model", "model", EVAL_PAGE_MODEL, 0),
	    EVAL_PAGE_COLUMN("Score, %", "score", EVAL_PAGE_MAIN, 1),
	    EVAL_PAGE_INTERVAL("95&nbsp;% interval, 0 to 100", "score", EVAL_PAGE_PLOT, 0, 100),
	    EVAL_PAGE_COLUMN("Games", "battles", EVAL_PAGE_COUNT, 0),
	    EVAL_PAGE_COLUMN("Dropped", "dropped", EVAL_PAGE_COUNT, 0),
	};
	struct fc_table t = table_of(&eval_show_arena);
	eval_show_arena_rows(&t, &r->arena_hard, &r->options->input);
	if (open_section(b, r, "arena", "Against the baseline", &t, columns, FC_LEN(columns))) {
		fc_buf_adds(b, "</section>\n");
	}
	fc_table_release(&t);
}

void eval_report_pairs(struct fc_buf *b, const struct eval_report *r)
{
	put_wins(b, r);
	put_arena(b, r);
}
