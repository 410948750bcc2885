/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "fc-eval/show/html.h"
#include "fc-eval/show/page_table.h"
#include "fc-eval/show/figure.h"

enum { LONG_TEXT = 6000 /* bytes: shown in a box of its own that scrolls */ };

static void put_text(struct fc_buf *b, struct eval_span s)
{
	fc_buf_addf(b, "<div class=\"text%s\" dir=\"auto\"%s>", s.n > LONG_TEXT ? " long" : "",
	    s.n > LONG_TEXT ? " tabindex=\"0\"" : "");
	if (s.n)
		eval_html_text(b, s.p, s.n);
	else
		fc_buf_adds(b, "<em>(nothing)</em>");
	fc_buf_adds(b, "</div>\n");
}

static struct eval_span text_member(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	return json_is_string(v) ? eval_span_json(v) : eval_span_of("");
}

static void put_rating(struct fc_buf *b, const struct eval_judgment *x)
{
	if (x->scored)
		fc_buf_addf(b, "<b class=\"score\" style=\"--v:%.3f\">%g</b>",
		    fmax(0, fmin(1, x->score / 10)), x->score);
	else
		fc_buf_adds(b, "<b class=\"score none\">unparsed</b>");
}

/* One judge's rating of one answer, with its reasons. */
static void put_judgment(struct fc_buf *b, const struct eval_judgment *x)
{
	fc_buf_adds(b, "<details class=\"judgment\"><summary>");
	put_rating(b, x);
	fc_buf_adds(b, " <span class=\"dim\">");
	eval_html_texts(b, x->judge);
	fc_buf_adds(b, "</span></summary>");
	put_text(b, text_member(x->o, "judgment"));
	fc_buf_adds(b, "</details>\n");
}

static const struct eval_bench_answers *answers_of(const struct eval_report *r, const char *model)
{
	for (size_t i = 0; i < r->n_answers; i++)
		if (!strcmp(r->answers[i].model, model))
			return &r->answers[i];
	return NULL;
}

static bool is_about(const struct eval_judgment *x, const struct eval_question *q, size_t turn)
{
	return (size_t)x->turn == turn && !strcmp(x->question, q->id);
}

static void put_answer(struct fc_buf *b, const struct eval_report *r, const struct eval_question *q,
    size_t turn, size_t m)
{
	const char *model = r->model.name[m];
	const struct eval_bench_answers *a = answers_of(r, model);
	const struct eval_bench_answer *g = a ? eval_bench_answers_find(a, q->id) : NULL;
	fc_buf_addf(b, "<div class=\"answer\" data-m=\"%zu\"><h4>", m);
	eval_page_model(b, r, model);
	fc_buf_adds(b, "</h4>\n");
	if (g && g->n_turn >= turn)
		put_text(b, g->turn[turn - 1]);
	else
		fc_buf_adds(b, "<p class=\"dim\">The answer was not given to this report.</p>\n");
	for (size_t i = 0; i < r->input->all.n; i++) {
		const struct eval_judgment *x = &r->input->all.v[i];
		if (x->kind == EVAL_JUDGMENT_SINGLE && is_about(x, q, turn) &&
		    !strcmp(x->model[0], model))
			put_judgment(b, x);
	}
	fc_buf_adds(b, "</div>\n");
}

static void put_game(struct fc_buf *b, const char *title, struct eval_span s)
{
	fc_buf_addf(b, "<h5>%s</h5>", title);
	put_text(b, s);
}

