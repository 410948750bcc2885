/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/report.h"

#include <stdlib.h>

#include "base/die.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "fc-eval/command_list.h"
#include "fc-eval/eval.h"
#include "fc-eval/show/html.h"
#include "fc-eval/show/figure.h"

struct options {
	struct eval_show_options show;
	struct fc_strs answers;
	const char *reference, *title, *out;
};

/* Best models first; then those that were only paired; then those that were not judged. */
static void number_models(struct eval_report *r)
{
	for (size_t i = 0; i < r->sheets.n; i++)
		fc_categories_number(&r->model, r->sheets.model.name[r->sheets.sheet[i].model]);
	for (size_t i = 0; i < r->wins.n; i++)
		fc_categories_number(&r->model, r->wins.model.name[r->wins.standing[i].model]);
	for (size_t i = 0; i < r->arena_hard.n; i++)
		fc_categories_number(
		    &r->model, r->arena_hard.model.name[r->arena_hard.score[i].model]);
	for (size_t i = 0; i < r->n_answers; i++)
		fc_categories_number(&r->model, r->answers[i].model);
}

static void put_colours(struct fc_buf *b)
{
	for (size_t i = 0; i < EVAL_FIGURE_COLOURS - 1; i++)
		fc_buf_addf(b, ".s%zu{--c:%s}", i, eval_figure_colour(i));
	fc_buf_addf(b, ".s%d{--c:var(--text)}\n", EVAL_FIGURE_COLOURS - 1);
}

static void put_head(struct fc_buf *b, const struct eval_report *r, uint64_t nonce)
{
	fc_buf_addf(b,
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	    "<meta name=\"color-scheme\" content=\"light dark\">\n"
	    /* nothing is fetched, and no script runs but the page's own */
	    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
	    "'unsafe-inline'; script-src 'nonce-%016llx'; img-src data:; base-uri 'none'; "
	    "form-action 'none'\">\n<link rel=\"icon\" href=\"data:,\">\n<title>",
	    (unsigned long long)nonce);
	eval_html_texts(b, r->title);
	fc_buf_adds(b, "</title>\n<style>\n");
	fc_buf_add(b, eval_report_css, (size_t)(eval_report_css_end - eval_report_css));
	put_colours(b);
	fc_buf_adds(b, "</style></head>\n");
}

static void put_names(struct fc_buf *b, const struct fc_categories *names)
{
	for (size_t i = 0; i < names->n; i++) {
		fc_buf_adds(b, i ? ", " : "");
		eval_html_texts(b, names->name[i]);
	}
}

static void put_body(struct fc_buf *b, const struct eval_report *r)
{
	struct fc_categories judges = {0};
	for (size_t i = 0; i < r->input->all.n; i++)
		fc_categories_number(&judges, r->input->all.v[i].judge);
	fc_buf_adds(b, "<header><p class=\"eyebrow\">");
	fc_buf_addf(b, "%zu questions \xc2\xb7 %zu model%s \xc2\xb7 judged by ", r->input->bench.n,
	    r->model.n, r->model.n == 1 ? "" : "s");
	put_names(b, &judges);
	fc_categories_release(&judges);
	fc_buf_adds(b, "</p><h1>");
	eval_html_texts(b, r->title);
	fc_buf_adds(b, "</h1></header>\n<main>\n");
	eval_report_scores(b, r);
	eval_report_categories(b, r);
	eval_report_comparisons(b, r);
	eval_report_pairs(b, r);
	eval_report_questions(b, r);
	fc_buf_adds(b,
	    "</main>\n<footer>Scores of different judges, prompts or reference answers "
	    "cannot be compared.</footer>\n");
}

static int write_page(const struct eval_report *r, const char *path, struct fc_err *e)
{
	struct fc_buf page = FC_BUF_INIT, body = FC_BUF_INIT;
	put_body(&body, r);
	/* who writes an answer cannot know the hash of all of them */
	uint64_t nonce = fc_hash(body.p, body.n, r->options->input.seed);
	put_head(&page, r, nonce);
	fc_buf_adds(&page, "<body>\n");
	fc_buf_add(&page, body.p, body.n);
	fc_buf_addf(&page, "<script nonce=\"%016llx\">\n", (unsigned long long)nonce);
	fc_buf_add(&page, eval_report_js, (size_t)(eval_report_js_end - eval_report_js));
	fc_buf_adds(&page, "</script>\n</body></html>\n");
	const int ret = fc_out_whole(path, FC_OUT_TEXT, &page, e);
	fc_buf_release(&page);
	fc_buf_release(&body);
	return ret;
}

static void write_report(const struct options *o, const char *const *paths, int n_paths)
{
	struct fc_err e;
	struct eval_show_input j;
	struct eval_bench_answers *answers =
	    FC_ARRAY(struct eval_bench_answers, (size_t)o->answers.n);
	struct eval_bench_answers reference = {0};
	struct eval_report r = {.input = &j,
	    .answers = answers,
	    .n_answers = (size_t)o->answers.n,
	    .reference = o->reference ? &reference : NULL,
	    .title = o->title,
	    .options = &o->show};
	for (int i = 0; i < o->answers.n; i++)
		if (eval_bench_answers_read(&answers[i], o->answers.v[i], &e) < 0)
			fc_die("%s", e.msg);
	if ((o->reference && eval_bench_answers_read(&reference, o->reference, &e) < 0) ||
	    eval_show_input_open(&j, &o->show.input, paths, n_paths, true, &e) < 0 ||
	    eval_sheets_build(&r.sheets, &j.all, eval_show_input_bench(&j), &e) < 0)
		fc_die("%s", e.msg);
	eval_wins_build(&r.wins, &j.all, NULL);
	eval_arena_hard_build(&r.arena_hard, &j.all, o->show.weight);
	number_models(&r);
	if (write_page(&r, o->out, &e) < 0)
		fc_die("%s", e.msg);
	fc_categories_release(&r.model);
	eval_arena_hard_release(&r.arena_hard);
	eval_wins_release(&r.wins);
	eval_sheets_release(&r.sheets);
	eval_show_input_close(&j);
	for (int i = 0; i < o->answers.n; i++)
		eval_bench_answers_release(&answers[i]);
	free(answers);
	eval_bench_answers_release(&reference);
}

static struct options asked = {.show.weight = 3, .title = "Benchmark"};

static const struct fc_opt own[] = {
    FC_OPT_TEXT('o', "output", FC_OPT_OUT_TEXT, &asked.out, "FILE", "instead of standard output"),
    FC_OPT_TEXTS('a', "answers", FC_OPT_IN, &asked.answers, "FILE",
	"a model's answers (may be given several times)"),
    FC_OPT_TEXT(0, "reference", FC_OPT_IN, &asked.reference, "FILE", "reference answers"),
    FC_OPT_TEXT(0, "title", FC_OPT_DECIDES, &asked.title, "TEXT", "the page's"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {
    own, eval_show_input_table, eval_show_draw_table, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = "--questions FILE [OPTION]... [JUDGMENTS]...",
    .summary = "Reads questions, answers and judgments, writes one HTML page.",
};

static void run(int argc, char **argv)
{
	struct options o = asked;
	o.show.input = eval_show_input_asked;
	if (!o.show.input.questions)
		fc_die_usage("--questions is needed");
	write_report(&o, (const char *const *)argv, argc);
	fc_finish();
}

EVAL_COMMAND(120) = {"report", tables, &usage, run};
