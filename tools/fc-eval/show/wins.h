/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_WINS_H
#define FC_EVAL_WINS_H

#include "base/resample.h"
#include "fc-eval/judge/judgment.h"
#include "text/category.h"

/* What a model won against others. */
struct eval_standing {
	size_t judge, model; /* numbers in eval_wins */
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
struct eval_wins {
	struct fc_categories judge, model, question;
	struct eval_standing
	    *standing; /* [n], by judge as they came, then by falling adjusted win rate */
	size_t n, cap;
	struct eval_places *places; /* [n_places], by judge */
	size_t n_places, cap_places;
};
/* baseline: count its pairs only, and leave out its own standing; NULL: all pairs. */
void eval_wins_build(struct eval_wins *w, const struct eval_judgments *j, const char *baseline);
void eval_wins_release(struct eval_wins *w);
/* (wins + ties / 2) / all; NaN of none. */
double eval_standing_adjusted(const struct eval_standing *s);
/* Bootstrap interval of the adjusted win rate over questions. */
struct fc_interval eval_standing_interval(
    const struct eval_wins *w, const struct eval_standing *s, uint64_t seed, size_t n_resample);

#endif
