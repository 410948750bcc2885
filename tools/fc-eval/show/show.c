/* SPDX-License-Identifier: Apache-2.0 */

#include "base/die.h"
#include "fc-eval/eval.h"
#include "fc-eval/show/show_input.h"
#include "fc-eval/show/show.h"

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

static struct fc_table *tabulate(enum table table, const struct eval_show_input *j,
    const struct eval_show_options *o, struct fc_err *e)
{
	switch (table) {
	case TABLE_SCORES:
		return eval_show_scores(j, o, e);
	case TABLE_CATEGORIES:
		return eval_show_categories(j, o, e);
	case TABLE_QUESTIONS:
		return eval_show_questions(j, o, e);
	case TABLE_WINS:
		return eval_show_wins(j, o, e);
	case TABLE_ARENA:
		return eval_show_arena(j, o, e);
	case TABLE_COMPARE:
		return eval_show_compare(j, o, e);
	case TABLE_JUDGES:
		return eval_show_judges(j, o, e);
	case TABLE_PLACES:
		return eval_show_places(j, o, e);
	case TABLE_AUTO:
		break;
	}
	return tabulate(table_for(&j->all), j, o, e);
}

void eval_command_show(int argc, char **argv)
{
	struct eval_show_options o = {.input = EVAL_SHOW_INPUT_DEFAULTS, .weight = 3};
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
	struct fc_buf words = FC_BUF_INIT, text = FC_BUF_INIT;
	o.words = &words;
	struct fc_table *t = tabulate((enum table)table, &j, &o, &e);
	if (!t)
		fc_die("%s", e.msg);
	fc_table_print(t, (enum fc_table_format)format, &text);
	fc_table_free(t);
	if (words.n && format == FC_TABLE_TEXT) {
		fc_buf_addc(&text, '\n');
		fc_buf_add(&text, words.p, words.n);
	}
	eval_command_write(&text, out);
	fc_buf_release(&words);
	fc_buf_release(&text);
	eval_show_input_close(&j);
	fc_finish();
}
