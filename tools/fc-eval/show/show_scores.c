/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-eval/measure/comparison_table.h"
#include "fc-eval/measure/significance.h"
#include "fc-eval/show/contrast.h"
#include "fc-eval/show/show.h"

static double mean(struct fc_share s)
{
	return s.den > 0 ? s.num / s.den : NAN;
}

static int build(struct eval_sheets *s, const struct eval_show_input *j, struct fc_err *e)
{
	if (eval_sheets_build(s, &j->all, eval_show_input_bench(j), e) == 0 && s->n)
		return 0;
	if (!s->n)
		fc_fail(e, "no ratings of single answers among the judgments");
	eval_sheets_release(s);
	return -1;
}

static int need_bench(const struct eval_show_input *j, struct fc_err *e)
{
	return j->has_bench ? 0 : fc_fail(e, "--questions is needed for the categories");
}

struct fc_table *eval_show_scores(
    const struct eval_show_input *j, const struct eval_show_options *o, struct fc_err *e)
{
	struct eval_sheets s;
	if (build(&s, j, e) < 0)
		return NULL;
	struct fc_table *t = fc_table_new();
	static const char *const texts[] = {"judge", "model"};
	static const char *const reals[] = {
	    "first_turn", "second_turn", "average", "average_low", "average_high"};
	for (size_t i = 0; i < FC_LEN(texts); i++)
		fc_table_column(t, texts[i], 0);
	for (size_t i = 0; i < FC_LEN(reals); i++)
		fc_table_column(t, reals[i], 3);
	fc_table_column(t, "judged", 0);
	fc_table_column(t, "unparsed", 0);
	for (size_t i = 0; i < s.n; i++) {
		const struct eval_sheet *x = &s.sheet[i];
		struct fc_interval interval[EVAL_TURNS_COUNT];
		eval_sheet_intervals(
		    &s, x, SIZE_MAX, o->input.seed, (size_t)o->input.n_resample, interval);
		fc_table_text(t, s.judge.name[x->judge]);
		fc_table_text(t, s.model.name[x->model]);
		fc_table_real(t, mean(eval_sheet_sum(&s, x, SIZE_MAX, EVAL_TURNS_FIRST)));
		fc_table_real(t, mean(eval_sheet_sum(&s, x, SIZE_MAX, EVAL_TURNS_SECOND)));
		fc_table_real(t, mean(eval_sheet_sum(&s, x, SIZE_MAX, EVAL_TURNS_ALL)));
		fc_table_real(t, interval[EVAL_TURNS_ALL].low);
		fc_table_real(t, interval[EVAL_TURNS_ALL].high);
		fc_table_int(t, x->n_judged);
		fc_table_int(t, x->n_unparsed);
	}
	eval_sheets_release(&s);
	return t;
}

struct fc_table *eval_show_categories(
    const struct eval_show_input *j, const struct eval_show_options *o, struct fc_err *e)
{
	struct eval_sheets s;
	if (need_bench(j, e) < 0 || build(&s, j, e) < 0)
		return NULL;
	struct fc_table *t = fc_table_new();
	static const char *const texts[] = {"judge", "model", "category"};
	static const char *const reals[] = {"score", "score_low", "score_high", "turn1", "turn2"};
	for (size_t i = 0; i < FC_LEN(texts); i++)
		fc_table_column(t, texts[i], 0);
	for (size_t i = 0; i < FC_LEN(reals); i++)
		fc_table_column(t, reals[i], 3);
	fc_table_column(t, "judged", 0);
	for (size_t i = 0; i < s.n; i++) {
		const struct eval_sheet *x = &s.sheet[i];
		for (size_t c = 0; c < s.n_category; c++) {
			struct fc_interval interval[EVAL_TURNS_COUNT];
			struct fc_share all = eval_sheet_sum(&s, x, c, EVAL_TURNS_ALL);
			if (all.den == 0)
				continue;
			eval_sheet_intervals(
			    &s, x, c, o->input.seed, (size_t)o->input.n_resample, interval);
			fc_table_text(t, s.judge.name[x->judge]);
			fc_table_text(t, s.model.name[x->model]);
			fc_table_text(t, s.category[c]);
			fc_table_real(t, mean(all));
			fc_table_real(t, interval[EVAL_TURNS_ALL].low);
			fc_table_real(t, interval[EVAL_TURNS_ALL].high);
			fc_table_real(t, mean(eval_sheet_sum(&s, x, c, EVAL_TURNS_FIRST)));
			fc_table_real(t, mean(eval_sheet_sum(&s, x, c, EVAL_TURNS_SECOND)));
			fc_table_int(t, (uint64_t)all.den);
		}
	}
	eval_sheets_release(&s);
	return t;
}

static const struct fc_categories *sorting; /* qsort has no argument for it */

static int by_question(const void *a, const void *b)
{
	const size_t *x = a, *y = b;
	return eval_question_id_compare(sorting->name[*x], sorting->name[*y]);
}

