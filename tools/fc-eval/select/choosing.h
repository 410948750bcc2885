/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_CHOOSING_H
#define FC_EVAL_CHOOSING_H

#include <stdbool.h>
#include <stddef.h>

/* Of a prompt's answers, the best and a pair: the best with the worst. */
enum eval_within { EVAL_WITHIN_PROMPT, EVAL_WITHIN_SOURCE, EVAL_WITHIN_N };
struct eval_choosing {
	double least;  /* reward of what is taken */
	double margin; /* the pair's rewards differ by this at least, and by more than 0 */
	enum eval_within within; /* the worst of all answers, or of the best one's source */
};
enum eval_pairless { /* why there is no pair */
	EVAL_PAIR,
	EVAL_PAIRLESS_NONE,  /* nothing is taken */
	EVAL_PAIRLESS_ONE,   /* there is one answer */
	EVAL_PAIRLESS_EQUAL, /* all are worth the same */
	EVAL_PAIRLESS_CLOSE, /* less than the margin */
	EVAL_N_PAIRLESS
};
struct eval_chosen {
	bool taken;   /* best is one */
	size_t best;  /* the highest reward, the first among equals */
	size_t worst; /* of a pair: the lowest, the first among equals */
	enum eval_pairless pair;
};
/* reward, source: [n]; answers whose reward is not finite are not looked at. */
struct eval_chosen eval_choose(
    const struct eval_choosing *rule, const double *reward, const size_t *source, size_t n);

#endif
