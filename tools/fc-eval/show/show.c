/* SPDX-License-Identifier: Apache-2.0 */

#include "base/die.h"
#include "fc-eval/command_list.h"
#include "fc-eval/eval.h"
#include "fc-eval/show/show.h"
#include "fc-eval/show/show_input.h"

#define TABLES "auto|scores|categories|questions|wins|arena|compare|judges|places"
enum table {
	TABLE_AUTO,
	TABLE_SCORES,
	TABLE_CATEGORIES,
	TABLE_QUESTIONS,
	TABLE_WINS,
	TABLE_ARENA,
	TABLE_COMPARE,
	TABLE_JUDGES,
	TABLE_PLACES,
};

static enum table table_for(const struct eval_judgments *j)
{
	static const enum table first[] = {
	    [EVAL_JUDGMENT_SINGLE] = TABLE_SCORES,
	    [EVAL_JUDGMENT_PAIR] = TABLE_WINS,
	    [EVAL_JUDGMENT_ARENA] = TABLE_ARENA,
	};
	for (int kind = EVAL_JUDGMENT_SINGLE; kind < EVAL_JUDGMENT_ARENA; kind++)
		for (size_t i = 0; i < j->n; i++)
			if (j->v[i].kind == (enum eval_judgment_kind)kind)
				return first[kind];
	return TABLE_ARENA;
}

static const struct eval_show_table *const show_tables[] = {
    [TABLE_SCORES] = &eval_show_scores,
    [TABLE_CATEGORIES] = &eval_show_categories,
    [TABLE_QUESTIONS] = &eval_show_questions,
    [TABLE_WINS] = &eval_show_wins,
    [TABLE_ARENA] = &eval_show_arena,
    [TABLE_COMPARE] = &eval_show_compare,
    [TABLE_JUDGES] = &eval_show_judges,
    [TABLE_PLACES] = &eval_show_places,
};

static _Noreturn void run_show(int argc, char **argv)
{
	struct eval_show_options o = EVAL_SHOW_DEFAULTS;
	int table = TABLE_AUTO, format = 0;
	const char *out = NULL;
	const struct fc_opt opts[] = {
	    {FC_OPT_CHOICE, 't', "table", &table, TABLES, "what to show", 0, 0},
	    EVAL_SHOW_INPUT_OPTS(o.input),
	    EVAL_SHOW_DRAW_OPTS(o.input),
	    {FC_OPT_STR, 0, "baseline", &o.baseline, "MODEL",
		"of wins: only pairs with it; of compare: only against it", 0, 0},
	    {FC_OPT_INT, 0, "weight", &o.weight, "N",
		"of arena: battles a strong verdict counts as", 1, 1000},
	    EVAL_COMMAND_TABLE_OPTS(&format, &out),
	    FC_OPT_COMMON,
	    {0},
	};
	static const struct fc_usage usage = {
	    .synopsis = "[OPTION]... [JUDGMENTS]...",
	    .summary = "Reads judgments, writes scores, win rates and how sure they are.",
	};
	fc_prog = "fc-eval show";
	int first = fc_opt_parse(opts, &usage, argc, argv);
	struct eval_show_input j;
	struct fc_err e;
	if (eval_show_input_open(
		&j, &o.input, (const char *const *)argv + first, argc - first, false, &e) < 0)
		fc_die("%s", e.msg);
	struct fc_buf words = FC_BUF_INIT;
	if (format == FC_TABLE_TEXT)
		o.words = &words;
	if (table == TABLE_AUTO)
		table = table_for(&j.all);
	const struct eval_show_table *shown = show_tables[table];
	struct fc_table t = {.column = shown->column, .n_column = shown->n_column};
	if (shown->fill(&t, &j, &o, &e) < 0 ||
	    fc_table_write(&t, (enum fc_table_format)format, &words, out, &e) < 0)
		fc_die("%s", e.msg);
	fc_buf_release(&words);
	eval_show_input_close(&j);
	fc_finish();
}

EVAL_COMMAND = {
    .order = 100, .name = "show", .operands = "[OPTION]... [JUDGMENTS]...", .run = run_show};
