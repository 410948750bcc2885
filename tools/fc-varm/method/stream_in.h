/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_STREAM_IN_H
#define FC_VARM_STREAM_IN_H

#include "fc-varm/source/values.h"

/*
 * Reading and using a block's values in one go, for methods that need each value once: the same
 * bits as reading it and computing then, without the detour through memory.  n is at most
 * BLOCK_ELEMENTS; spare[n] is for values that have to be read first.
 */

/* lane[i % LANES] += (value i - base[i])^2 */
void varm_stream_squares(const struct values *f, size_t first, size_t n, const double *base,
    double *lane, double *spare);
/* change[i] = value i - base[i]; *n_bad grows where some value is not finite */
void varm_stream_changes(const struct values *f, size_t first, size_t n, const double *base,
    double *change, uint64_t *n_bad);
/* sum[i] += w (value i - base[i]); base NULL: sum[i] += w value i */
void varm_stream_add(const struct values *f, size_t first, size_t n, const double *base, double w,
    double *sum, double *spare);

#endif
