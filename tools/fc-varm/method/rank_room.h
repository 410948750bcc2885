/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_RANK_ROOM_H
#define FC_VARM_RANK_ROOM_H

#include <math.h>
#include <stdbool.h>

#include "fc-varm/method/marked.h"
#include "fc-varm/method/rank_bins.h"
#include "fc-varm/method/rank_draw.h"
#include "fc-varm/method/rank_sort.h"
#include "fc-varm/method/rank_sure.h"
#include "tensor/dtype.h"

/* Between rank_draw.c, which draws what bins decide, and rank_seek.c and rank_list.c, which draw
 * what these leave open. */

/* Entries whose marks are looked at together. */
#define RANK_PART MARKED_MOST

struct rank_room {
	size_t n_row;
	uint16_t *bin;   /* [row] */
	uint32_t *open;  /* [row] entries that their bin alone does not decide */
	uint8_t *marked; /* [row] whether an entry is among them */
	struct rank_counts counts;
	uint32_t n_open[RANK_BINS];          /* how many of a bin are */
	uint16_t open_of_group[RANK_GROUPS]; /* bit f: some are of the group's f-th bin */
	struct rank_edges edges;
	struct rank_sure sure;
	uint32_t *member; /* [row] those of bins in which some are open, at their ranks if they are
			     in order */
	int64_t *magnitude; /* [row] those of members, by their bits; NULL before the first list */
	struct ranked *ranked; /* [n_ranked], twice what is sorted at once */
	size_t n_ranked;
};

/* The magnitude of entry i by its bits, which order as the values do. */
static inline uint64_t magnitude_bits(const struct rank_row *row, size_t i)
{
	double magnitude;
	uint64_t bits;
	if (row->magnitude) {
		magnitude = row->magnitude[i];
	} else if (row->bf16) {
		uint16_t x, base;
		memcpy(&x, row->x + 2 * i, 2);
		memcpy(&base, row->base + 2 * i, 2);
		magnitude = fabs((double)fc_bf16_to_f32(x) - (double)fc_bf16_to_f32(base));
	} else {
		float x, base;
		memcpy(&x, row->x + 4 * i, 4);
		memcpy(&base, row->base + 4 * i, 4);
		magnitude = fabs((double)x - (double)base);
	}
	memcpy(&bits, &magnitude, 8);
	return bits;
}

/* Whether an entry with this number and rank stays. */
static inline bool is_drawn(const struct rank_row *row, double number, uint32_t rank)
{
	return number < row->low + row->step * (double)rank;
}

static inline void set_kept(uint8_t *kept, size_t i, bool stays)
{
	kept[i / 8] = (uint8_t)((kept[i / 8] & ~(1u << i % 8)) | (unsigned)stays << i % 8);
}

/* Decide entries room->open[n_open]: the members of their bins are sought in the row, which is for
 * few, or listed. */
void varm_rank_seek(
    struct rank_room *room, const struct rank_row *row, size_t n_open, uint8_t *kept);
void varm_rank_list(
    struct rank_room *room, const struct rank_row *row, size_t n_open, uint8_t *kept);

#endif
