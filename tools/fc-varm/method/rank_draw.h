/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_RANK_DRAW_H
#define FC_VARM_RANK_DRAW_H

#include <stddef.h>
#include <stdint.h>

/* Memory for a row, used again for the next one. */
struct rank_room;
struct rank_room *varm_rank_room_new(size_t row);
void varm_rank_room_free(struct rank_room *room);

/*
 * kept[i] = number[i] < low + step * rank of i, i < n <= row, step >= 0: the rank is the place of
 * magnitude[i] among all, from 0, the smallest first, equal ones in their order.
 *
 * Nothing is sorted as a rule.  Magnitudes are counted in bins that order as they do; the ranks of
 * a bin's members lie between two numbers, and for nearly all members both ends give the same
 * answer.  Only the bins in which they do not are looked at more closely.
 */
void varm_rank_draw(struct rank_room *room, const double *magnitude, const double *number, size_t n,
    double low, double step, uint8_t *kept);

#endif
