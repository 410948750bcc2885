/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_RANK_SURE_H
#define FC_VARM_RANK_SURE_H

#include <stddef.h>
#include <stdint.h>

#include "fc-varm/method/marked.h"
#include "fc-varm/method/rank_bins.h"

/*
 * What a bin says of its members alone: by the law that an entry of rank r stays where its number
 * is below low + step r, one whose number is below what the bin's lowest rank gives stays in any
 * case, and one whose number is not below what its highest rank gives goes.  By the upper bits of
 * both, and with AVX-512 by the upper 16 of them and for RANK_COARSE bins together, which are
 * looked up without memory.
 */
#define RANK_COARSE_BITS 4
#define RANK_COARSE ((uint32_t)1 << RANK_COARSE_BITS)

struct rank_sure {
	uint32_t least[RANK_BINS]; /* a number with smaller upper bits stays */
	uint32_t width;            /* one that is larger by more goes */
	/* Of bins together: one with smaller upper 16 bits stays, one with larger goes. */
	uint16_t coarse_least[RANK_BINS / RANK_COARSE], coarse_most[RANK_BINS / RANK_COARSE];
};

/* from[b], b <= n_bin: the rank of bin b's first member. */
void varm_rank_sure_find(
    struct rank_sure *s, const uint32_t *from, uint32_t n_bin, double low, double step);

/* Of n <= MARKED_MOST entries in bins, of which entry i has the number key and first + i stand for:
 * kept[i] where it surely stays, and bits of entries of which it may be that they do, or do not
 * (varm_marked_list_bits()).  Of the bins of zeros no more is said than that it is one or the
 * other.  Behind kept[n] is room for MARKED_ROOM more. */
void varm_rank_sure_draw(const struct rank_sure *s, const uint16_t *bin, uint64_t key,
    uint64_t first, size_t n, uint8_t *kept, uint8_t close[MARKED_MOST / 8]);

#endif
