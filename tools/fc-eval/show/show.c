/* SPDX-License-Identifier: Apache-2.0 */

#include "base/die.h"
#include "fc-eval/command_list.h"
#include "fc-eval/eval.h"
#include "fc-eval/show/show.h"
#include "fc-eval/show/show_input.h"

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
	TABLE_N
};
static const char *const table_words[] = {[TABLE_AUTO] = "auto",
    [TABLE_SCORES] = "scores",
    [TABLE_CATEGORIES] = "categories",
    [TABLE_QUESTIONS] = "questions",
    [TABLE_WINS] = "wins",
    [TABLE_ARENA] = "arena",
    [TABLE_COMPARE] = "compare",
    [TABLE_JUDGES] = "judges",
    [TABLE_PLACES] = "places",
    NULL};
_Static_assert(FC_LEN(table_words) == TABLE_N + 1, "a word each");

struct options {
	enum table table;
	enum fc_table_format format;
	const char *baseline, *out;
	int weight;
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

static struct options asked = {.weight = 3};

static const struct fc_opt own[] = {
    FC_OPT_WORD('t', "table", FC_OPT_DECIDES, &asked.table, table_words, "what to show"),
    FC_OPT_TEXT(0, "baseline", FC_OPT_DECIDES, &asked.baseline, "MODEL",
	"of wins: only pairs with it; of compare: only against it"),
    FC_OPT_INT(0, "weight", FC_OPT_DECIDES, &asked.weight, "N", 1, 1000,
	"of arena: battles a strong verdict counts as"),
    EVAL_OPT_FORMAT(&asked.format),
    EVAL_OPT_OUTPUT(&asked.out),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {
    own, eval_show_input_table, eval_show_draw_table, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = "[OPTION]... [JUDGMENTS]...",
    .summary = "Reads judgments, writes scores, win rates and how sure they are.",
};

static void run(int argc, char **argv)
{
	struct options o = asked;
	struct eval_show_options show = {eval_show_input_asked, o.baseline, o.weight, NULL};
	struct eval_show_input j;
	struct fc_err e;
	if (eval_show_input_open(&j, &show.input, (const char *const *)argv, argc, false, &e) < 0)
		fc_die("%s", e.msg);
	struct fc_buf words = FC_BUF_INIT;
	if (o.format == FC_TABLE_TEXT)
		show.words = &words;
	if (o.table == TABLE_AUTO)
		o.table = table_for(&j.all);
	const struct eval_show_table *shown = show_tables[o.table];
	struct fc_table t = {.column = shown->column, .n_column = shown->n_column};
	if (shown->fill(&t, &j, &show, &e) < 0 ||
	    fc_table_write(&t, o.format, &words, o.out, &e) < 0)
		fc_die("%s", e.msg);
	fc_buf_release(&words);
	eval_show_input_close(&j);
	fc_finish();
}

EVAL_COMMAND(100) = {"show", tables, &usage, run};
