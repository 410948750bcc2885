/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/rank_draw.h"

#include <stdlib.h>

#include "base/mem.h"
#include "fc-varm/method/random_by_index.h"
#include "fc-varm/method/rank_room.h"

/* Up to so many entries that the bins leave open, whose bins have up to so many members, are sought
 * in the row. */
#define FEW_OPEN ((size_t)24)
#define FEW_MEMBERS ((size_t)256)

struct rank_room *varm_rank_room_new(size_t row)
{
	struct rank_room *room = FC_ARRAY(struct rank_room, 1);
	room->n_row = row;
	room->bin = FC_ARRAY(uint16_t, row + 1);
	room->open = FC_ARRAY(uint32_t, row + 1);
	room->marked = FC_ARRAY(uint8_t, row + 1);
	room->member = FC_ARRAY(uint32_t, row + 1);
	return room;
}

void varm_rank_room_free(struct rank_room *room)
{
	if (!room)
		return;
	free(room->bin);
	free(room->open);
	free(room->marked);
	free(room->member);
	free(room->magnitude);
	free(room->ranked);
	free(room);
}

/* Draws what the lowest and the highest rank of each entry's bin say alike; returns how many
 * entries they leave open.  Without branches: what comes nobody could foresee. */
static size_t draw_by_bins(struct rank_room *room, const struct rank_row *row, uint8_t *kept)
{
	uint16_t numbers[RANK_PART + RANDOM_BY_INDEX_ROOM], where[MARKED_PLACES];
	uint8_t close[RANK_PART / 8];
	size_t n_open = 0;
	for (size_t at = 0; at < row->n; at += RANK_PART) {
		size_t n = row->n - at < RANK_PART ? row->n - at : RANK_PART;
		const uint16_t *upper =
		    varm_random_by_index_upper(numbers, row->key, row->first + at, n);
		varm_rank_sure_draw(&room->sure, room->bin + at, upper, n, kept + at / 8, close);
		size_t n_close = varm_marked_list_bits(close, n, where);
		for (size_t j = 0; j < n_close; j++) {
			size_t i = at + where[j];
			uint32_t b = room->bin[i];
			double drawn =
			    random_by_index_whole(row->key, row->first + i, upper[where[j]]);
			bool least = is_drawn(row, drawn, rank_first(&room->edges, b));
			bool most = is_drawn(row, drawn, rank_end(&room->edges, b) - 1);
			set_kept(kept, i, least);
			room->open[n_open] = (uint32_t)i;
			n_open += (least != most) & (rank_group(b) != 0);
		}
	}
	return n_open;
}

/* Whether the bins of the open entries have so few members that these are sought one by one. */
static bool are_few(const struct rank_room *room, size_t n_open)
{
	size_t n = 0;
	for (size_t j = 0; j < n_open && j <= FEW_OPEN; j++) {
		uint32_t b = room->bin[room->open[j]];
		n += rank_end(&room->edges, b) - rank_first(&room->edges, b);
	}
	return n_open <= FEW_OPEN && n <= FEW_MEMBERS;
}

void varm_rank_draw(struct rank_room *room, const struct rank_row *row, uint8_t *kept)
{
	if (row->bf16)
		varm_rank_bins_bf16(row->x, row->base, &row->next, row->n, room->bin);
	else
		varm_rank_bins_f32(row->x, row->base, row->n, room->bin);
	varm_rank_bins_count(&room->counts, room->bin, row->n, &room->edges);
	varm_rank_sure_find(&room->sure, &room->edges, row->low, row->step);
	size_t n_open = draw_by_bins(room, row, kept);
	(are_few(room, n_open) ? varm_rank_seek : varm_rank_list)(room, row, n_open, kept);
}
