/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/mem.h"
#include "fc-eval/measure/significance.h"
#include "fc-eval/show/judge_agreement.h"
#include "fc-eval/show/wins.h"
#include "fc-eval/show/show.h"

static double part(size_t k, size_t n)
{
	return n ? (double)k / (double)n : NAN;
}

struct fc_table *eval_show_wins(
    const struct eval_show_input *j, const struct eval_show_options *o, struct fc_err *e)
{
	struct eval_wins b;
	eval_wins_build(&b, &j->all, o->baseline);
	if (!b.n) {
		fc_fail(e, "no pairs%s%s among the judgments", o->baseline ? " with " : "",
		    o->baseline ? o->baseline : "");
		eval_wins_release(&b);
		return NULL;
	}
	static const char *const ints[] = {"win", "loss", "tie", "dropped"};
	static const char *const reals[] = {"win_rate", "loss_rate", "win_rate_adjusted",
	    "win_rate_adjusted_low", "win_rate_adjusted_high"};
	struct fc_table *t = fc_table_new();
	fc_table_column(t, "judge", 0);
	fc_table_column(t, "model", 0);
	for (size_t i = 0; i < FC_LEN(ints); i++)
		fc_table_column(t, ints[i], 0);
	for (size_t i = 0; i < FC_LEN(reals); i++)
		fc_table_column(t, reals[i], 3);
	for (size_t i = 0; i < b.n; i++) {
		const struct eval_standing *r = &b.standing[i];
		size_t n = r->n_win + r->n_loss + r->n_tie;
		struct fc_interval interval =
		    eval_standing_interval(&b, r, o->input.seed, (size_t)o->input.n_resample);
		fc_table_text(t, b.judge.name[r->judge]);
		fc_table_text(t, b.model.name[r->model]);
		fc_table_int(t, r->n_win);
		fc_table_int(t, r->n_loss);
		fc_table_int(t, r->n_tie);
		fc_table_int(t, r->n_error);
		fc_table_real(t, part(r->n_win, n));
		fc_table_real(t, part(r->n_loss, n));
		fc_table_real(t, eval_standing_adjusted(r));
		fc_table_real(t, interval.low);
		fc_table_real(t, interval.high);
	}
	eval_wins_release(&b);
	return t;
}

struct fc_table *eval_show_places(
    const struct eval_show_input *j, const struct eval_show_options *o, struct fc_err *e)
{
	struct eval_wins b;
	eval_wins_build(&b, &j->all, o->baseline);
	if (!b.n_places) {
		fc_fail(e, "no pairs among the judgments");
		eval_wins_release(&b);
		return NULL;
	}
	static const char *const ints[] = {
	    "pairs", "dropped", "consistent", "first", "second", "half"};
	struct fc_table *t = fc_table_new();
	fc_table_column(t, "judge", 0);
	for (size_t i = 0; i < FC_LEN(ints); i++)
		fc_table_column(t, ints[i], 0);
	fc_table_column(t, "consistency", 3);
	fc_table_column(t, "first_bias", 3);
	for (size_t i = 0; i < b.n_places; i++) {
		const struct eval_places *p = &b.places[i];
		fc_table_text(t, b.judge.name[p->judge]);
		fc_table_int(t, p->n_row);
		fc_table_int(t, p->n_error);
		fc_table_int(t, p->n_consistent);
		fc_table_int(t, p->n_first);
		fc_table_int(t, p->n_second);
		fc_table_int(t, p->n_half);
		fc_table_real(t, part(p->n_consistent, p->n_row));
		fc_table_real(t, part(p->n_first, p->n_first + p->n_second));
	}
	eval_wins_release(&b);
	return t;
}

struct fc_table *eval_show_arena(
    const struct eval_show_input *j, const struct eval_show_options *o, struct fc_err *e)
{
	struct eval_arena_hard a;
	eval_arena_hard_build(&a, &j->all, o->weight);
	if (!a.n) {
		fc_fail(e, "no judgments in Arena-Hard's form");
		eval_arena_hard_release(&a);
		return NULL;
	}
	struct fc_table *t = fc_table_new();
	fc_table_column(t, "judge", 0);
	fc_table_column(t, "model", 0);
	fc_table_column(t, "score", 1);
	fc_table_column(t, "score_low", 1);
	fc_table_column(t, "score_high", 1);
	fc_table_column(t, "battles", 0);
	fc_table_column(t, "dropped", 0);
	for (size_t i = 0; i < a.n; i++) {
		const struct eval_arena_hard_score *s = &a.score[i];
		struct fc_share sum = eval_arena_hard_points(&a, s);
		struct fc_interval interval;
		fc_resample_ratios(s->points, a.question.n, 1, o->input.seed,
		    (size_t)o->input.n_resample, &interval);
		fc_table_text(t, a.judge.name[s->judge]);
		fc_table_text(t, a.model.name[s->model]);
		fc_table_real(t, sum.den > 0 ? 100 * sum.num / sum.den : NAN);
		fc_table_real(t, 100 * interval.low);
		fc_table_real(t, 100 * interval.high);
		fc_table_int(t, s->n_battle);
		fc_table_int(t, s->n_dropped);
	}
	eval_arena_hard_release(&a);
	return t;
}

struct fc_table *eval_show_judges(
    const struct eval_show_input *j, const struct eval_show_options *o, struct fc_err *e)
{
	struct eval_judge_agreements a;
	(void)o;
	eval_judge_agreements_build(&a, &j->all);
	if (!a.n) {
		fc_fail(e, "no two judges who judged the same");
		eval_judge_agreements_release(&a);
		return NULL;
	}
	struct fc_table *t = fc_table_new();
	fc_table_column(t, "judge_1", 0);
	fc_table_column(t, "judge_2", 0);
	fc_table_column(t, "votes", 0);
	fc_table_column(t, "agree", 3);
	fc_table_column(t, "agree_low", 3);
	fc_table_column(t, "agree_high", 3);
	fc_table_column(t, "decided", 0);
	fc_table_column(t, "decided_agree", 3);
	fc_table_column(t, "kappa", 3);
	fc_table_column(t, "ratings", 0);
	fc_table_column(t, "rank_correlation", 3);
	fc_table_column(t, "difference", 3);
	for (size_t i = 0; i < a.n; i++) {
		const struct eval_judge_agreement *x = &a.v[i];
		struct fc_interval interval = eval_significance_wilson(x->n_agree, x->n_vote);
		fc_table_text(t, a.judge.name[x->judge[0]]);
		fc_table_text(t, a.judge.name[x->judge[1]]);
		fc_table_int(t, x->n_vote);
		fc_table_real(t, part(x->n_agree, x->n_vote));
		fc_table_real(t, interval.low);
		fc_table_real(t, interval.high);
		fc_table_int(t, x->n_decided);
		fc_table_real(t, part(x->n_decided_agree, x->n_decided));
		fc_table_real(t, x->kappa);
		fc_table_int(t, x->n_rating);
		fc_table_real(t, x->rank_correlation);
		fc_table_real(t, x->difference);
	}
	eval_judge_agreements_release(&a);
	return t;
}
