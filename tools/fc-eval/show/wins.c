/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/wins.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct eval_standing *standing_of(struct eval_wins *w, const char *judge, const char *model)
{
	size_t k = fc_categories_number(&w->judge, judge),
	       m = fc_categories_number(&w->model, model);
	for (size_t i = 0; i < w->n; i++)
		if (w->standing[i].judge == k && w->standing[i].model == m)
			return &w->standing[i];
	FC_GROW(w->standing, w->cap, w->n + 1);
	struct eval_standing *s = &w->standing[w->n++];
	*s = (struct eval_standing){
	    .judge = k, .model = m, .points = FC_ARRAY(struct fc_share, w->question.n)};
	return s;
}

/* side: which of the row's models counts. */
static void count_side(struct eval_wins *w, const struct eval_judgment *x, int side)
{
	struct eval_standing *s = standing_of(w, x->judge, x->model[side]);
	struct fc_share *points = &s->points[fc_categories_number(&w->question, x->question)];
	enum eval_winner own = side == 0 ? EVAL_WINNER_A : EVAL_WINNER_B,
			 winner = eval_judgment_winner(x);
	if (winner == EVAL_WINNER_ERROR) {
		s->n_error++;
		return;
	}
	points->den += 1;
	if (winner == EVAL_WINNER_TIE) {
		s->n_tie++;
		points->num += 0.5;
	} else if (winner == own) {
		s->n_win++;
		points->num += 1;
	} else {
		s->n_loss++;
	}
}

static void count_places(struct eval_wins *w, const struct eval_judgment *x)
{
	size_t judge = fc_categories_number(&w->judge, x->judge);
	while (w->n_places <= judge) {
		FC_GROW(w->places, w->cap_places, w->n_places + 1);
		w->places[w->n_places] = (struct eval_places){.judge = w->n_places};
		w->n_places++;
	}
	struct eval_places *p = &w->places[judge];
	enum eval_winner g1 = x->winner[0], g2 = x->winner[1];
	if (eval_judgment_winner(x) == EVAL_WINNER_ERROR) {
		p->n_error++;
		return;
	}
	p->n_row++;
	if (g1 == g2)
		p->n_consistent++;
	else if (g1 == EVAL_WINNER_TIE || g2 == EVAL_WINNER_TIE)
		p->n_half++;
	else if (g1 == EVAL_WINNER_A) /* model_1 stood first, then model_2 */
		p->n_first++;
	else
		p->n_second++;
}

double eval_standing_adjusted(const struct eval_standing *s)
{
	double n = (double)(s->n_win + s->n_loss + s->n_tie);
	return n > 0 ? ((double)s->n_win + 0.5 * (double)s->n_tie) / n : NAN;
}

static const struct eval_wins *sorting; /* qsort has no argument for it */

static int by_rank(const void *a, const void *b)
{
	const struct eval_standing *x = a, *y = b;
	if (x->judge != y->judge)
		return x->judge < y->judge ? -1 : 1;
	double p = eval_standing_adjusted(x), q = eval_standing_adjusted(y);
	p = isnan(p) ? -1 : p;
	q = isnan(q) ? -1 : q;
	if (p != q)
		return p > q ? -1 : 1;
	return strcmp(sorting->model.name[x->model], sorting->model.name[y->model]);
}

static bool takes_part(const struct eval_judgment *x, const char *baseline)
{
	return x->kind == EVAL_JUDGMENT_PAIR &&
	    (!baseline || !strcmp(x->model[0], baseline) || !strcmp(x->model[1], baseline));
}

void eval_wins_build(struct eval_wins *w, const struct eval_judgments *j, const char *baseline)
{
	*w = (struct eval_wins){0};
	for (size_t i = 0; i < j->n; i++)
		if (takes_part(&j->v[i], baseline))
			fc_categories_number(&w->question, j->v[i].question);
	for (size_t i = 0; i < j->n; i++) {
		const struct eval_judgment *x = &j->v[i];
		if (!takes_part(x, baseline))
			continue;
		for (int side = 0; side < 2; side++)
			if (!baseline || strcmp(x->model[side], baseline))
				count_side(w, x, side);
		count_places(w, x);
	}
	sorting = w;
	if (w->n)
		qsort(w->standing, w->n, sizeof *w->standing, by_rank);
}

void eval_wins_release(struct eval_wins *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->standing[i].points);
	free(w->standing);
	free(w->places);
	fc_categories_release(&w->judge);
	fc_categories_release(&w->model);
	fc_categories_release(&w->question);
	*w = (struct eval_wins){0};
}

struct fc_interval eval_standing_interval(
    const struct eval_wins *w, const struct eval_standing *s, uint64_t seed, size_t n_resample)
{
	struct fc_interval out;
	struct fc_share *share = FC_ARRAY(struct fc_share, w->question.n);
	size_t n = 0;
	for (size_t q = 0; q < w->question.n; q++)
		if (s->points[q].den > 0)
			share[n++] = s->points[q];
	fc_resample_ratios(share, n, 1, seed, n_resample, &out);
	free(share);
	return out;
}
