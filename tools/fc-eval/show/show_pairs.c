/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/mem.h"
#include "fc-eval/measure/significance.h"
#include "fc-eval/show/judge_agreement.h"
#include "fc-eval/show/show.h"

static const struct fc_column wins[] = {FC_COLUMN("judge"), FC_COLUMN("model"), FC_COLUMN("win"),
    FC_COLUMN("loss"), FC_COLUMN("tie"), FC_COLUMN("dropped"), FC_COLUMN("win_rate", .decimals = 3),
    FC_COLUMN("loss_rate", .decimals = 3),
    FC_COLUMN("win_rate_adjusted", .decimals = 3, .interval = FC_INTERVAL_COLUMNS)};

void eval_show_wins_rows(
    struct fc_table *t, const struct eval_wins *w, const struct eval_show_input_options *o)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct eval_standing *s = &w->standing[i];
		const size_t n = s->n_win + s->n_loss + s->n_tie;
		FC_TABLE_ROW(t, fc_cell_text(w->judge.name[s->judge]),
		    fc_cell_text(w->model.name[s->model]), fc_cell_count(s->n_win),
		    fc_cell_count(s->n_loss), fc_cell_count(s->n_tie), fc_cell_count(s->n_error),
		    fc_cell_share(s->n_win, n), fc_cell_share(s->n_loss, n),
		    fc_cell_within(eval_standing_adjusted(s),
			eval_standing_interval(w, s, o->seed, (size_t)o->n_resample)));
	}
}

static int fill_wins(struct fc_table *t, const struct eval_show_input *j,
    const struct eval_show_options *o, struct fc_err *e)
{
	struct eval_wins w;
	eval_wins_build(&w, &j->all, o->baseline);
	eval_show_wins_rows(t, &w, &o->input);
	eval_wins_release(&w);
	return t->n_row ? 0
			: fc_fail(e, "no pairs%s%s among the judgments",
			      o->baseline ? " with " : "", o->baseline ? o->baseline : "");
}
const struct eval_show_table eval_show_wins = {wins, FC_LEN(wins), fill_wins};

static const struct fc_column places[] = {FC_COLUMN("judge"), FC_COLUMN("pairs"),
    FC_COLUMN("dropped"), FC_COLUMN("consistent"), FC_COLUMN("first"), FC_COLUMN("second"),
    FC_COLUMN("half"), FC_COLUMN("consistency", .decimals = 3),
    FC_COLUMN("first_bias", .decimals = 3)};

static int fill_places(struct fc_table *t, const struct eval_show_input *j,
    const struct eval_show_options *o, struct fc_err *e)
{
	struct eval_wins w;
	eval_wins_build(&w, &j->all, o->baseline);
	for (size_t i = 0; i < w.n_places; i++) {
		const struct eval_places *p = &w.places[i];
		FC_TABLE_ROW(t, fc_cell_text(w.judge.name[p->judge]), fc_cell_count(p->n_row),
		    fc_cell_count(p->n_error), fc_cell_count(p->n_consistent),
		    fc_cell_count(p->n_first), fc_cell_count(p->n_second), fc_cell_count(p->n_half),
		    fc_cell_share(p->n_consistent, p->n_row),
		    fc_cell_share(p->n_first, p->n_first + p->n_second));
	}
	eval_wins_release(&w);
	return t->n_row ? 0 : fc_fail(e, "no pairs among the judgments");
}
const struct eval_show_table eval_show_places = {places, FC_LEN(places), fill_places};

static const struct fc_column arena[] = {FC_COLUMN("judge"), FC_COLUMN("model"),
    FC_COLUMN("score", .decimals = 1, .interval = FC_INTERVAL_COLUMNS), FC_COLUMN("battles"),
    FC_COLUMN("dropped")};

void eval_show_arena_rows(
    struct fc_table *t, const struct eval_arena_hard *a, const struct eval_show_input_options *o)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct eval_arena_hard_score *s = &a->score[i];
		const struct fc_share sum = eval_arena_hard_points(a, s);
		struct fc_interval v;
		fc_resample_ratios(s->points, a->question.n, 1, o->seed, (size_t)o->n_resample, &v);
		FC_TABLE_ROW(t, fc_cell_text(a->judge.name[s->judge]),
		    fc_cell_text(a->model.name[s->model]),
		    fc_cell_within(sum.den > 0 ? 100 * sum.num / sum.den : NAN,
			(struct fc_interval){100 * v.low, 100 * v.high}),
		    fc_cell_count(s->n_battle), fc_cell_count(s->n_dropped));
	}
}

static int fill_arena(struct fc_table *t, const struct eval_show_input *j,
    const struct eval_show_options *o, struct fc_err *e)
{
	struct eval_arena_hard a;
	eval_arena_hard_build(&a, &j->all, o->weight);
	eval_show_arena_rows(t, &a, &o->input);
	eval_arena_hard_release(&a);
	return t->n_row ? 0 : fc_fail(e, "no judgments in Arena-Hard's form");
}
const struct eval_show_table eval_show_arena = {arena, FC_LEN(arena), fill_arena};

static const struct fc_column judges[] = {FC_COLUMN("judge_1"), FC_COLUMN("judge_2"),
    FC_COLUMN("votes"), FC_COLUMN("agree", .decimals = 3, .interval = FC_INTERVAL_COLUMNS),
    FC_COLUMN("decided"), FC_COLUMN("decided_agree", .decimals = 3),
    FC_COLUMN("kappa", .decimals = 3), FC_COLUMN("ratings"),
    FC_COLUMN("rank_correlation", .decimals = 3), FC_COLUMN("difference", .decimals = 3)};

static int fill_judges(struct fc_table *t, const struct eval_show_input *j,
    const struct eval_show_options *o, struct fc_err *e)
{
	struct eval_judge_agreements a;
	(void)o;
	eval_judge_agreements_build(&a, &j->all);
	for (size_t i = 0; i < a.n; i++) {
		const struct eval_judge_agreement *x = &a.v[i];
		FC_TABLE_ROW(t, fc_cell_text(a.judge.name[x->judge[0]]),
		    fc_cell_text(a.judge.name[x->judge[1]]), fc_cell_count(x->n_vote),
		    eval_significance_share(x->n_agree, x->n_vote), fc_cell_count(x->n_decided),
		    fc_cell_share(x->n_decided_agree, x->n_decided), fc_cell_real(x->kappa),
		    fc_cell_count(x->n_rating), fc_cell_real(x->rank_correlation),
		    fc_cell_real(x->difference));
	}
	eval_judge_agreements_release(&a);
	return t->n_row ? 0 : fc_fail(e, "no two judges who judged the same");
}
const struct eval_show_table eval_show_judges = {judges, FC_LEN(judges), fill_judges};
