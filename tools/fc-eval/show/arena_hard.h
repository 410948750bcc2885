/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_ARENA_HARD_H
#define FC_EVAL_ARENA_HARD_H

#include "base/resample.h"
#include "fc-eval/judge/judgment.h"
#include "text/category.h"

/*
 * Arena-Hard: each game is a battle against the baseline, one with a strong verdict is `weight` of
 * them.  The Bradley-Terry model's maximum likelihood of a star of battles around one baseline is
 * the share of points won, so that is the score; games without verdict are dropped.
 */
struct eval_arena_hard_score {
	size_t judge, model;
	size_t n_battle, n_dropped; /* games */
	struct fc_share *points;    /* [n_question] weighted */
};
struct eval_arena_hard {
	struct fc_categories judge, model, question;
	struct eval_arena_hard_score *score; /* [n], by judge, then by falling score */
	size_t n, cap;
};
void eval_arena_hard_build(struct eval_arena_hard *a, const struct eval_judgments *j, int weight);
void eval_arena_hard_release(struct eval_arena_hard *a);
struct fc_share eval_arena_hard_points(
    const struct eval_arena_hard *a, const struct eval_arena_hard_score *s);

#endif
