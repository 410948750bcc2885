/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fc-eval/show/show.h"

static double share_mean(struct fc_share s)
{
	return s.den > 0 ? s.num / s.den : NAN;
}

int eval_show_sheets(struct eval_sheets *s, const struct eval_show_input *j, struct fc_err *e)
{
	if (eval_sheets_build(s, &j->all, eval_show_input_bench(j), e) == 0 && s->n)
		return 0;
	if (!s->n)
		fc_fail(e, "no ratings of single answers among the judgments");
	eval_sheets_release(s);
	return -1;
}

static const struct fc_column scores[] = {FC_COLUMN("judge"), FC_COLUMN("model"),
    FC_COLUMN("first_turn", .decimals = 3), FC_COLUMN("second_turn", .decimals = 3),
    FC_COLUMN("average", .decimals = 3, .interval = FC_INTERVAL_COLUMNS), FC_COLUMN("judged"),
    FC_COLUMN("unparsed")};

void eval_show_scores_rows(
    struct fc_table *t, const struct eval_sheets *s, const struct eval_show_input_options *o)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct eval_sheet *x = &s->sheet[i];
		struct fc_interval interval[EVAL_TURNS_COUNT];
		eval_sheet_intervals(s, x, SIZE_MAX, o->seed, (size_t)o->n_resample, interval);
		FC_TABLE_ROW(t, fc_cell_text(s->judge.name[x->judge]),
		    fc_cell_text(s->model.name[x->model]),
		    fc_cell_real(share_mean(eval_sheet_sum(s, x, SIZE_MAX, EVAL_TURNS_FIRST))),
		    fc_cell_real(share_mean(eval_sheet_sum(s, x, SIZE_MAX, EVAL_TURNS_SECOND))),
		    fc_cell_within(share_mean(eval_sheet_sum(s, x, SIZE_MAX, EVAL_TURNS_ALL)),
			interval[EVAL_TURNS_ALL]),
		    fc_cell_count(x->n_judged), fc_cell_count(x->n_unparsed));
	}
}

static int fill_scores(struct fc_table *t, const struct eval_show_input *j,
    const struct eval_show_options *o, struct fc_err *e)
{
	struct eval_sheets s;
	if (eval_show_sheets(&s, j, e) < 0)
		return -1;
	eval_show_scores_rows(t, &s, &o->input);
	eval_sheets_release(&s);
	return 0;
}
const struct eval_show_table eval_show_scores = {scores, FC_LEN(scores), fill_scores};

static const struct fc_column categories[] = {FC_COLUMN("judge"), FC_COLUMN("model"),
    FC_COLUMN("category"), FC_COLUMN("score", .decimals = 3, .interval = FC_INTERVAL_COLUMNS),
    FC_COLUMN("turn1", .decimals = 3), FC_COLUMN("turn2", .decimals = 3), FC_COLUMN("judged")};

static void add_category(struct fc_table *t, const struct eval_sheets *s,
    const struct eval_sheet *x, size_t c, const struct eval_show_input_options *o)
{
	struct fc_interval interval[EVAL_TURNS_COUNT];
	const struct fc_share all = eval_sheet_sum(s, x, c, EVAL_TURNS_ALL);
	if (all.den == 0)
		return;
	eval_sheet_intervals(s, x, c, o->seed, (size_t)o->n_resample, interval);
	FC_TABLE_ROW(t, fc_cell_text(s->judge.name[x->judge]),
	    fc_cell_text(s->model.name[x->model]), fc_cell_text(s->category[c]),
	    fc_cell_within(share_mean(all), interval[EVAL_TURNS_ALL]),
	    fc_cell_real(share_mean(eval_sheet_sum(s, x, c, EVAL_TURNS_FIRST))),
	    fc_cell_real(share_mean(eval_sheet_sum(s, x, c, EVAL_TURNS_SECOND))),
	    fc_cell_count((uint64_t)all.den));
}

static int fill_categories(struct fc_table *t, const struct eval_show_input *j,
    const struct eval_show_options *o, struct fc_err *e)
{
	struct eval_sheets s;
	if (!j->has_bench)
		return fc_fail(e, "--questions is needed for the categories");
	if (eval_show_sheets(&s, j, e) < 0)
		return -1;
	for (size_t i = 0; i < s.n; i++)
		for (size_t c = 0; c < s.n_category; c++)
			add_category(t, &s, &s.sheet[i], c, &o->input);
	eval_sheets_release(&s);
	return 0;
}
const struct eval_show_table eval_show_categories = {
    categories, FC_LEN(categories), fill_categories};

static const struct fc_categories *sorting; /* qsort has no argument for it */

static int by_question(const void *a, const void *b)
{
	const size_t *x = a, *y = b;
	return eval_question_id_compare(sorting->name[*x], sorting->name[*y]);
}

static const struct fc_column questions[] = {FC_COLUMN("judge"), FC_COLUMN("model"),
    FC_COLUMN("question_id"), FC_COLUMN("category"), FC_COLUMN("turn1", .decimals = 1),
    FC_COLUMN("turn2", .decimals = 1)};

static int fill_questions(struct fc_table *t, const struct eval_show_input *j,
    const struct eval_show_options *o, struct fc_err *e)
{
	struct eval_sheets s;
	(void)o;
	if (eval_show_sheets(&s, j, e) < 0)
		return -1;
	size_t *order = FC_ARRAY(size_t, s.question.n);
	for (size_t q = 0; q < s.question.n; q++)
		order[q] = q;
	sorting = &s.question;
	qsort(order, s.question.n, sizeof *order, by_question);
	for (size_t i = 0; i < s.n; i++)
		for (size_t k = 0; k < s.question.n; k++) {
			const struct eval_sheet *x = &s.sheet[i];
			const size_t q = order[k];
			if (x->share[q][EVAL_TURNS_ALL].den == 0)
				continue;
			FC_TABLE_ROW(t, fc_cell_text(s.judge.name[x->judge]),
			    fc_cell_text(s.model.name[x->model]), fc_cell_text(s.question.name[q]),
			    fc_cell_text(j->has_bench ? s.category[s.category_of[q]] : NULL),
			    fc_cell_real(share_mean(x->share[q][EVAL_TURNS_FIRST])),
			    fc_cell_real(share_mean(x->share[q][EVAL_TURNS_SECOND])));
		}
	free(order);
	eval_sheets_release(&s);
	return 0;
}
const struct eval_show_table eval_show_questions = {questions, FC_LEN(questions), fill_questions};
