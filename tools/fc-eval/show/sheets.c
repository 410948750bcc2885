/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/sheets.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct eval_sheet *sheet_of(struct eval_sheets *s, size_t judge, size_t model)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->sheet[i].judge == judge && s->sheet[i].model == model)
			return &s->sheet[i];
	FC_GROW(s->sheet, s->cap, s->n + 1);
	struct eval_sheet *x = &s->sheet[s->n++];
	*x = (struct eval_sheet){.judge = judge, .model = model};
	x->share = fc_calloc(s->question.n, sizeof *x->share);
	return x;
}

static void count_rating(struct eval_sheets *s, const struct eval_judgment *x)
{
	struct eval_sheet *sheet = sheet_of(s, fc_categories_number(&s->judge, x->judge),
	    fc_categories_number(&s->model, x->model[0]));
	if (!x->scored) {
		sheet->n_unparsed++;
		return;
	}
	struct fc_share *share = sheet->share[fc_categories_number(&s->question, x->question)];
	sheet->n_judged++;
	share[EVAL_TURNS_ALL].num += x->score;
	share[EVAL_TURNS_ALL].den += 1;
	if (x->turn <= 2) {
		enum eval_turns turn = x->turn == 1 ? EVAL_TURNS_FIRST : EVAL_TURNS_SECOND;
		share[turn].num += x->score;
		share[turn].den += 1;
	}
}

static int name_categories(struct eval_sheets *s, const struct eval_bench *bench, struct fc_err *e)
{
	struct fc_categories seen = {0};
	int ret = -1;
	s->category_of = FC_ARRAY(size_t, s->question.n);
	s->category = FC_ARRAY(const char *, bench->n);
	for (size_t i = 0; i < bench->n; i++) {
		size_t n = seen.n;
		if (fc_categories_number(&seen, bench->question[i].category) == n)
			s->category[s->n_category++] = bench->question[i].category;
	}
	for (size_t i = 0; i < s->question.n; i++) {
		const struct eval_question *q = eval_bench_find(bench, s->question.name[i]);
		if (!q) {
			fc_fail(e, "question %s was judged, but is not among the questions",
			    s->question.name[i]);
			goto out;
		}
		s->category_of[i] = fc_categories_number(&seen, q->category);
	}
	ret = 0;
out:
	fc_categories_release(&seen);
	return ret;
}

static const struct eval_sheets *sorting; /* qsort has no argument for it */

static int by_rank(const void *a, const void *b)
{
	const struct eval_sheet *x = a, *y = b;
	if (x->judge != y->judge)
		return x->judge < y->judge ? -1 : 1;
	struct fc_share p = eval_sheet_sum(sorting, x, SIZE_MAX, EVAL_TURNS_ALL);
	struct fc_share q = eval_sheet_sum(sorting, y, SIZE_MAX, EVAL_TURNS_ALL);
	double mean_x = p.den > 0 ? p.num / p.den : -1, mean_y = q.den > 0 ? q.num / q.den : -1;
	if (mean_x != mean_y)
		return mean_x > mean_y ? -1 : 1;
	return strcmp(sorting->model.name[x->model], sorting->model.name[y->model]);
}

int eval_sheets_build(struct eval_sheets *s, const struct eval_judgments *j,
    const struct eval_bench *bench, struct fc_err *e)
{
	*s = (struct eval_sheets){0};
	for (size_t i = 0; i < j->n; i++)
		if (j->v[i].kind == EVAL_JUDGMENT_SINGLE)
			fc_categories_number(&s->question, j->v[i].question);
	for (size_t i = 0; i < j->n; i++)
		if (j->v[i].kind == EVAL_JUDGMENT_SINGLE)
			count_rating(s, &j->v[i]);
	sorting = s;
	if (s->n)
		qsort(s->sheet, s->n, sizeof *s->sheet, by_rank);
	return bench ? name_categories(s, bench, e) : 0;
}

void eval_sheets_release(struct eval_sheets *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->sheet[i].share);
	free(s->sheet);
	free(s->category_of);
	free(s->category);
	fc_categories_release(&s->judge);
	fc_categories_release(&s->model);
	fc_categories_release(&s->question);
	*s = (struct eval_sheets){0};
}

static bool is_of_category(const struct eval_sheets *s, size_t question, size_t category)
{
	return category == SIZE_MAX || s->category_of[question] == category;
}

struct fc_share eval_sheet_sum(
    const struct eval_sheets *s, const struct eval_sheet *x, size_t category, enum eval_turns turns)
{
	struct fc_share sum = {0};
	for (size_t q = 0; q < s->question.n; q++) {
		if (!is_of_category(s, q, category))
			continue;
		sum.num += x->share[q][turns].num;
		sum.den += x->share[q][turns].den;
	}
	return sum;
}

void eval_sheet_intervals(const struct eval_sheets *s, const struct eval_sheet *x, size_t category,
    uint64_t seed, size_t n_resample, struct fc_interval out[EVAL_TURNS_COUNT])
{
	struct fc_share(*share)[EVAL_TURNS_COUNT] = fc_calloc(s->question.n, sizeof *share);
	size_t n = 0;
	for (size_t q = 0; q < s->question.n; q++)
		if (is_of_category(s, q, category) && x->share[q][EVAL_TURNS_ALL].den > 0)
			memcpy(share[n++], x->share[q], sizeof *share);
	fc_resample_ratios(n ? share[0] : NULL, n, EVAL_TURNS_COUNT, seed, n_resample, out);
	free(share);
}