static void put_pair(struct fc_buf *b, const struct eval_report *r, const struct eval_judgment *x)
{
	static const char *const outcome[] = {
	    [EVAL_WINNER_ERROR] = "no verdict", [EVAL_WINNER_TIE] = "tie"};
	enum eval_winner w = eval_judgment_winner(x);
	fc_buf_adds(b, "<details class=\"judgment\"><summary>");
	eval_page_model(b, r, x->model[0]);
	fc_buf_adds(b, " <span class=\"dim\">against</span> ");
	eval_page_model(b, r, x->model[1]);
	fc_buf_adds(b, ": ");
	if (w == EVAL_WINNER_A || w == EVAL_WINNER_B) {
		fc_buf_adds(b, "<b>");
		eval_html_texts(b, x->model[w == EVAL_WINNER_B]);
		fc_buf_adds(b, "</b>");
	} else {
		fc_buf_addf(b, "<b>%s</b>", outcome[w]);
	}
	fc_buf_adds(b, " <span class=\"dim\">");
	eval_html_texts(b, x->judge);
	fc_buf_adds(b, "</span></summary>");
	put_game(b, "In this order", text_member(x->o, "g1_judgment"));
	put_game(b, "The other way round", text_member(x->o, "g2_judgment"));
	fc_buf_adds(b, "</details>\n");
}

static void put_arena(struct fc_buf *b, const struct eval_report *r, const struct eval_judgment *x)
{
	fc_buf_adds(b, "<details class=\"judgment\"><summary>");
	eval_page_model(b, r, x->model[0]);
	fc_buf_adds(b, " <span class=\"dim\">against the baseline, ");
	eval_html_texts(b, x->judge);
	fc_buf_adds(b, "</span></summary>");
	for (size_t g = 0; g < 2; g++) {
		const json_t *o = json_array_get(json_object_get(x->o, "games"), g);
		put_game(
		    b, g ? "The model first" : "The baseline first", text_member(o, "judgment"));
	}
	fc_buf_adds(b, "</details>\n");
}

static void put_turn(
    struct fc_buf *b, const struct eval_report *r, const struct eval_question *q, size_t t)
{
	const struct eval_bench_answer *ref =
	    r->reference ? eval_bench_answers_find(r->reference, q->id) : NULL;
	fc_buf_adds(b, "<div class=\"turn\">");
	if (q->n_turn > 1)
		fc_buf_addf(b, "<h3>Turn %zu</h3>\n", t);
	fc_buf_adds(b, "<div class=\"ask\">");
	put_text(b, q->turn[t - 1]);
	fc_buf_adds(b, "</div>\n");
	if (ref && ref->n_turn >= t) {
		fc_buf_adds(b, "<details class=\"reference\"><summary>Reference answer</summary>");
		put_text(b, ref->turn[t - 1]);
		fc_buf_adds(b, "</details>\n");
	}
	fc_buf_adds(b, "<div class=\"answers\">\n");
	for (size_t m = 0; m < r->model.n; m++)
		put_answer(b, r, q, t, m);
	fc_buf_adds(b, "</div>\n");
	for (size_t i = 0; i < r->input->all.n; i++) {
		const struct eval_judgment *x = &r->input->all.v[i];
		if (!is_about(x, q, t))
			continue;
		if (x->kind == EVAL_JUDGMENT_PAIR)
			put_pair(b, r, x);
		else if (x->kind == EVAL_JUDGMENT_ARENA)
			put_arena(b, r, x);
	}
	fc_buf_adds(b, "</div>\n");
}

struct spread {
	double low, high; /* of the models' means; NaN of none */
};

/* The models' mean ratings of a question, as chips. */
static struct spread put_chips(
    struct fc_buf *b, const struct eval_report *r, const struct eval_question *q)
{
	struct spread spread = {NAN, NAN};
	for (size_t m = 0; m < r->model.n; m++) {
		double sum = 0, n = 0;
		for (size_t i = 0; i < r->input->all.n; i++) {
			const struct eval_judgment *x = &r->input->all.v[i];
			if (x->kind == EVAL_JUDGMENT_SINGLE && x->scored &&
			    !strcmp(x->question, q->id) && !strcmp(x->model[0], r->model.name[m])) {
				sum += x->score;
				n++;
			}
		}
		if (n == 0)
			continue;
		double v = sum / n;
		spread.low = fmin(v, isnan(spread.low) ? v : spread.low);
		spread.high = fmax(v, isnan(spread.high) ? v : spread.high);
		fc_buf_addf(b,
		    "<span class=\"chip\" data-m=\"%zu\"><i class=\"dot s%zu\"></i><span "
		    "class=\"hide\">",
		    m, m % EVAL_FIGURE_COLOURS);
		eval_html_texts(b, r->model.name[m]);
		fc_buf_addf(b, ": </span>%.1f</span>", v);
	}
	return spread;
}

