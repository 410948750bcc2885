/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "fc-eval/child.h"
#include "fc-eval/command_list.h"
#include "fc-eval/show/curves.h"
#include "fc-eval/show/dots.h"
#include "fc-eval/show/radar.h"
#include "fc-eval/show/show_input.h"

/* ---- a picture, as SVG or PNG ---- */

static int draw_png(const struct fc_buf *script, struct fc_out *out, struct fc_err *e)
{
	static const char *const argv[] = {"gnuplot", "-", NULL};
	struct eval_child child;
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	int ret = eval_child_start(&child, argv, fc_out_fd(out), e);
	if (ret == 0) {
		int wrote = fc_write_all(child.to, script->p, script->n, "gnuplot", e);
		ret = eval_child_wait(&child, "gnuplot", e) < 0 ? -1 : wrote;
	}
	signal(SIGPIPE, old);
	return ret;
}

static int write_png(const struct fc_buf *script, const char *path, struct fc_err *e)
{
	struct fc_out *out;
	if (fc_out_open(&out, path, FC_OUT_PNG, e) < 0)
		return -1;
	if (draw_png(script, out, e) == 0)
		return fc_out_commit(out, e);
	fc_out_abort(out);
	return -1;
}

static bool is_png(const char *path)
{
	return path && fc_ends_with(path, ".png");
}

/* text: the picture as SVG, or gnuplot's script for a PNG. */
static int write_picture(const struct fc_buf *text, const char *path, struct fc_err *e)
{
	return is_png(path) ? write_png(text, path, e) : fc_out_whole(path, FC_OUT_TEXT, text, e);
}

/* Releases the figure. */
static int write_figure(struct eval_figure *f, const char *path, struct fc_err *e)
{
	struct fc_buf text = FC_BUF_INIT;
	if (is_png(path))
		eval_figure_gnuplot(&text, f);
	else
		eval_figure_svg(&text, f, true);
	const int ret = write_picture(&text, path, e);
	fc_buf_release(&text);
	eval_figure_release(f);
	return ret;
}

/* ---- the command line ---- */

enum form { FORM_AUTO, FORM_DOTS, FORM_RADAR, FORM_TRAINING, FORM_TABLE, FORM_N };
static const char *const form_words[] = {[FORM_AUTO] = "auto",
    [FORM_DOTS] = "dots",
    [FORM_RADAR] = "radar",
    [FORM_TRAINING] = "training",
    [FORM_TABLE] = "table",
    NULL};
_Static_assert(FC_LEN(form_words) == FORM_N + 1, "a word each");
static const char *const over_words[] = {
    [EVAL_CURVES_STEPS] = "steps", [EVAL_CURVES_TOKENS] = "tokens", NULL};
_Static_assert(FC_LEN(over_words) == EVAL_CURVES_N + 1, "a word each");

static struct {
	const char *output, *title;
	enum form form;
	enum eval_curves_over over;
	int n_smooth;
} asked = {.n_smooth = 1};

