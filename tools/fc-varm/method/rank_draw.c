/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/rank_draw.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-varm/method/marked.h"
#include "fc-varm/method/random_by_index.h"
#include "fc-varm/method/rank_bins.h"
#include "fc-varm/method/rank_sort.h"
#include "tensor/dtype.h"
#include "tensor/simd.h"

/* Entries that the bins leave open: up to so many a row are compared with the members of their
 * bins one by one; for more, members are listed. */
#define FEW_OPEN ((size_t)24)
/* So many entries of a listed bin are counted against all of it; for more it is sorted. */
#define FEW ((uint32_t)8)
/* Entries whose marks are looked at together. */
#define PART MARKED_MOST

struct rank_room {
	uint16_t *bin;              /* [row] */
	uint32_t *open;             /* [row] entries that their bin alone does not decide */
	uint8_t *marked;            /* [row] whether an entry is among them */
	uint32_t n_open[RANK_BINS]; /* how many of a bin are */
	/* members of bin b, where some are open: member[from[b]] to member[from[b + 1] - 1], in
	 * their order */
	uint32_t from[RANK_BINS + 1];
	uint32_t sure[RANK_BINS]; /* numbers whose upper bits are below it stay */
	uint32_t *member;         /* [row] */
	struct ranked *ranked;    /* [n_ranked], twice what is sorted at once */
	size_t n_ranked;
};

struct rank_room *varm_rank_room_new(size_t row)
{
	struct rank_room *room = FC_ARRAY(struct rank_room, 1);
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
	free(room->ranked);
	free(room);
}

/* The magnitude of entry i by its bits, which order as the values do. */
static inline uint64_t magnitude_bits(const struct rank_row *row, uint32_t i)
{
	double magnitude;
	uint64_t bits;
	if (row->magnitude) {
		magnitude = row->magnitude[i];
	} else if (row->bf16) {
		uint16_t x, base;
		memcpy(&x, row->x + (size_t)2 * i, 2);
		memcpy(&base, row->base + (size_t)2 * i, 2);
		magnitude = fabs((double)fc_bf16_to_f32(x) - (double)fc_bf16_to_f32(base));
	} else {
		float x, base;
		memcpy(&x, row->x + (size_t)4 * i, 4);
		memcpy(&base, row->base + (size_t)4 * i, 4);
		magnitude = fabs((double)x - (double)base);
	}
	memcpy(&bits, &magnitude, 8);
	return bits;
}

/* The upper 32 bits of a probability, as of a number that is drawn. */
static inline uint32_t upper_bits(double p)
{
	p *= 0x1p32;
	p = p > 0 ? p : 0;
	p = p < 0xffffffff ? p : 0xffffffff;
	return (uint32_t)(int64_t)p;
}

/* sure[]: the upper bits of what the lowest rank of a bin gives: a number with smaller ones stays
 * in any case.  *most: members of the largest bin. */
static FC_SIMD_BODY void find_sure_body(const uint32_t *restrict from, uint32_t n_bin, double low,
    double step, uint32_t *restrict sure, uint32_t *most)
{
	uint32_t largest = 0;
	for (size_t b = 0; b < n_bin; b++) {
		uint32_t members = b >= RANK_ZERO_BINS ? from[b + 1] - from[b] : 1;
		largest = members > largest ? members : largest;
		sure[b] = upper_bits(low + step * (double)(int32_t)from[b]);
	}
	*most = largest;
}
FC_SIMD_KERNEL(static void, find_sure,
    (const uint32_t *from, uint32_t n_bin, double low, double step, uint32_t *sure, uint32_t *most),
    (from, n_bin, low, step, sure, most))

/* A number that is not below sure[] of its bin by so much or more goes: the upper bits between the
 * lowest and the highest rank of the largest bin, and some for rounding. */
static uint32_t widest_bin(const struct rank_row *row, uint32_t members)
{
	return upper_bits(row->step * (double)(members - 1) + 4 * 0x1p-32);
}

/* kept[i] where the number is surely small enough; close[i] where it may be that it is, or is not.
 */
