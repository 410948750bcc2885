/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/mem.h"
#include "fc-eval/measure/significance.h"
#include "fc-eval/show/judge_agreement.h"
#include "fc-eval/show/show.h"

static const struct eval_column wins[] = {
    EVAL_COLUMN("judge"),
    EVAL_COLUMN("model"),
    EVAL_COLUMN("win"),
    EVAL_COLUMN("loss"),
    EVAL_COLUMN("tie"),
    EVAL_COLUMN("dropped"),
    EVAL_COLUMN("win_rate", .decimals = 3),
    EVAL_COLUMN("loss_rate", .decimals = 3),
    EVAL_COLUMN("win_rate_adjusted", .decimals = 3, .interval = EVAL_INTERVAL_COLUMNS),
};

void eval_show_wins_rows(
    struct eval_table *t, const struct eval_wins *w, const struct eval_show_input_options *o)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct eval_standing *s = &w->standing[i];
		const size_t n = s->n_win + s->n_loss + s->n_tie;
		EVAL_TABLE_ROW(t, eval_cell_text(w->judge.name[s->judge]),
		    eval_cell_text(w->model.name[s->model]), eval_cell_count(s->n_win),
		    eval_cell_count(s->n_loss), eval_cell_count(s->n_tie),
		    eval_cell_count(s->n_error), eval_cell_share(s->n_win, n),
		    eval_cell_share(s->n_loss, n),
		    eval_cell_within(eval_standing_adjusted(s),
			eval_standing_interval(w, s, o->seed, (size_t)o->n_resample)));
	}
}

static int fill_wins(struct eval_table *t, const struct eval_show_input *j,
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

static const struct eval_column places[] = {
    EVAL_COLUMN("judge"),
    EVAL_COLUMN("pairs"),
    EVAL_COLUMN("dropped"),
    EVAL_COLUMN("consistent"),
    EVAL_COLUMN("first"),
    EVAL_COLUMN("second"),
    EVAL_COLUMN("half"),
    EVAL_COLUMN("consistency", .decimals = 3),
    EVAL_COLUMN("first_bias", .decimals = 3),
};

static int fill_places(struct eval_table *t, const struct eval_show_input *j,
    const struct eval_show_options *o, struct fc_err *e)
{
	struct eval_wins w;
	eval_wins_build(&w, &j->all, o->baseline);
	for (size_t i = 0; i < w.n_places; i++) {
		const struct eval_places *p = &w.places[i];
		EVAL_TABLE_ROW(t, eval_cell_text(w.judge.name[p->judge]), eval_cell_count(p->n_row),
		    eval_cell_count(p->n_error), eval_cell_count(p->n_consistent),
		    eval_cell_count(p->n_first), eval_cell_count(p->n_second),
		    eval_cell_count(p->n_half), eval_cell_share(p->n_consistent, p->n_row),
		    eval_cell_share(p->n_first, p->n_first + p->n_second));
	}
	eval_wins_release(&w);
	return t->n_row ? 0 : fc_fail(e, "no pairs among the judgments");
}
const struct eval_show_table eval_show_places = {places, FC_LEN(places), fill_places};

static const struct eval_column arena[] = {
    EVAL_COLUMN("judge"),
    EVAL_COLUMN("model"),
    EVAL_COLUMN("score", .decimals = 1, .interval = EVAL_INTERVAL_COLUMNS),
    EVAL_COLUMN("battles"),
    EVAL_COLUMN("dropped"),
};

void eval_show_arena_rows(
    struct eval_table *t, const struct eval_arena_hard *a, const struct eval_show_input_options *o)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct eval_arena_hard_score *s = &a->score[i];
		const struct fc_share sum = eval_arena_hard_points(a, s);
		struct fc_interval v;
		fc_resample_ratios(s->points, a->question.n, 1, o->seed, (size_t)o->n_resample, &v);
		EVAL_TABLE_ROW(t, eval_cell_text(a->judge.name[s->judge]),
		    eval_cell_text(a->model.name[s->model]),
		    eval_cell_within(sum.den > 0 ? 100 * sum.num / sum.den : NAN,
			(struct fc_interval){100 * v.low, 100 * v.high}),
		    eval_cell_count(s->n_battle), eval_cell_count(s->n_dropped));
	}
}

static int fill_arena(struct eval_table *t, const struct eval_show_input *j,
    const struct eval_show_options *o, struct fc_err *e)
{
	struct eval_arena_hard a;
	eval_arena_hard_build(&a, &j->all, o->weight);
	eval_show_arena_rows(t, &a, &o->input);
	eval_arena_hard_release(&a);
	return t->n_row ? 0 : fc_fail(e, "no judgments in Arena-Hard's form");
}
const struct eval_show_table eval_show_arena = {arena, FC_LEN(arena), fill_arena};

static const struct eval_column judges[] = {
    EVAL_COLUMN("judge_1"),
    EVAL_COLUMN("judge_2"),
    EVAL_COLUMN("votes"),
    EVAL_COLUMN("agree", .decimals = 3, .interval = EVAL_INTERVAL_COLUMNS),
    EVAL_COLUMN("decided"),
    EVAL_COLUMN("decided_agree", .decimals = 3),
    EVAL_COLUMN("kappa", .decimals = 3),
    EVAL_COLUMN("ratings"),
    EVAL_COLUMN("rank_correlation", .decimals = 3),
    EVAL_COLUMN("difference", .decimals = 3),
};

static int fill_judges(struct eval_table *t, const struct eval_show_input *j,
    const struct eval_show_options *o, struct fc_err *e)
{
	struct eval_judge_agreements a;
	(void)o;
	eval_judge_agreements_build(&a, &j->all);
	for (size_t i = 0; i < a.n; i++) {
		const struct eval_judge_agreement *x = &a.v[i];
		EVAL_TABLE_ROW(t, eval_cell_text(a.judge.name[x->judge[0]]),
		    eval_cell_text(a.judge.name[x->judge[1]]), eval_cell_count(x->n_vote),
		    eval_significance_share(x->n_agree, x->n_vote), eval_cell_count(x->n_decided),
		    eval_cell_share(x->n_decided_agree, x->n_decided), eval_cell_real(x->kappa),
		    eval_cell_count(x->n_rating), eval_cell_real(x->rank_correlation),
		    eval_cell_real(x->difference));
	}
	eval_judge_agreements_release(&a);
	return t->n_row ? 0 : fc_fail(e, "no two judges who judged the same");
}
const struct eval_show_table eval_show_judges = {judges, FC_LEN(judges), fill_judges};