static const struct fc_opt own[] = {
    FC_OPT_TEXT(
	'o', "output", FC_OPT_OUT, &asked.output, "FILE", "an SVG, or a PNG if it ends in .png"),
    FC_OPT_WORD(0, "form", FC_OPT_DECIDES, &asked.form, form_words,
	"what is drawn; auto goes by the first file"),
    FC_OPT_TEXT(0, "title", FC_OPT_DECIDES, &asked.title, "TEXT", "above the picture"),
    FC_OPT_WORD(
	0, "over", FC_OPT_DECIDES, &asked.over, over_words, "of a training: the lower axis"),
    FC_OPT_INT(0, "smooth", FC_OPT_DECIDES, &asked.n_smooth, "N", 1, 1000000,
	"of a training: a point of the loss is the mean of N steps up to it"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {
    own, eval_show_input_table, eval_show_draw_table, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis =
	"--questions FILE [OPTION]... [JUDGMENTS]...\n[OPTION]... LOG...\n[OPTION]... TABLE",
    .summary = "Reads ratings, logs of trainings or a table of scores, draws them.",
};

static void or_die(int ret, const struct fc_err *e)
{
	if (ret < 0)
		fc_die("%s", e->msg);
}

/* ---- what is drawn ---- */

static void draw_training(char **paths, int n)
{
	struct eval_runlog *log = FC_ARRAY(struct eval_runlog, (size_t)n);
	struct eval_figure f;
	struct fc_err e;
	for (int i = 0; i < n; i++) {
		or_die(eval_runlog_read(&log[i], paths[i], &e), &e);
		if (log[i].n_again)
			fc_note("%s: %zu lines of steps that were done again are left out",
			    paths[i], log[i].n_again);
	}
	const struct eval_curves c = {asked.title ? asked.title : "Training", log, (size_t)n,
	    asked.over, (size_t)asked.n_smooth};
	eval_curves_draw(&f, &c);
	or_die(write_figure(&f, asked.output, &e), &e);
	for (int i = 0; i < n; i++)
		eval_runlog_release(&log[i]);
	free(log);
}

static void draw_table(char **paths, int n)
{
	struct eval_dots d;
	struct eval_figure f;
	struct fc_err e;
	if (n != 1)
		fc_die_usage("--form table draws one table");
	or_die(eval_dots_read(&d, paths[0], &e), &e);
	if (asked.title)
		d.title = asked.title;
	eval_dots_draw(&f, &d);
	or_die(write_figure(&f, asked.output, &e), &e);
	eval_dots_release(&d);
}

static int draw_radar(const struct eval_sheets *s, struct fc_err *e)
{
	struct eval_radar r;
	struct fc_buf text = FC_BUF_INIT;
	eval_radar_of(&r, s, 0);
	if (r.n_axis < EVAL_RADAR_AXES_MIN)
		fc_die("a radar chart needs three categories, here are %zu", r.n_axis);
	if (is_png(asked.output))
		eval_radar_gnuplot(&text, &r);
	else
		eval_radar_svg(&text, &r, EVAL_RADAR_ALONE);
	const int ret = write_picture(&text, asked.output, e);
	fc_buf_release(&text);
	eval_radar_release(&r);
	return ret;
}

static int draw_dots(const struct eval_sheets *s, struct fc_err *e)
{
	struct eval_dots d;
	struct eval_figure f;
	struct fc_buf title = FC_BUF_INIT;
	const struct eval_show_input_options *o = &eval_show_input_asked;
	eval_dots_of(&d, s, 0, o->seed, (size_t)o->n_resample);
	fc_buf_addf(&title, "Ratings by category, by %s", d.title);
	d.title = asked.title ? asked.title : title.p;
	eval_dots_draw(&f, &d);
	const int ret = write_figure(&f, asked.output, e);
	eval_dots_release(&d);
	fc_buf_release(&title);
	return ret;
}

static void draw_ratings(char **paths, int n)
{
	struct eval_show_input j;
	struct eval_sheets s;
	struct fc_err e;
	const struct eval_show_input_options *input = &eval_show_input_asked;
	if (!input->questions)
		fc_die_usage("%s%sratings need --questions for their categories", n ? paths[0] : "",
		    n ? ": neither a log of fc-train nor a table of scores; " : "");
	if (eval_show_input_open(&j, input, (const char *const *)paths, n, false, &e) < 0 ||
	    eval_sheets_build(&s, &j.all, eval_show_input_bench(&j), &e) < 0)
		fc_die("%s", e.msg);
	if (!s.n)
		fc_die("no ratings of single answers among the judgments");
	if (s.judge.n > 1)
		fc_warn("several judges: drawing %s's; --judge takes another", s.judge.name[0]);
	or_die(asked.form == FORM_RADAR ? draw_radar(&s, &e) : draw_dots(&s, &e), &e);
	eval_sheets_release(&s);
	eval_show_input_close(&j);
}

/* A file that is no text of JSON is a table. */
static bool is_table(const char *path)
{
	struct fc_buf b = FC_BUF_INIT;
	struct fc_err e;
	const bool yes = fc_file_read(path, (size_t)64 << 20, &b, &e) == 0 && b.n &&
	    b.p[0] != '{' && memchr(b.p, '\t', strcspn(b.p, "\n"));
	fc_buf_release(&b);
	return yes;
}

static void run(int argc, char **argv)
{
	enum form form = asked.form;
	fc_opt_check_output(
	    "output", asked.output, is_png(asked.output) ? FC_OUT_PNG : FC_OUT_TEXT);
	if (form == FORM_AUTO && argc && strcmp(argv[0], "-") != 0)
		form = eval_runlog_is(argv[0]) ? FORM_TRAINING
		    : is_table(argv[0])        ? FORM_TABLE
					       : FORM_DOTS;
	if (form == FORM_TRAINING && !argc)
		fc_die_usage("--form training needs the log of one");
	if (form == FORM_TRAINING)
		draw_training(argv, argc);
	else if (form == FORM_TABLE)
		draw_table(argv, argc);
	else
		draw_ratings(argv, argc);
	fc_finish();
}

EVAL_COMMAND(110) = {"chart", tables, &usage, run};