static FC_SIMD_BODY void draw_bins_body(const uint16_t *restrict bin, const uint32_t *restrict sure,
    const uint32_t *restrict number, uint32_t width, size_t n, uint8_t *restrict kept,
    uint8_t *restrict close)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t least = sure[bin[i]];
		kept[i] = number[i] < least;
		close[i] = number[i] - least <= width;
	}
}
FC_SIMD_KERNEL(static void, draw_bins,
    (const uint16_t *bin, const uint32_t *sure, const uint32_t *number, uint32_t width, size_t n,
	uint8_t *kept, uint8_t *close),
    (bin, sure, number, width, n, kept, close))

/* Whether an entry with this number and rank stays. */
static inline bool is_drawn(const struct rank_row *row, double number, uint32_t rank)
{
	return number < row->low + row->step * (double)rank;
}

/* Draws what the lowest and the highest rank of each entry's bin say alike; returns how many
 * entries they leave open. */
static size_t draw_by_bins(
    struct rank_room *room, const struct rank_row *row, uint32_t width, uint8_t *kept)
{
	uint32_t number[PART];
	uint8_t close[PART + MARKED_ROOM];
	uint16_t where[MARKED_PLACES];
	size_t n_open = 0;
	for (size_t at = 0; at < row->n; at += PART) {
		size_t n = row->n - at < PART ? row->n - at : PART;
		varm_random_by_index_fill_upper(number, row->key, row->first + at, n);
		draw_bins(room->bin + at, room->sure, number, width, n, kept + at, close);
		memset(close + n, 0, MARKED_ROOM);
		size_t n_close = varm_marked_list(close, n, where);
		for (size_t j = 0; j < n_close; j++) {
			uint32_t i = (uint32_t)(at + where[j]), b = room->bin[i];
			double drawn = random_by_index(row->key, row->first + i);
			bool least = is_drawn(row, drawn, room->from[b]);
			bool most = is_drawn(row, drawn, room->from[b + 1] - 1);
			kept[i] = least;
			room->open[n_open] = i;
			n_open += (least != most) & (b >= RANK_ZERO_BINS);
		}
	}
	return n_open;
}

static FC_SIMD_BODY void mark_equal_body(
    const uint16_t *restrict bin, uint16_t b, size_t n, uint8_t *restrict mark)
{
	for (size_t i = 0; i < n; i++)
		mark[i] = bin[i] == b;
}
FC_SIMD_KERNEL(static void, mark_equal, (const uint16_t *bin, uint16_t b, size_t n, uint8_t *mark),
    (bin, b, n, mark))

static bool goes_below(const struct rank_row *row, uint32_t a, uint32_t b)
{
	uint64_t x = magnitude_bits(row, a), y = magnitude_bits(row, b);
	return x < y || (x == y && a < b);
}

/* The rank of entry i: its bin's members are sought in the row. */
static uint32_t seek_rank(const struct rank_room *room, const struct rank_row *row, uint32_t i)
{
	uint8_t mark[PART + MARKED_ROOM];
	uint16_t where[MARKED_PLACES], b = room->bin[i];
	uint32_t rank = room->from[b];
	for (size_t at = 0; at < row->n; at += PART) {
		size_t n = row->n - at < PART ? row->n - at : PART;
		mark_equal(room->bin + at, b, n, mark);
		memset(mark + n, 0, MARKED_ROOM);
		size_t n_member = varm_marked_list(mark, n, where);
		for (size_t j = 0; j < n_member; j++)
			rank += goes_below(row, (uint32_t)(at + where[j]), i);
	}
	return rank;
}

static FC_SIMD_BODY void mark_members_body(
    const uint16_t *restrict bin, const uint32_t *restrict n_open, size_t n, uint8_t *restrict mark)
{
	for (size_t i = 0; i < n; i++)
		mark[i] = n_open[bin[i]] != 0;
}
FC_SIMD_KERNEL(static void, mark_members,
    (const uint16_t *bin, const uint32_t *n_open, size_t n, uint8_t *mark), (bin, n_open, n, mark))

