/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_BATTLES_H
#define FC_EVAL_BATTLES_H

#include "base/resample.h"
#include "fc-eval/judge/judgment.h"
#include "text/category.h"

/* What a model won against others. */
struct eval_record {
	size_t judge, model; /* numbers in eval_battles */
	size_t n_win, n_loss, n_tie;
	size_t n_error;          /* rows that do not count: a game has no verdict */
	struct fc_share *points; /* [n_question] 1 a win, 1/2 a tie, of the rows (den) */
};

/* How one judge treats the two places of a pair. */
struct eval_places {
	size_t judge;
	size_t n_row;             /* both games have a verdict */
	size_t n_error;           /* one has none */
	size_t n_consistent;      /* both games name the same */
	size_t n_first, n_second; /* the answer shown first, second, won both games */
	size_t n_half;            /* a tie in one game only */
};

/* FastChat's arithmetic: a pair's row is a win when both games agree, else a tie; rows in which a
 * game has no verdict are dropped; all turns count alike. */
struct eval_battles {
	struct fc_categories judge, model, question;
	struct eval_record
	    *record; /* [n], by judge as they came, then by falling adjusted win rate */
	size_t n, cap;
	struct eval_places *places; /* [n_places], by judge */
	size_t n_places, cap_places;
};
/* baseline: count its pairs only, and leave out its own record; NULL: all pairs. */
void eval_battles_build(
    struct eval_battles *b, const struct eval_judgments *j, const char *baseline);
void eval_battles_release(struct eval_battles *b);
/* (wins + ties / 2) / all; NaN of none. */
double eval_record_adjusted(const struct eval_record *r);
/* Bootstrap interval of the adjusted win rate over questions. */
struct fc_interval eval_record_interval(
    const struct eval_battles *b, const struct eval_record *r, uint64_t seed, size_t n_resample);

/*
 * Arena-Hard: each game is a battle against the baseline, one with a strong verdict is `weight` of
 * them.  The Bradley-Terry model's maximum likelihood of a star of battles around one baseline is
 * the share of points won, so that is the score; games without verdict are dropped.
 */
struct eval_arenahard_score {
	size_t judge, model;
	size_t n_battle, n_dropped; /* games */
	struct fc_share *points;    /* [n_question] weighted */
};
struct eval_arenahard {
	struct fc_categories judge, model, question;
	struct eval_arenahard_score *score; /* [n], by judge, then by falling score */
	size_t n, cap;
};
void eval_arenahard_build(struct eval_arenahard *a, const struct eval_judgments *j, int weight);
void eval_arenahard_release(struct eval_arenahard *a);
struct fc_share eval_arenahard_points(
    const struct eval_arenahard *a, const struct eval_arenahard_score *s);

#endif
