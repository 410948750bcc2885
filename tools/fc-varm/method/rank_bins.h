/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_RANK_BINS_H
#define FC_VARM_RANK_BINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Magnitudes of a row, sorted into bins that order as they do, RANK_FINE bins to a group.  Group 0
 * is of zeros alone, which take its bins in turn, since counts of one bin have to wait for each
 * other.  The others are steps of float numbers with 7 bits of mantissa, from a number on that is
 * added to every magnitude: what is smaller than it has bins of one width, what is larger some that
 * grow with it, and what is far above what a sample of the row has shares the last.
 *
 * Bin "fine" of a group has the number fine * RANK_GROUPS + group, so that what is computed of all
 * groups is computed of vectors.
 */
#define RANK_GROUPS ((uint32_t)64)
#define RANK_FINE ((uint32_t)16)
#define RANK_BINS (RANK_FINE * RANK_GROUPS)

static inline uint32_t rank_group(uint32_t bin)
{
	return bin % RANK_GROUPS;
}

/* What is read after a row, of which memory is asked meanwhile; NULL: nothing is. */
struct rank_next {
	const char *x, *base;
};

/* bin[i] of |x[i] - base[i]|, i < n; x and base as bfloat16 is stored, or as float. */
void varm_rank_bins_bf16(
    const char *x, const char *base, const struct rank_next *next, size_t n, uint16_t *bin);
void varm_rank_bins_f32(const char *x, const char *base, size_t n, uint16_t *bin);

/* How many of a row are in bins that come before one: in those of other groups, and of its own. */
struct rank_edges {
	uint32_t before[RANK_GROUPS + 1]; /* of the last: all */
	/* a group's row behind its bins has all of it */
	uint32_t in_group[RANK_BINS + RANK_GROUPS];
};

/* The ranks of a bin's members go from the first to in front of the end. */
static inline uint32_t rank_first(const struct rank_edges *e, uint32_t bin)
{
	return e->before[rank_group(bin)] + e->in_group[bin];
}

static inline uint32_t rank_end(const struct rank_edges *e, uint32_t bin)
{
	return e->before[rank_group(bin)] + e->in_group[bin + RANK_GROUPS];
}

/* All 0 between uses.  Two counts of each bin, so that neighbours in one do not wait for each
 * other. */
struct rank_counts {
	uint16_t n[2][RANK_BINS];
};
void varm_rank_bins_count(
    struct rank_counts *c, const uint16_t *bin, size_t n, struct rank_edges *e);

/* Bit i % 8 of bits[i / 8]: whether entry i is in one of the bins of which bit "fine" of
 * of_group[group] is set; 0 behind the n-th, up to a multiple of 64.  False where this processor
 * has no fast way to. */
bool varm_rank_bins_find(
    const uint16_t *bin, const uint16_t of_group[RANK_GROUPS], size_t n, uint8_t *bits);

#endif