static void list_members(struct rank_room *room, size_t n_row, uint32_t n_bin)
{
	uint32_t at[RANK_BINS];
	uint8_t mark[PART + MARKED_ROOM];
	uint16_t where[MARKED_PLACES];
	memcpy(at, room->from, n_bin * sizeof at[0]);
	for (size_t from = 0; from < n_row; from += PART) {
		size_t n = n_row - from < PART ? n_row - from : PART;
		mark_members(room->bin + from, room->n_open, n, mark);
		memset(mark + n, 0, MARKED_ROOM);
		size_t n_member = varm_marked_list(mark, n, where);
		for (size_t j = 0; j < n_member; j++) {
			uint32_t i = (uint32_t)(from + where[j]);
			room->member[at[room->bin[i]]++] = i;
		}
	}
}

/* The members of a bin in the order of their ranks: as they are when all are equal. */
static void order_members(
    struct rank_room *room, const struct rank_row *row, uint32_t *member, size_t n)
{
	size_t same = 1;
	uint64_t first = magnitude_bits(row, member[0]);
	while (same < n && magnitude_bits(row, member[same]) == first)
		same++;
	if (same == n)
		return;
	FC_GROW(room->ranked, room->n_ranked, 2 * n);
	for (size_t i = 0; i < n; i++)
		room->ranked[i] = (struct ranked){magnitude_bits(row, member[i]), member[i]};
	struct ranked *sorted = varm_rank_sort(room->ranked, room->ranked + n, n);
	for (size_t i = 0; i < n; i++)
		member[i] = sorted[i].i;
}

static uint32_t count_below(
    const struct rank_row *row, const uint32_t *member, size_t n, uint32_t i)
{
	uint32_t below = 0;
	for (size_t j = 0; j < n; j++)
		below += goes_below(row, member[j], i);
	return below;
}

/* Decides the open ones of a bin's members: few of them by counting, many in order. */
static void draw_members(
    struct rank_room *room, const struct rank_row *row, uint32_t bin, uint8_t *kept)
{
	uint32_t from = room->from[bin], n = room->from[bin + 1] - from;
	uint32_t *member = room->member + from, n_open = room->n_open[bin];
	if (n_open > FEW)
		order_members(room, row, member, n);
	for (uint32_t j = 0; j < n; j++) {
		uint32_t i = member[j];
		if (!room->marked[i])
			continue;
		uint32_t rank = n_open > FEW ? j : count_below(row, member, n, i);
		kept[i] = is_drawn(row, random_by_index(row->key, row->first + i), from + rank);
		room->marked[i] = 0;
	}
}

/* Decides the entries that are open, of which there are many, bin by bin. */
static void draw_listed(struct rank_room *room, const struct rank_row *row, size_t n_open,
    uint32_t n_bin, uint8_t *kept)
{
	memset(room->n_open, 0, n_bin * sizeof room->n_open[0]);
	for (size_t j = 0; j < n_open; j++) {
		room->marked[room->open[j]] = 1;
		room->n_open[room->bin[room->open[j]]]++;
	}
	list_members(room, row->n, n_bin);
	for (size_t j = 0; j < n_open; j++)
		if (room->marked[room->open[j]])
			draw_members(room, row, room->bin[room->open[j]], kept);
}

void varm_rank_draw(struct rank_room *room, const struct rank_row *row, uint8_t *kept)
{
	uint32_t n_bin = varm_rank_bins(row->n), members;
	(row->bf16 ? varm_rank_bins_bf16 : varm_rank_bins_f32)(
	    row->x, row->base, row->n, n_bin, room->bin);
	varm_rank_bins_count(room->bin, row->n, n_bin, room->from);
	find_sure(room->from, n_bin, row->low, row->step, room->sure, &members);
	size_t n_open = draw_by_bins(room, row, widest_bin(row, members), kept);
	if (n_open > FEW_OPEN) {
		draw_listed(room, row, n_open, n_bin, kept);
		return;
	}
	for (size_t j = 0; j < n_open; j++) {
		uint32_t i = room->open[j];
		kept[i] = is_drawn(
		    row, random_by_index(row->key, row->first + i), seek_rank(room, row, i));
	}
}
