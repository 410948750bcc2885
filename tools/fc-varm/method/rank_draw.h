/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_RANK_DRAW_H
#define FC_VARM_RANK_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fc-varm/method/rank_bins.h"

/* Memory for a row, used again for the next one. */
struct rank_room;
struct rank_room *varm_rank_room_new(size_t row);
void varm_rank_room_free(struct rank_room *room);

/* Entries with a magnitude and a random number each (random_by_index.h), and the law by which these
 * decide: an entry of rank r stays where its number is below low + step r, step >= 0. */
struct rank_row {
	size_t n;
	/* Magnitudes are |x - base|, and these alone where they are not NULL; |x - base| rounded to
	 * float orders as they do, but for equals, and is 0 where they are. */
	const char *x, *base; /* bfloat16 as it is stored, or float */
	bool bf16;
	const double *magnitude;
	struct rank_next next; /* of bfloat16 */
	uint64_t key, first;   /* of numbers: entry i has that of first + i */
	double low, step;
};

/*
 * Bit i % 8 of kept[i / 8], i < n <= the room's row: whether entry i stays.  Its rank is the place
 * of its magnitude among all, from 0, the smallest first, equal ones in their order.  What is said
 * of a magnitude of 0, for which staying means nothing, need not be true.  kept has room for a
 * multiple of 64 bits, of which those behind the n-th are 0.
 *
 * Nothing is sorted as a rule.  Magnitudes are counted in bins that order as they do; the ranks of
 * a bin's members lie between two numbers, and for nearly all members both ends give the same
 * answer.  Only the bins in which they do not are looked at more closely.
 */
void varm_rank_draw(struct rank_room *room, const struct rank_row *row, uint8_t *kept);

#endif
