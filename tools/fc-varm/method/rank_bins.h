/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_RANK_BINS_H
#define FC_VARM_RANK_BINS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Magnitudes of a row, sorted into bins that order as they do.  A bin is an exponent and 6 bits of
 * the mantissa of a float: 16 octaves below the row's largest magnitude, or 10 where few entries
 * share what a bin costs.  The first bins are those of zeros alone, in turn, since counts of one
 * bin have to wait for each other; the next has all that is smaller.
 */
#define RANK_ZERO_BINS ((uint32_t)8)
#define RANK_BINS ((uint32_t)1024)

/* Bins of a row of n. */
uint32_t varm_rank_bins(size_t n);

/* bin[i] of |x[i] - base[i]|, i < n; x and base as bfloat16 is stored, or as float. */
void varm_rank_bins_bf16(const char *x, const char *base, size_t n, uint32_t n_bin, uint16_t *bin);
void varm_rank_bins_f32(const char *x, const char *base, size_t n, uint32_t n_bin, uint16_t *bin);

/* from[b], b <= n_bin: how many of bin[n] are below b. */
void varm_rank_bins_count(const uint16_t *bin, size_t n, uint32_t n_bin, uint32_t *from);

#endif
