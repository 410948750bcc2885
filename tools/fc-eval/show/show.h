/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_SHOW_H
#define FC_EVAL_SHOW_H

#include "fc-eval/show/show_input.h"
#include "text/table.h"

/*
 * show/: judgments for people. show is the command, show_scores and show_pairs its tables, over
 * show_input (the files of a command line), sheets (ratings), wins, contrast and arena_hard
 * (pairs) and judge_agreement (two judges). chart draws radar charts; report with report_questions,
 * report_tables, report_assets and html is the page; alpaca, winrate, logistic and csv are
 * AlpacaEval's win rate with length taken out.
 */

struct eval_show_options {
	struct eval_show_input_options input;
	const char *baseline; /* or NULL */
	int weight;
	struct fc_buf *words; /* what a table means, for people; a table may leave it empty */
};

/* The tables of fc-eval show; NULL on failure. */
struct fc_table *eval_show_scores(
    const struct eval_show_input *j, const struct eval_show_options *o, struct fc_err *e);
struct fc_table *eval_show_categories(
    const struct eval_show_input *j, const struct eval_show_options *o, struct fc_err *e);
struct fc_table *eval_show_questions(
    const struct eval_show_input *j, const struct eval_show_options *o, struct fc_err *e);
struct fc_table *eval_show_compare(
    const struct eval_show_input *j, const struct eval_show_options *o, struct fc_err *e);
struct fc_table *eval_show_wins(
    const struct eval_show_input *j, const struct eval_show_options *o, struct fc_err *e);
struct fc_table *eval_show_arena(
    const struct eval_show_input *j, const struct eval_show_options *o, struct fc_err *e);
struct fc_table *eval_show_judges(
    const struct eval_show_input *j, const struct eval_show_options *o, struct fc_err *e);
struct fc_table *eval_show_places(
    const struct eval_show_input *j, const struct eval_show_options *o, struct fc_err *e);

#endif
