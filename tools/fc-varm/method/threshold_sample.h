/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_CUT_SAMPLE_H
#define FC_VARM_CUT_SAMPLE_H

#include "fc-varm/method/threshold.h"

/* Keys between which a cut most probably lies, and about how many entries have keys there; a guess
 * that must be checked.  low is at least 1. */
struct cut_guess {
	uint64_t low, high;
	size_t inside;
};

/* For each wish, from some of the tensor's blocks. */
void varm_cut_sample(
    const struct cut_wish *w, int n_wish, const struct views *v, struct cut_guess *guess);

#endif
