/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_SHOW_H
#define FC_EVAL_SHOW_H

#include "fc-eval/show/arena_hard.h"
#include "fc-eval/show/sheets.h"
#include "fc-eval/show/show_input.h"
#include "fc-eval/show/wins.h"
#include "text/table.h"

/*
 * show/: judgments for people. show is the command; its tables are in show_scores, show_compare and
 * show_pairs, over show_input (the files of a command line), sheets (ratings), contrast (two
 * models' ratings), wins and arena_hard (pairs) and judge_agreement (two judges). chart draws
 * pictures, and figure makes them SVG or PNG: dots (scores with intervals; dots_table: of a table),
 * a radar, and of a training's log (runlog) the curves; report with report_questions,
 * report_tables, page_table, report_assets and html is the page; alpaca, winrate, logistic and csv
 * are AlpacaEval's win rate with length taken out.
 */

struct eval_show_options {
	struct eval_show_input_options input;
	const char *baseline; /* or NULL */
	int weight;
	struct fc_buf *words; /* NULL, or where what a table means is told to people */
};

/* A table: its columns and what adds its rows; -1 where the judgments are none for it. */
struct eval_show_table {
	const struct fc_column *column;
	size_t n_column;
	int (*fill)(struct fc_table *t, const struct eval_show_input *j,
	    const struct eval_show_options *o, struct fc_err *e);
};
extern const struct eval_show_table eval_show_scores, eval_show_categories, eval_show_questions,
    eval_show_compare, eval_show_wins, eval_show_arena, eval_show_judges, eval_show_places;
/* The ratings; -1 where there are none. */
int eval_show_sheets(struct eval_sheets *s, const struct eval_show_input *j, struct fc_err *e);

/* Rows of what is counted already, for the page. */
void eval_show_scores_rows(
    struct fc_table *t, const struct eval_sheets *s, const struct eval_show_input_options *o);
/* Pairs of models of one judge; words: NULL, or where sentences about them go. */
void eval_show_compare_rows(
    struct fc_table *t, const struct eval_sheets *s, const struct eval_show_options *o);
void eval_show_wins_rows(
    struct fc_table *t, const struct eval_wins *w, const struct eval_show_input_options *o);
void eval_show_arena_rows(
    struct fc_table *t, const struct eval_arena_hard *a, const struct eval_show_input_options *o);

#endif
