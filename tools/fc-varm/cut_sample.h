/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_CUT_SAMPLE_H
#define FC_VARM_CUT_SAMPLE_H

#include "cut.h"

/* For each wish, keys from some of the tensor's blocks between which the cut most probably lies: a
 * guess that must be checked.  low is at least 1. */
void cut_sample(
    const struct cut_wish *w, int n_wish, const struct views *v, uint64_t *low, uint64_t *high);

#endif
