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
 * case, and one whose number is not below what its highest rank gives goes.  By the upper 16 bits
 * of both, and with AVX-512 for the bins of a group together, which are looked up without memory.
 */
struct rank_sure {
	uint32_t least[RANK_BINS]; /* a number with smaller upper bits stays */
	uint32_t width;            /* one that is larger by more goes */
	/* Of group g: one with upper bits below edge[g] stays, above edge[g + 1] goes. */
	uint16_t edge[RANK_GROUPS + 1];
};

void varm_rank_sure_find(struct rank_sure *s, const struct rank_edges *e, double low, double step);

/* Of n <= MARKED_MOST entries in bins, with the upper bits of their numbers, as bits
 * (varm_marked_list_bits()): which surely stay, and of which it may be that they do, or do not.
 * Zeros stay. */
void varm_rank_sure_draw(const struct rank_sure *s, const uint16_t *bin, const uint16_t *number,
    size_t n, uint8_t kept[MARKED_MOST / 8], uint8_t close[MARKED_MOST / 8]);

#endif
