/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-eval/show/arena_hard.h"

static struct eval_arena_hard_score *score_of(
    struct eval_arena_hard *a, const char *judge, const char *model)
{
	size_t k = fc_categories_number(&a->judge, judge),
	       m = fc_categories_number(&a->model, model);
	for (size_t i = 0; i < a->n; i++)
		if (a->score[i].judge == k && a->score[i].model == m)
			return &a->score[i];
	FC_GROW(a->score, a->cap, a->n + 1);
	struct eval_arena_hard_score *s = &a->score[a->n++];
	*s = (struct eval_arena_hard_score){
	    .judge = k, .model = m, .points = FC_ARRAY(struct fc_share, a->question.n)};
	return s;
}

static void count_games(struct eval_arena_hard *a, const struct eval_judgment *x, int weight)
{
	struct eval_arena_hard_score *s = score_of(a, x->judge, x->model[0]);
	struct fc_share *points = &s->points[fc_categories_number(&a->question, x->question)];
	for (int g = 0; g < 2; g++) {
		if (x->winner[g] == EVAL_WINNER_ERROR) {
			s->n_dropped++;
			continue;
		}
		double w = x->strength[g] == 2 ? weight : 1;
		s->n_battle++;
		points->den += w;
		if (x->winner[g] == EVAL_WINNER_TIE)
			points->num += 0.5 * w;
		else if (x->winner[g] == EVAL_WINNER_B) /* A is the baseline */
			points->num += w;
	}
}

struct fc_share eval_arena_hard_points(
    const struct eval_arena_hard *a, const struct eval_arena_hard_score *s)
{
	struct fc_share sum = {0};
	for (size_t q = 0; q < a->question.n; q++) {
		sum.num += s->points[q].num;
		sum.den += s->points[q].den;
	}
	return sum;
}

static const struct eval_arena_hard *sorting; /* qsort has no argument for it */

static double share_of_points(const struct eval_arena_hard_score *s)
{
	struct fc_share sum = eval_arena_hard_points(sorting, s);
	return sum.den > 0 ? sum.num / sum.den : -1;
}

static int by_rank(const void *a, const void *b)
{
	const struct eval_arena_hard_score *x = a, *y = b;
	if (x->judge != y->judge)
		return x->judge < y->judge ? -1 : 1;
	double p = share_of_points(x), q = share_of_points(y);
	if (p != q)
		return p > q ? -1 : 1;
	return strcmp(sorting->model.name[x->model], sorting->model.name[y->model]);
}

void eval_arena_hard_build(struct eval_arena_hard *a, const struct eval_judgments *j, int weight)
{
	*a = (struct eval_arena_hard){0};
	for (size_t i = 0; i < j->n; i++)
		if (j->v[i].kind == EVAL_JUDGMENT_ARENA)
			fc_categories_number(&a->question, j->v[i].question);
	for (size_t i = 0; i < j->n; i++)
		if (j->v[i].kind == EVAL_JUDGMENT_ARENA)
			count_games(a, &j->v[i], weight);
	sorting = a;
	if (a->n)
		qsort(a->score, a->n, sizeof *a->score, by_rank);
}

void eval_arena_hard_release(struct eval_arena_hard *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->score[i].points);
	free(a->score);
	fc_categories_release(&a->judge);
	fc_categories_release(&a->model);
	fc_categories_release(&a->question);
	*a = (struct eval_arena_hard){0};
}
