/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_REPORT_H
#define FC_EVAL_REPORT_H

#include "fc-eval/show/show.h"

/* Everything the page is made of. */
struct eval_report {
	const struct eval_show_input *input;      /* lines are kept */
	const struct eval_bench_answers *answers; /* [n_answers] */
	size_t n_answers;
	const struct eval_bench_answers *reference; /* or NULL */
	struct eval_sheets sheets;
	struct eval_wins wins;
	struct eval_arena_hard arena_hard;
	struct fc_categories model; /* by number: the order of columns and colours */
	const char *title;
	const struct eval_show_options *options;
};

/* Parts of the page, appended. */
void eval_report_scores(struct fc_buf *b, const struct eval_report *r);
void eval_report_categories(struct fc_buf *b, const struct eval_report *r);
void eval_report_comparisons(struct fc_buf *b, const struct eval_report *r);
void eval_report_pairs(struct fc_buf *b, const struct eval_report *r);
void eval_report_questions(struct fc_buf *b, const struct eval_report *r);

/* The page's style and script, which are files beside this one. */
extern const char eval_report_css[], eval_report_css_end[], eval_report_js[], eval_report_js_end[];

#endif
