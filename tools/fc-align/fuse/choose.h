/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_CHOOSE_H
#define FC_ALIGN_CHOOSE_H

#include "fc-align/fuse/mixture.h"

/*
 * MinCE finer than by conversation: out gets, for every turn or for every token, the rows of the
 * candidate that has the least cross-entropy there, the first among equals, over the tokens where
 * it has a row.  out: has the tokens, no rows; gets rows, and of trained tokens nll, n_label and
 * label_bytes.
 * share: [n] of out's rows, how many are each candidate's (0 where out has none).
 */
void align_choose_turns(const struct fc_example *const *candidate, size_t n,
    enum align_ce_unit unit, size_t top_k, struct fc_example *out, double *share);
void align_choose_tokens(const struct fc_example *const *candidate, size_t n, size_t top_k,
    struct fc_example *out, double *share);

#endif
