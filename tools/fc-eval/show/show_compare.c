/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-eval/measure/comparison_table.h"
#include "fc-eval/measure/significance.h"
#include "fc-eval/show/contrast.h"
#include "fc-eval/show/show.h"

/* Two models rated by one judge, and how they differ. */
struct compared {
	const struct eval_sheet *x, *y;
	struct eval_contrast c;
};

/* "a is better than b by 1.000 [0.400, 1.500] points", behind the judge's name where there are
 * several. */
static void add_sentence(struct fc_buf *words, const struct eval_sheets *s,
    const struct compared *v, double p_holm, size_t n_pair)
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
static void adjust_by_judge(const struct compared *v, size_t n, double *p, double *holm)
{
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i; end < n && v[end].x->judge == v[i].x->judge; end++)
			p[end] = v[end].c.p_permutation;
		eval_significance_holm(p + i, end - i, holm + i);
	}
}

static const struct fc_column columns[] = {FC_COLUMN("judge"), FC_COLUMN("model_1"),
    FC_COLUMN("model_2"), FC_COLUMN("questions"),
    FC_COLUMN("difference", .decimals = 3, .interval = FC_INTERVAL_COLUMNS), FC_COLUMN("better"),
    FC_COLUMN("worse"), FC_COLUMN("equal"), FC_COLUMN("p_permutation", .decimals = 4),
    FC_COLUMN("p_sign", .decimals = 4), FC_COLUMN("p_holm", .decimals = 4),
    FC_COLUMN("detectable", .decimals = 3)};

static void add_row(struct fc_table *t, const struct eval_sheets *s, const struct compared *v,
    double p_holm, bool drawn)
{
	const struct eval_contrast *c = &v->c;
	FC_TABLE_ROW(t, fc_cell_text(s->judge.name[v->x->judge]),
	    fc_cell_text(s->model.name[v->x->model]), fc_cell_text(s->model.name[v->y->model]),
	    fc_cell_count(c->n_question), fc_cell_within(c->difference, c->interval),
	    fc_cell_count(c->n_better), fc_cell_count(c->n_worse), fc_cell_count(c->n_equal),
	    fc_cell_real(drawn ? c->p_permutation : NAN), fc_cell_real(c->p_sign),
	    fc_cell_real(drawn ? p_holm : NAN), fc_cell_real(c->detectable));
}

void eval_show_compare_rows(
    struct fc_table *t, const struct eval_sheets *s, const struct eval_show_options *o)
{
	struct compared *v = FC_ARRAY(struct compared, s->n * s->n);
	double *p = FC_ARRAY(double, s->n * s->n), *holm = FC_ARRAY(double, s->n * s->n);
	const size_t n = contrast_all(s, o, v);
	adjust_by_judge(v, n, p, holm);
	if (n && o->words)
		fc_buf_addc(o->words, '\n');
	for (size_t i = 0; i < n; i++) {
		size_t n_pair = 0;
		for (size_t k = 0; k < n; k++)
			n_pair += v[k].x->judge == v[i].x->judge;
		add_row(t, s, &v[i], holm[i], o->input.n_resample > 0);
		if (o->words)
			add_sentence(o->words, s, &v[i], holm[i], n_pair);
	}
	free(v);
	free(p);
	free(holm);
}

static int fill_compare(struct fc_table *t, const struct eval_show_input *j,
    const struct eval_show_options *o, struct fc_err *e)
{
	struct eval_sheets s;
	if (eval_show_sheets(&s, j, e) < 0)
		return -1;
	eval_show_compare_rows(t, &s, o);
	eval_sheets_release(&s);
	return 0;
}
const struct eval_show_table eval_show_compare = {columns, FC_LEN(columns), fill_compare};