struct fc_table *eval_show_questions(
    const struct eval_show_input *j, const struct eval_show_options *o, struct fc_err *e)
{
	struct eval_sheets s;
	(void)o;
	if (build(&s, j, e) < 0)
		return NULL;
	struct fc_table *t = fc_table_new();
	static const char *const texts[] = {"judge", "model", "question_id", "category"};
	for (size_t i = 0; i < FC_LEN(texts); i++)
		fc_table_column(t, texts[i], 0);
	fc_table_column(t, "turn1", 1);
	fc_table_column(t, "turn2", 1);
	size_t *order = FC_ARRAY(size_t, s.question.n);
	for (size_t q = 0; q < s.question.n; q++)
		order[q] = q;
	sorting = &s.question;
	qsort(order, s.question.n, sizeof *order, by_question);
	for (size_t i = 0; i < s.n; i++) {
		for (size_t k = 0; k < s.question.n; k++) {
			const struct eval_sheet *x = &s.sheet[i];
			size_t q = order[k];
			if (x->share[q][EVAL_TURNS_ALL].den == 0)
				continue;
			fc_table_text(t, s.judge.name[x->judge]);
			fc_table_text(t, s.model.name[x->model]);
			fc_table_text(t, s.question.name[q]);
			if (j->has_bench)
				fc_table_text(t, s.category[s.category_of[q]]);
			else
				fc_table_none(t);
			fc_table_real(t, mean(x->share[q][EVAL_TURNS_FIRST]));
			fc_table_real(t, mean(x->share[q][EVAL_TURNS_SECOND]));
		}
	}
	free(order);
	eval_sheets_release(&s);
	return t;
}

/* Two sheets of one judge. */
struct compared {
	const struct eval_sheet *x, *y;
	struct eval_contrast c;
};

static void compare_row(struct fc_table *t, const struct eval_sheets *s, const struct compared *v,
    double p_holm, const struct eval_show_options *o)
{
	const struct eval_contrast *c = &v->c;
	fc_table_text(t, s->judge.name[v->x->judge]);
	fc_table_text(t, s->model.name[v->x->model]);
	fc_table_text(t, s->model.name[v->y->model]);
	fc_table_int(t, c->n_question);
	fc_table_real(t, c->difference);
	fc_table_real(t, c->interval.low);
	fc_table_real(t, c->interval.high);
	fc_table_int(t, c->n_better);
	fc_table_int(t, c->n_worse);
	fc_table_int(t, c->n_equal);
	fc_table_real(t, o->input.n_resample ? c->p_permutation : NAN);
	fc_table_real(t, c->p_sign);
	fc_table_real(t, o->input.n_resample ? p_holm : NAN);
	fc_table_real(t, c->detectable);
}

/* "a is better than b by 1.000 [0.400, 1.500] points", of which judge if there are several. */
static void say(struct fc_buf *words, const struct eval_sheets *s, const struct compared *v,
    double p_holm, size_t n_pair)
{
	static const struct eval_measure m = {
	    .unit = " points", .items = "questions", .decimals = 3};
	const struct eval_contrast *c = &v->c;
	const struct eval_paired_result r = {.difference = c->difference,
	    .difference_interval = c->interval,
	    .n_better = c->n_better,
	    .n_worse = c->n_worse,
	    .n_equal = c->n_equal,
	    .p = c->p_permutation,
	    .p_holm = p_holm,
	    .detectable = c->detectable};
	struct fc_buf b = FC_BUF_INIT;
	if (s->judge.n > 1) {
		const char *judge = s->judge.name[v->x->judge];
		fc_buf_add_escaped(&b, judge, strlen(judge));
		fc_buf_adds(&b, ": ");
	}
	eval_comparison_say(&b, &m, s->model.name[v->x->model], s->model.name[v->y->model], &r,
	    c->n_question, n_pair);
	eval_comparison_wrap(words, b.p);
	fc_buf_release(&b);
}

/* The pairs that are wanted and have a question in common, by judge; v: room for all. */
static size_t contrast_all(
    const struct eval_sheets *s, const struct eval_show_options *o, struct compared *v)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < s->n; k++) {
			const struct eval_sheet *x = &s->sheet[i], *y = &s->sheet[k];
			bool wanted = o->baseline
			    ? i != k && !strcmp(s->model.name[y->model], o->baseline)
			    : i < k;
			if (!wanted || x->judge != y->judge)
				continue;
			v[n] = (struct compared){.x = x, .y = y};
			eval_contrast(s, x, y, o->input.seed, (size_t)o->input.n_resample, &v[n].c);
			n += v[n].c.n_question > 0;
		}
	return n;
}

/* Holm's adjustment among the pairs of each judge. */
static void adjust(const struct compared *v, size_t n, double *p, double *holm)
{
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i; end < n && v[end].x->judge == v[i].x->judge; end++)
			p[end] = v[end].c.p_permutation;
		eval_significance_holm(p + i, end - i, holm + i);
	}
}

struct fc_table *eval_show_compare(
    const struct eval_show_input *j, const struct eval_show_options *o, struct fc_err *e)
{
	static const struct {
		const char *name;
		int decimals;
	} columns[] = {{"judge", 0}, {"model_1", 0}, {"model_2", 0}, {"questions", 0},
	    {"difference", 3}, {"difference_low", 3}, {"difference_high", 3}, {"better", 0},
	    {"worse", 0}, {"equal", 0}, {"p_permutation", 4}, {"p_sign", 4}, {"p_holm", 4},
	    {"detectable", 3}};
	struct eval_sheets s;
	if (build(&s, j, e) < 0)
		return NULL;
	struct fc_table *t = fc_table_new();
	for (size_t i = 0; i < FC_LEN(columns); i++)
		fc_table_column(t, columns[i].name, columns[i].decimals);
	struct compared *v = FC_ARRAY(struct compared, s.n * s.n);
	double *p = FC_ARRAY(double, s.n *s.n), *holm = FC_ARRAY(double, s.n *s.n);
	const size_t n = contrast_all(&s, o, v);
	adjust(v, n, p, holm);
	for (size_t i = 0; i < n; i++) {
		size_t n_pair = 0;
		for (size_t k = 0; k < n; k++)
			n_pair += v[k].x->judge == v[i].x->judge;
		compare_row(t, &s, &v[i], holm[i], o);
		say(o->words, &s, &v[i], holm[i], n_pair);
	}
	free(v);
	free(p);
	free(holm);
	eval_sheets_release(&s);
	return t;
}
