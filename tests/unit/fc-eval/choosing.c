/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>

#include "fc-eval/select/choosing.h"
#include "fc-eval/select/reward.h"
#include "t.h"

/* Six answers, three of each of two sources, unless a test says less. */
static const size_t source[] = {0, 0, 0, 1, 1, 1};

static struct eval_chosen choose(
    const double *reward, size_t n, double least, double margin, enum eval_within within)
{
	const struct eval_choosing rule = {least, margin, within};
	return eval_choose(&rule, reward, source, n);
}

static void takes_the_best(void)
{
	const double some[] = {1, 3, 2, 3, 0, 2}, equal[] = {2, 2, 2, 2, 2, 2};
	const double odd[] = {NAN, -INFINITY, INFINITY, 0.5, NAN, 0.25};
	struct eval_chosen c = choose(some, 6, -DBL_MAX, 0, EVAL_WITHIN_PROMPT);
	T_OK(c.taken && c.best == 1 && c.pair == EVAL_PAIR && c.worst == 4,
	    "the highest, the first among equals, with the lowest");
	c = choose(some, 6, -DBL_MAX, 0, EVAL_WITHIN_SOURCE);
	T_OK(c.best == 1 && c.pair == EVAL_PAIR && c.worst == 0,
	    "with the lowest of its own source");
	c = choose(equal, 6, -DBL_MAX, 0, EVAL_WITHIN_PROMPT);
	T_OK(c.taken && c.best == 0 && c.pair == EVAL_PAIRLESS_EQUAL,
	    "all alike: the first, and no pair");
	c = choose(odd, 6, -DBL_MAX, 0, EVAL_WITHIN_PROMPT);
	T_OK(c.taken && c.best == 3 && c.pair == EVAL_PAIR && c.worst == 5,
	    "what has no reward is not looked at");
	c = choose(odd, 3, -DBL_MAX, 0, EVAL_WITHIN_PROMPT);
	T_OK(!c.taken && c.pair == EVAL_PAIRLESS_NONE, "nothing has one");
	c = choose(some, 1, -DBL_MAX, 0, EVAL_WITHIN_PROMPT);
	T_OK(c.taken && c.best == 0 && c.pair == EVAL_PAIRLESS_ONE, "one answer has no rival");
	c = choose(some, 0, -DBL_MAX, 0, EVAL_WITHIN_PROMPT);
	T_OK(!c.taken && c.pair == EVAL_PAIRLESS_NONE, "no answer");
}

static void keeps_to_limits(void)
{
	const double some[] = {1, 3, 2, 3, 0, 2};
	struct eval_chosen c = choose(some, 6, 3, 0, EVAL_WITHIN_PROMPT);
	T_OK(c.taken && c.best == 1 && c.worst == 4, "the least is taken, the worst may be below");
	c = choose(some, 6, 3.0001, 0, EVAL_WITHIN_PROMPT);
	T_OK(!c.taken && c.pair == EVAL_PAIRLESS_NONE, "below it nothing is");
	c = choose(some, 6, -DBL_MAX, 3, EVAL_WITHIN_PROMPT);
	T_OK(c.pair == EVAL_PAIR, "as far apart as the margin");
	c = choose(some, 6, -DBL_MAX, 3.0001, EVAL_WITHIN_PROMPT);
	T_OK(c.taken && c.pair == EVAL_PAIRLESS_CLOSE, "closer than the margin");
}

static void counts_votes(void)
{
	const char *const end[] = {"7", "8", "7", NULL, "9"};
	double share[5];
	eval_reward_agreement(end, 5, share);
	T_OK(share[0] == 0.4 && share[1] == 0 && share[2] == 0.4 && share[3] == 0 && share[4] == 0,
	    "the share of all; one vote is none");
	eval_reward_agreement(end, 1, share);
	T_OK(share[0] == 0, "one answer agrees with nobody");
	const char *const none[] = {NULL, NULL};
	eval_reward_agreement(none, 2, share);
	T_OK(share[0] == 0 && share[1] == 0, "two that end in nothing do not agree");
}

static bool ends_in(const char *answer, enum eval_answer_match m, bool fold, const char *want)
{
	char *end = eval_answer_end(answer, m, fold);
	const bool same = end && want ? !strcmp(end, want) : end == want;
	free(end);
	return same;
}

static void finds_ends(void)
{
	T_OK(ends_in(" It is 1,200.0. ", EVAL_ANSWER_LAST_NUMBER, false, "1200") &&
		ends_in("so 1200", EVAL_ANSWER_LAST_NUMBER, false, "1200") &&
		ends_in("none", EVAL_ANSWER_LAST_NUMBER, false, NULL),
	    "numbers in one spelling");
	T_OK(ends_in("They speak *Welsh*.", EVAL_ANSWER_LAST_WORD, false, "Welsh") &&
		ends_in("They speak Welsh", EVAL_ANSWER_LAST_WORD, true, "welsh") &&
		ends_in("[ ( ) ]", EVAL_ANSWER_LAST_WORD, false, "]") &&
		ends_in(" \n", EVAL_ANSWER_LAST_WORD, false, NULL),
	    "words without what is around them");
	T_OK(ends_in("\n a b \n", EVAL_ANSWER_EXACT, false, "a b") &&
		ends_in(" \n", EVAL_ANSWER_EXACT, false, NULL),
	    "whole texts without white space around");
}

int main(void)
{
	takes_the_best();
	keeps_to_limits();
	counts_votes();
	finds_ends();
	return t_done();
}
