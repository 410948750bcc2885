/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/wins.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct eval_standing *standing_of(struct eval_wins *b, const char *judge, const char *model)
{
	size_t k = fc_categories_number(&b->judge, judge),
	       m = fc_categories_number(&b->model, model);
	for (size_t i = 0; i < b->n; i++)
		if (b->standing[i].judge == k && b->standing[i].model == m)
			return &b->standing[i];
	FC_GROW(b->standing, b->cap, b->n + 1);
	struct eval_standing *r = &b->standing[b->n++];
	*r = (struct eval_standing){
	    .judge = k, .model = m, .points = FC_ARRAY(struct fc_share, b->question.n)};
	return r;
}

/* side: which of the row's models counts. */
static void count_side(struct eval_wins *b, const struct eval_judgment *x, int side)
{
	struct eval_standing *r = standing_of(b, x->judge, x->model[side]);
	struct fc_share *points = &r->points[fc_categories_number(&b->question, x->question)];
	enum eval_winner own = side == 0 ? EVAL_WINNER_A : EVAL_WINNER_B,
			 w = eval_judgment_winner(x);
	if (w == EVAL_WINNER_ERROR) {
		r->n_error++;
		return;
	}
	points->den += 1;
	if (w == EVAL_WINNER_TIE) {
		r->n_tie++;
		points->num += 0.5;
	} else if (w == own) {
		r->n_win++;
		points->num += 1;
	} else {
		r->n_loss++;
	}
}

static void count_places(struct eval_wins *b, const struct eval_judgment *x)
{
	size_t judge = fc_categories_number(&b->judge, x->judge);
	while (b->n_places <= judge) {
		FC_GROW(b->places, b->cap_places, b->n_places + 1);
		b->places[b->n_places] = (struct eval_places){.judge = b->n_places};
		b->n_places++;
	}
	struct eval_places *p = &b->places[judge];
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

double eval_standing_adjusted(const struct eval_standing *r)
{
	double n = (double)(r->n_win + r->n_loss + r->n_tie);
	return n > 0 ? ((double)r->n_win + 0.5 * (double)r->n_tie) / n : NAN;
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

void eval_wins_build(struct eval_wins *b, const struct eval_judgments *j, const char *baseline)
{
	*b = (struct eval_wins){0};
	for (size_t i = 0; i < j->n; i++)
		if (takes_part(&j->v[i], baseline))
			fc_categories_number(&b->question, j->v[i].question);
	for (size_t i = 0; i < j->n; i++) {
		const struct eval_judgment *x = &j->v[i];
		if (!takes_part(x, baseline))
			continue;
		for (int side = 0; side < 2; side++)
			if (!baseline || strcmp(x->model[side], baseline))
				count_side(b, x, side);
		count_places(b, x);
	}
	sorting = b;
	if (b->n)
		qsort(b->standing, b->n, sizeof *b->standing, by_rank);
}

void eval_wins_release(struct eval_wins *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->standing[i].points);
	free(b->standing);
	free(b->places);
	fc_categories_release(&b->judge);
	fc_categories_release(&b->model);
	fc_categories_release(&b->question);
	*b = (struct eval_wins){0};
}

struct fc_interval eval_standing_interval(
    const struct eval_wins *b, const struct eval_standing *r, uint64_t seed, size_t n_resample)
{
	struct fc_interval out;
	struct fc_share *share = FC_ARRAY(struct fc_share, b->question.n);
	size_t n = 0;
	for (size_t q = 0; q < b->question.n; q++)
		if (r->points[q].den > 0)
			share[n++] = r->points[q];
	fc_resample_ratios(share, n, 1, seed, n_resample, &out);
	free(share);
	return out;
}
