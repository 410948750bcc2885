/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_DRY_H
#define FC_NN_DRY_H

#include "nn/nn.h"

/*
 * dry: a device that has no memory and computes nothing, but counts what memory is asked for.  A
 * program that does its work over it, with the shapes that it will have, learns what the work takes
 * on a real one before anything is loaded: by the same calls, so that there is no second account of
 * it.  Addresses mean nothing, and all results are zeros.
 */

/* In the place of an open device: with its compute type and rows, and with weights that are used
 * where the host has them if it does that. */
struct fc_nn *fc_dry_open(const struct fc_nn *of);
/* Bytes by use when there were most of them in all, up to now. */
const size_t *fc_dry_most(const struct fc_nn *dry); /* [FC_USE_N] */
bool fc_dry_is(const struct fc_nn *nn);

#endif
