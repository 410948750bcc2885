/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_STREAM_KEPT_H
#define FC_VARM_STREAM_KEPT_H

#include "fc-varm/source/values.h"

/*
 * Reading and using a block's changes of which some stay, in one go (stream_in.h): change i is
 * value first + i - base[i], and stays where bit i % 8 of bits[i / 8] is set.  n is at most
 * BLOCK_ELEMENTS.
 */

/* lane[i % LANES] += |change i|, and lane[LANES + i % LANES] += |change i| where it stays;
 * spare[n] is for changes that have to be read first */
void varm_stream_kept_sums(const struct values *f, size_t first, size_t n, const double *base,
    const uint8_t *bits, double *lane, double *spare);
/* out[i] = weight times change i, or 0 times where it does not stay; *n_bad grows where some value
 * is not finite */
void varm_stream_kept_weighed(const struct values *f, size_t first, size_t n, const double *base,
    const uint8_t *bits, double weight, double *out, uint64_t *n_bad);

#endif
