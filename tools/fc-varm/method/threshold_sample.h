/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_THRESHOLD_SAMPLE_H
#define FC_VARM_THRESHOLD_SAMPLE_H

#include "fc-varm/method/threshold.h"

/* Keys between which a threshold most probably lies, and about how many entries have keys there; a
 * guess that must be checked.  low is at least 1. */
struct threshold_guess {
	uint64_t low, high;
	size_t inside;
	uint64_t
	    heavy; /* a key between them that is too frequent to be gathered; 0: there is none */
};

/* For each wish, from some of the tensor's blocks. */
void varm_threshold_sample(const struct threshold_query *w, int n_wish, const struct views *v,
    struct threshold_guess *guess);

#endif
