/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_SHEETS_H
#define FC_EVAL_SHEETS_H

#include "base/resample.h"
#include "fc-eval/judge/judgment.h"
#include "text/category.h"

/* Over which turns a mean is taken. */
enum eval_turns { EVAL_TURNS_ALL, EVAL_TURNS_FIRST, EVAL_TURNS_SECOND, EVAL_TURNS_COUNT };

/* The ratings one judge gave one model: per question their sum (num) and number (den). */
struct eval_sheet {
	size_t judge, model;                        /* numbers in eval_sheets */
	struct fc_share (*share)[EVAL_TURNS_COUNT]; /* [n_question] */
	size_t n_judged, n_unparsed;
};

/*
 * All single-answer ratings, FastChat's arithmetic: rows without rating are dropped, a mean is over
 * all rows left, so the average is not the mean of the two turns' means.
 */
struct eval_sheets {
	struct fc_categories judge, model, question;
	struct eval_sheet
	    *sheet; /* [n], by judge as they came, then by falling average, then by name */
	size_t n, cap;
	/* With a bench: [question.n] number of the question's category, in the order in which the
	 * bench brings them. */
	size_t *category_of;
	const char **category; /* [n_category], borrowed from the bench */
	size_t n_category;
};
/* bench: NULL for none; one that lacks a judged question is an error. */
int eval_sheets_build(struct eval_sheets *s, const struct eval_judgments *j,
    const struct eval_bench *bench, struct fc_err *e);
void eval_sheets_release(struct eval_sheets *s);

/* Sum over the questions of a category; category SIZE_MAX: over all. */
struct fc_share eval_sheet_sum(const struct eval_sheets *s, const struct eval_sheet *x,
    size_t category, enum eval_turns turns);
/* Bootstrap intervals over questions of all three means. */
void eval_sheet_intervals(const struct eval_sheets *s, const struct eval_sheet *x, size_t category,
    uint64_t seed, size_t n_resample, struct fc_interval out[EVAL_TURNS_COUNT]);

#endif
