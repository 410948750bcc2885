/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_ROW_DIVERGENCE_H
#define FC_EVAL_ROW_DIVERGENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "stream/example.h"

/*
 * Kullback-Leibler divergence of two rows, in nats: sum p (log p - log q) over the whole
 * vocabulary, of which each row tells the most likely tokens, the true token, and the mass of the
 * rest, the tail.
 */
struct eval_divergence {
	/* By the log-sum inequality no more than the divergence: the tokens that both rows tell one
	 * by one, all others as one. */
	double at_least;
	/* As if each row's tail were spread evenly over the tokens that it does not tell: more than
	 * the divergence where the tails are alike, as those of good models are. */
	double even;
	bool agree; /* on the likeliest token */
};
/* A tail is at least this: float16 leaves less to chance. */
#define EVAL_DIVERGENCE_TAIL 1e-6

/* Row rp of p against row rq of q, which are of the same token and not empty.  scratch: memory kept
 * from call to call, {0} at first. */
struct eval_divergence_scratch {
	struct eval_known *p, *q;
	size_t cap_p, cap_q;
};
struct eval_divergence eval_divergence_of(const struct fc_example *p, size_t rp,
    const struct fc_example *q, size_t rq, size_t n_output, struct eval_divergence_scratch *s);
void eval_divergence_release(struct eval_divergence_scratch *s);

#endif
