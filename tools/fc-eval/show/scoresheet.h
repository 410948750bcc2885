/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_SCORESHEET_H
#define FC_EVAL_SCORESHEET_H

#include "fc-eval/measure/bootstrap.h"
#include "fc-eval/judge/judgment.h"
#include "text/category.h"

/* Over which turns a mean is taken. */
enum fc_turns { FC_TURNS_ALL, FC_TURNS_FIRST, FC_TURNS_SECOND, FC_TURNS_COUNT };

/* The ratings one judge gave one model: per question their sum (num) and number (den). */
struct fc_sheet {
	size_t judge, model;                      /* numbers in fc_sheets */
	struct fc_share (*share)[FC_TURNS_COUNT]; /* [n_question] */
	size_t n_judged, n_unparsed;
};

/*
 * All single-answer ratings, FastChat's arithmetic: rows without rating are dropped, a mean is over
 * all rows left, so the average is not the mean of the two turns' means.
 */
struct fc_sheets {
	struct fc_categories judge, model, question;
	struct fc_sheet
	    *sheet; /* [n], by judge as they came, then by falling average, then by name */
	size_t n, cap;
	/* With a bench: [question.n] number of the question's category, in the order in which the
	 * bench brings them. */
	size_t *category_of;
	const char **category; /* [n_category], borrowed from the bench */
	size_t n_category;
};
/* bench: NULL for none; one that lacks a judged question is an error. */
int fc_sheets_build(struct fc_sheets *s, const struct fc_judgments *j, const struct fc_bench *bench,
    struct fc_err *e);
void fc_sheets_release(struct fc_sheets *s);

/* Sum over the questions of a category; category SIZE_MAX: over all. */
struct fc_share fc_sheet_sum(
    const struct fc_sheets *s, const struct fc_sheet *x, size_t category, enum fc_turns turns);
/* Bootstrap intervals over questions of all three means. */
void fc_sheet_intervals(const struct fc_sheets *s, const struct fc_sheet *x, size_t category,
    uint64_t seed, size_t n_resample, struct fc_interval out[FC_TURNS_COUNT]);

#endif
