/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/judge_agreement.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

/* One judge's opinion: a rating of an answer, or a vote between two. */
struct opinion {
	size_t question, model[2]; /* model[0] < model[1]; a rating has one model twice */
	int turn;
	size_t judge;
	double rating;
	enum eval_winner vote;
};

struct opinions {
	struct opinion *v;
	size_t n, cap;
	struct fc_categories question, model;
};

static void add_opinion(struct opinions *o, struct opinion x)
{
	FC_GROW(o->v, o->cap, o->n + 1);
	o->v[o->n++] = x;
}

static size_t judge_number(struct eval_judge_agreements *a, const struct eval_judgment *x)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%s (%s)", x->judge, x->kind == EVAL_JUDGMENT_SINGLE ? "single" : "pair");
	size_t i = fc_categories_number(&a->judge, b.p);
	fc_buf_release(&b);
	return i;
}

static void collect_opinions(struct eval_judge_agreements *a, const struct eval_judgments *j,
    struct opinions *rating, struct opinions *vote)
{
	for (size_t i = 0; i < j->n; i++) {
		const struct eval_judgment *x = &j->v[i];
		struct opinion o = {.turn = x->turn,
		    .question = fc_categories_number(&vote->question, x->question)};
		for (int side = 0; side < 2; side++)
			if (x->model[side])
				o.model[side] = fc_categories_number(&vote->model, x->model[side]);
		if (x->kind == EVAL_JUDGMENT_SINGLE && x->scored) {
			o.model[1] = o.model[0];
			o.judge = judge_number(a, x);
			o.rating = x->score;
			add_opinion(rating, o);
		} else if (x->kind == EVAL_JUDGMENT_PAIR &&
		    eval_judgment_winner(x) != EVAL_WINNER_ERROR) {
			o.judge = judge_number(a, x);
			o.vote = eval_judgment_winner(x);
			if (o.model[0] > o.model[1]) {
				size_t m = o.model[0];
				o.model[0] = o.model[1];
				o.model[1] = m;
				if (o.vote != EVAL_WINNER_TIE)
					o.vote =
					    o.vote == EVAL_WINNER_A ? EVAL_WINNER_B : EVAL_WINNER_A;
			}
			add_opinion(vote, o);
		}
	}
}

static int compare_numbers(size_t a, size_t b)
{
	return a < b ? -1 : a > b;
}

/* Orders ratings by judge, question and turn, then model: ratings of one judge and turn, which make
 * votes, are neighbours. */
static int by_sheet(const void *p, const void *q)
{
	const struct opinion *a = p, *b = q;
	int c = compare_numbers(a->judge, b->judge);
	c = c ? c : compare_numbers(a->question, b->question);
	c = c ? c : compare_numbers((size_t)a->turn, (size_t)b->turn);
	return c ? c : compare_numbers(a->model[0], b->model[0]);
}

/* Orders opinions by what they are of, then by judge. */
static int by_subject(const void *p, const void *q)
{
	const struct opinion *a = p, *b = q;
	int c = compare_numbers(a->question, b->question);
	c = c ? c : compare_numbers((size_t)a->turn, (size_t)b->turn);
	c = c ? c : compare_numbers(a->model[0], b->model[0]);
	c = c ? c : compare_numbers(a->model[1], b->model[1]);
	c = c ? c : compare_numbers(a->judge, b->judge);
	return c ? c : a->rating < b->rating ? -1 : a->rating > b->rating;
}

static bool same_subject(const struct opinion *a, const struct opinion *b)
{
	return a->question == b->question && a->turn == b->turn && a->model[0] == b->model[0] &&
	    a->model[1] == b->model[1];
}

static void sort_opinions(struct opinions *o, int (*order)(const void *, const void *))
{
	if (o->n)
		qsort(o->v, o->n, sizeof *o->v, order);
}

static void votes_of_ratings(struct opinions *rating, struct opinions *vote)
{
	sort_opinions(rating, by_sheet);
	for (size_t i = 0; i < rating->n; i++) {
		const struct opinion *a = &rating->v[i];
		for (size_t k = i + 1; k < rating->n; k++) {
			const struct opinion *b = &rating->v[k];
			if (a->judge != b->judge || a->question != b->question ||
			    a->turn != b->turn)
				break;
			if (a->model[0] == b->model[0])
				continue;
			struct opinion o = *a;
			o.model[1] = b->model[0];
			double d = a->rating - b->rating;
			o.vote = fabs(d) <= 0.1 ? EVAL_WINNER_TIE
			    : d > 0             ? EVAL_WINNER_A
						: EVAL_WINNER_B;
			o.rating = 0;
			add_opinion(vote, o);
		}
	}
}

struct ranked {
	double value;
	size_t i;
};

static int by_value(const void *p, const void *q)
{
	const struct ranked *a = p, *b = q;
	return a->value < b->value ? -1 : a->value > b->value;
}

static void rank_values(const double *v, size_t n, double *rank)
{
	struct ranked *r = FC_ARRAY(struct ranked, n);
	for (size_t i = 0; i < n; i++)
		r[i] = (struct ranked){v[i], i};
	if (n)
		qsort(r, n, sizeof *r, by_value);
	for (size_t start = 0, end; start < n; start = end) {
		for (end = start + 1; end < n && r[end].value == r[start].value;)
			end++;
		for (size_t i = start; i < end; i++)
			rank[r[i].i] = ((double)start + (double)end + 1) / 2;
	}
	free(r);
}