static void put_question(
    struct fc_buf *b, const struct eval_report *r, const struct eval_question *q)
{
	struct fc_buf scores = FC_BUF_INIT;
	struct spread spread = put_chips(&scores, r, q);
	fc_buf_adds(b, "<details class=\"q\" data-category=\"");
	eval_html_texts(b, q->category);
	if (!isnan(spread.low))
		fc_buf_addf(b, "\" data-low=\"%.4f\" data-gap=\"%.4f", spread.low,
		    spread.high - spread.low);
	fc_buf_adds(b, "\" id=\"q-");
	eval_html_texts(b, q->id);
	fc_buf_adds(b, "\"><summary><span class=\"id\">");
	eval_html_texts(b, q->id);
	fc_buf_adds(b, "</span><span class=\"category\">");
	eval_html_texts(b, q->category);
	fc_buf_adds(b, "</span><span class=\"excerpt\" dir=\"auto\">");
	eval_html_text(b, q->turn[0].p, q->turn[0].n < 300 ? q->turn[0].n : 300);
	fc_buf_adds(b, "</span><span class=\"chips\">");
	fc_buf_add(b, scores.p ? scores.p : "", scores.n);
	fc_buf_adds(b, "</span></summary>\n");
	for (size_t t = 1; t <= q->n_turn; t++)
		put_turn(b, r, q, t);
	fc_buf_adds(b, "</details>\n");
	fc_buf_release(&scores);
}

static void put_toolbar(struct fc_buf *b, const struct eval_report *r)
{
	const struct eval_bench *bench = &r->input->bench;
	struct fc_categories seen = {0};
	fc_buf_adds(b,
	    "<div class=\"tools\" id=\"tools\" hidden><label class=\"find\"><span "
	    "class=\"hide\">Search questions, answers and judgments</span><input "
	    "id=\"find\" type=\"search\" placeholder=\"Search questions, answers, "
	    "judgments\" autocomplete=\"off\" spellcheck=\"false\"></label>\n"
	    "<label><span class=\"hide\">Category</span><select id=\"category\"><option "
	    "value=\"\">All categories</option>");
	for (size_t i = 0; i < bench->n; i++) {
		size_t n = seen.n;
		if (fc_categories_number(&seen, bench->question[i].category) < n)
			continue;
		fc_buf_adds(b, "<option>");
		eval_html_texts(b, bench->question[i].category);
		fc_buf_adds(b, "</option>");
	}
	fc_categories_release(&seen);
	fc_buf_adds(b,
	    "</select></label>\n<label><span class=\"hide\">Order</span><select "
	    "id=\"order\"><option value=\"\">By number</option><option value=\"low\">Lowest "
	    "rating first</option><option value=\"gap\">Largest difference first</option>"
	    "</select></label>\n<button type=\"button\" id=\"all\">Open all</button>\n"
	    "<div class=\"models\" role=\"group\" aria-label=\"Models shown\">");
	for (size_t m = 0; m < r->model.n; m++) {
		fc_buf_addf(
		    b, "<button type=\"button\" aria-pressed=\"true\" data-toggle=\"%zu\">", m);
		eval_page_model(b, r, r->model.name[m]);
		fc_buf_adds(b, "</button>");
	}
	fc_buf_adds(b, "</div>\n<output id=\"found\" aria-live=\"polite\"></output></div>\n");
}

void eval_report_questions(struct fc_buf *b, const struct eval_report *r)
{
	const struct eval_bench *bench = &r->input->bench;
	fc_buf_adds(b, "<section id=\"questions\"><h2>Questions</h2>\n");
	put_toolbar(b, r);
	fc_buf_adds(b, "<div id=\"list\">\n");
	for (size_t i = 0; i < bench->n; i++)
		put_question(b, r, &bench->question[i]);
	fc_buf_adds(b, "</div></section>\n");
}
