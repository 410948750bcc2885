/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "fc-eval/command_list.h"
#include "fc-eval/judge/child.h"
#include "fc-eval/show/radar.h"
#include "fc-eval/show/show_input.h"

static int draw_png(const struct eval_radar *r, struct fc_out *out, struct fc_err *e)
{
	static const char *const argv[] = {"gnuplot", "-", NULL};
	struct fc_buf script = FC_BUF_INIT;
	struct eval_child child;
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	eval_radar_gnuplot(&script, r);
	int ret = eval_child_start(&child, argv, fc_out_fd(out), e);
	if (ret == 0) {
		int wrote = fc_write_all(child.to, script.p, script.n, "gnuplot", e);
		ret = eval_child_wait(&child, "gnuplot", e) < 0 ? -1 : wrote;
	}
	signal(SIGPIPE, old);
	fc_buf_release(&script);
	return ret;
}

static int write_png(const struct eval_radar *r, const char *path, struct fc_err *e)
{
	struct fc_out *out;
	if (fc_out_open(&out, path, FC_OUT_PNG, e) < 0)
		return -1;
	if (draw_png(r, out, e) == 0)
		return fc_out_commit(out, e);
	fc_out_abort(out);
	return -1;
}

static int write_svg(const struct eval_radar *r, const char *path, struct fc_err *e)
{
	struct fc_buf svg = FC_BUF_INIT;
	eval_radar_svg(&svg, r, EVAL_RADAR_ALONE);
	const int ret = fc_out_whole(path, FC_OUT_TEXT, &svg, e);
	fc_buf_release(&svg);
	return ret;
}

static bool is_png(const char *path)
{
	return path && fc_ends_with(path, ".png");
}

static const char *output;

static const struct fc_opt own[] = {
    FC_OPT_TEXT('o', "output", FC_OPT_OUT, &output, "FILE", "an SVG, or a PNG if it ends in .png"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {own, eval_show_input_table, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = "--questions FILE [OPTION]... [JUDGMENTS]...",
    .summary = "Reads ratings, draws them by category.",
};

static void run(int argc, char **argv)
{
	struct eval_show_input j;
	struct eval_sheets s;
	struct eval_radar r;
	struct fc_err e;
	const struct eval_show_input_options *input = &eval_show_input_asked;
	fc_opt_check_output("output", output, is_png(output) ? FC_OUT_PNG : FC_OUT_TEXT);
	if (!input->questions)
		fc_die_usage("--questions is needed for the categories");
	if (eval_show_input_open(&j, input, (const char *const *)argv, argc, false, &e) < 0 ||
	    eval_sheets_build(&s, &j.all, eval_show_input_bench(&j), &e) < 0)
		fc_die("%s", e.msg);
	if (!s.n)
		fc_die("no ratings of single answers among the judgments");
	if (s.judge.n > 1)
		fc_warn("several judges: drawing %s's; --judge takes another", s.judge.name[0]);
	eval_radar_of(&r, &s, 0);
	if (r.n_axis < EVAL_RADAR_AXES_MIN)
		fc_die("a radar chart needs three categories, here are %zu", r.n_axis);
	if ((is_png(output) ? write_png : write_svg)(&r, output, &e) < 0)
		fc_die("%s", e.msg);
	eval_radar_release(&r);
	eval_sheets_release(&s);
	eval_show_input_close(&j);
	fc_finish();
}

EVAL_COMMAND(110) = {"chart", tables, &usage, run};