double eval_rank_correlation(const double *x, const double *y, size_t n)
{
	double *p = FC_ARRAY(double, n), *q = FC_ARRAY(double, n);
	double mid = ((double)n + 1) / 2, xy = 0, xx = 0, yy = 0;
	rank_values(x, n, p);
	rank_values(y, n, q);
	for (size_t i = 0; i < n; i++) {
		xy += (p[i] - mid) * (q[i] - mid);
		xx += (p[i] - mid) * (p[i] - mid);
		yy += (q[i] - mid) * (q[i] - mid);
	}
	free(p);
	free(q);
	return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}

/* Calls found(a, b) for all pairs of opinions of judges j0 and j1 on the same subject. */
static void each_pair(const struct opinions *o, size_t j0, size_t j1,
    void (*found)(void *ctx, const struct opinion *a, const struct opinion *b),
    void *ctx /* found's */)
{
	for (size_t start = 0, end; start < o->n; start = end) {
		for (end = start + 1; end < o->n && same_subject(&o->v[start], &o->v[end]);)
			end++;
		for (size_t i = start; i < end; i++)
			for (size_t k = start; k < end; k++)
				if (o->v[i].judge == j0 && o->v[k].judge == j1)
					found(ctx, &o->v[i], &o->v[k]);
	}
}

struct votes {
	struct eval_judge_agreement *out;
	double seen[4][4]; /* by enum eval_winner */
};

static void count_vote(
    void *ctx /* struct votes */, const struct opinion *a, const struct opinion *b)
{
	struct votes *v = ctx;
	bool agree = a->vote == b->vote;
	v->out->n_vote++;
	v->out->n_agree += agree;
	if (a->vote != EVAL_WINNER_TIE && b->vote != EVAL_WINNER_TIE) {
		v->out->n_decided++;
		v->out->n_decided_agree += agree;
	}
	v->seen[a->vote][b->vote]++;
}

static double kappa_of(const struct votes *v)
{
	double n = (double)v->out->n_vote, by_chance = 0;
	if (n == 0)
		return NAN;
	for (int w = EVAL_WINNER_A; w <= EVAL_WINNER_TIE; w++) {
		double row = 0, column = 0;
		for (int k = EVAL_WINNER_A; k <= EVAL_WINNER_TIE; k++) {
			row += v->seen[w][k];
			column += v->seen[k][w];
		}
		by_chance += row * column / (n * n);
	}
	return by_chance < 1 ? ((double)v->out->n_agree / n - by_chance) / (1 - by_chance) : NAN;
}

struct ratings {
	double *x, *y;
	size_t n, cap_x, cap_y;
};

static void collect_rating(
    void *ctx /* struct ratings */, const struct opinion *a, const struct opinion *b)
{
	struct ratings *r = ctx;
	FC_GROW(r->x, r->cap_x, r->n + 1);
	FC_GROW(r->y, r->cap_y, r->n + 1);
	r->x[r->n] = a->rating;
	r->y[r->n++] = b->rating;
}

static void add_agreement(struct eval_judge_agreements *a, const struct opinions *rating,
    const struct opinions *vote, size_t j0, size_t j1)
{
	struct eval_judge_agreement x = {
	    .judge = {j0, j1}, .rank_correlation = NAN, .difference = NAN};
	struct votes v = {.out = &x};
	struct ratings r = {0};
	each_pair(vote, j0, j1, count_vote, &v);
	each_pair(rating, j0, j1, collect_rating, &r);
	x.kappa = kappa_of(&v);
	x.n_rating = r.n;
	if (r.n) {
		double sum = 0;
		for (size_t i = 0; i < r.n; i++)
			sum += r.x[i] - r.y[i];
		x.difference = sum / (double)r.n;
		x.rank_correlation = eval_rank_correlation(r.x, r.y, r.n);
	}
	free(r.x);
	free(r.y);
	if (!x.n_vote && !x.n_rating)
		return;
	FC_GROW(a->v, a->cap, a->n + 1);
	a->v[a->n++] = x;
}

void eval_judge_agreements_build(struct eval_judge_agreements *a, const struct eval_judgments *j)
{
	struct opinions rating = {0}, vote = {0};
	*a = (struct eval_judge_agreements){0};
	collect_opinions(a, j, &rating, &vote);
	votes_of_ratings(&rating, &vote);
	sort_opinions(&rating, by_subject);
	sort_opinions(&vote, by_subject);
	for (size_t j0 = 0; j0 < a->judge.n; j0++)
		for (size_t j1 = j0 + 1; j1 < a->judge.n; j1++)
			add_agreement(a, &rating, &vote, j0, j1);
	fc_categories_release(&vote.question);
	fc_categories_release(&vote.model);
	free(rating.v);
	free(vote.v);
}

void eval_judge_agreements_release(struct eval_judge_agreements *a)
{
	free(a->v);
	fc_categories_release(&a->judge);
	*a = (struct eval_judge_agreements){0};
}
