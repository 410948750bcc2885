/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/select/choosing.h"

#include <math.h>

struct eval_chosen eval_choose(
    const struct eval_choosing *rule, const double *reward, const size_t *source, size_t n)
{
	struct eval_chosen c = {.pair = EVAL_PAIRLESS_NONE};
	size_t n_rival = 0;
	for (size_t i = 0; i < n; i++) {
		if (!isfinite(reward[i]) || reward[i] < rule->least ||
		    (c.taken && !(reward[i] > reward[c.best])))
			continue;
		c.taken = true;
		c.best = i;
	}
	if (!c.taken)
		return c;
	c.worst = c.best;
	for (size_t i = 0; i < n; i++) {
		if (!isfinite(reward[i]) || i == c.best ||
		    (rule->within == EVAL_WITHIN_SOURCE && source[i] != source[c.best]))
			continue;
		n_rival++;
		if (reward[i] < reward[c.worst])
			c.worst = i;
	}
	const double gap = reward[c.best] - reward[c.worst];
	c.pair = !n_rival        ? EVAL_PAIRLESS_ONE
	    : !(gap > 0)         ? EVAL_PAIRLESS_EQUAL
	    : gap < rule->margin ? EVAL_PAIRLESS_CLOSE
				 : EVAL_PAIR;
	return c;
}
