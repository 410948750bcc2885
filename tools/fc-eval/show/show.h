/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_SHOW_H
#define FC_EVAL_SHOW_H

#include "fc-eval/show/judged.h"
#include "text/table.h"

struct show_options {
	struct judged_options judged;
	const char *baseline; /* or NULL */
	int weight;
};

/* The tables of fc-eval show; NULL on failure. */
struct fc_table *eval_show_scores(
    const struct judged *j, const struct show_options *o, struct fc_err *e);
struct fc_table *eval_show_categories(
    const struct judged *j, const struct show_options *o, struct fc_err *e);
struct fc_table *eval_show_questions(
    const struct judged *j, const struct show_options *o, struct fc_err *e);
struct fc_table *eval_show_compare(
    const struct judged *j, const struct show_options *o, struct fc_err *e);
struct fc_table *eval_show_wins(
    const struct judged *j, const struct show_options *o, struct fc_err *e);
struct fc_table *eval_show_arena(
    const struct judged *j, const struct show_options *o, struct fc_err *e);
struct fc_table *eval_show_judges(
    const struct judged *j, const struct show_options *o, struct fc_err *e);
struct fc_table *eval_show_places(
    const struct judged *j, const struct show_options *o, struct fc_err *e);

#endif
