/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_VERDICT_H
#define FC_EVAL_VERDICT_H

#include <stdbool.h>

#include "base/buf.h"

/* What a judge is asked to end with. */
enum eval_verdict_kind {
	EVAL_VERDICT_RATING,  /* [[8]], [[7.5]] */
	EVAL_VERDICT_RATINGS, /* [[8,6.5]]: of A and B */
	EVAL_VERDICT_WINNER,  /* [[A]], [[B]], [[C]]: a tie */
	EVAL_VERDICT_ARENA,   /* [[A>>B]], [[A>B]], [[A=B]], [[B>A]], [[B>>A]] */
};

enum eval_verdict_rule {
	/* FastChat's regular expressions: the first [[number]], else the first [number]; the first
	 * of A, B, C that is found anywhere; any number counts. */
	EVAL_VERDICT_FASTCHAT,
	/* The last verdict in double brackets, of whatever kind (blanks inside and "/10" are fine),
	 * a rating from 1 to 10; nothing else. */
	EVAL_VERDICT_STRICT,
	EVAL_VERDICT_RULE_N
};

enum eval_winner { EVAL_WINNER_ERROR, EVAL_WINNER_A, EVAL_WINNER_B, EVAL_WINNER_TIE };

struct eval_rating {
	bool found;
	bool whole; /* written without a point: 8, not 8.0 */
	double value;
};

/*
 * The verdict in a judge's reply of n bytes.  What the judge thought first does not count: a
 * leading <think> block, or all up to the first </think> where a template opened the block.  Of an
 * unfinished block nothing is left.
 */
struct eval_rating eval_verdict_rating(const char *text, size_t n, enum eval_verdict_rule rule);
enum eval_winner eval_verdict_winner(const char *text, size_t n, enum eval_verdict_rule rule);
/* EVAL_VERDICT_RATINGS: a tie if they differ by 0.1 at most. */
enum eval_winner eval_verdict_ratings(const char *text, size_t n, enum eval_verdict_rule rule);
/* Of a pair whose prompt is not known: one of the two above, of which double brackets tell. */
enum eval_winner eval_verdict_pair(const char *text, size_t n, enum eval_verdict_rule rule);
/* Arena-Hard's verdicts, "A>>B" to "B>>A". */
enum { EVAL_VERDICT_N_ARENA = 5 };
extern const char *const eval_verdict_arena_names[EVAL_VERDICT_N_ARENA];
/* One of these: by FastChat's rule, which here is Arena-Hard's, if all verdicts in the text are the
 * same, by the strict one the last; else NULL.  *n_found tells how many there are. */
const char *eval_verdict_arena(
    const char *text, size_t n, enum eval_verdict_rule rule, size_t *n_found);

/* Appends the number as FastChat's files have it: 8, 8.0, 7.5, or -1 if none was found. */
void eval_rating_write(struct fc_buf *b, struct eval_rating r);

#endif
