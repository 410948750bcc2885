/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "fc-varm/method/random_by_index.h"
#include "fc-varm/method/rank_room.h"
#include "tensor/simd.h"

/* So many entries of a bin are counted against all of it; for more it is put in order. */
#define FEW ((uint32_t)32)

static FC_SIMD_BODY void mark_members_body(
    const uint16_t *restrict bin, const uint32_t *restrict n_open, size_t n, uint8_t *restrict mark)
{
	for (size_t i = 0; i < n; i++)
		mark[i] = n_open[bin[i]] != 0;
}
FC_SIMD_KERNEL(static void, mark_members,
    (const uint16_t *bin, const uint32_t *n_open, size_t n, uint8_t *mark), (bin, n_open, n, mark))

/* where[]: the places, from entry "at" on, of those in bins in which some are open. */
static size_t list_places(
    const struct rank_room *room, size_t at, size_t n, uint16_t where[MARKED_PLACES])
{
	uint8_t mark[RANK_PART + MARKED_ROOM];
	if (varm_rank_bins_find(room->bin + at, room->open_of_group, n, mark))
		return varm_marked_list_bits(mark, n, where);
	mark_members(room->bin + at, room->n_open, n, mark);
	memset(mark + n, 0, MARKED_ROOM);
	return varm_marked_list(mark, n, where);
}

static FC_SIMD_BODY void subtract_bf16_body(
    double *restrict out, const char *restrict x, const char *restrict base, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t a, b;
		memcpy(&a, x + 2 * i, 2);
		memcpy(&b, base + 2 * i, 2);
		out[i] = fabs((double)fc_bf16_to_f32(a) - (double)fc_bf16_to_f32(b));
	}
}
FC_SIMD_KERNEL(static void, subtract_bf16, (double *out, const char *x, const char *base, size_t n),
    (out, x, base, n))

/* magnitude[n] of the row's entries from "at" on */
static void find_magnitudes(const struct rank_row *row, size_t at, size_t n, double *magnitude)
{
	if (row->bf16) {
		subtract_bf16(magnitude, row->x + 2 * at, row->base + 2 * at, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t bits = magnitude_bits(row, at + i);
		memcpy(&magnitude[i], &bits, sizeof bits);
	}
}

static void list_members(struct rank_room *room, const struct rank_row *row)
{
	uint32_t place[RANK_BINS];
	uint16_t where[MARKED_PLACES];
	double magnitude[RANK_PART];
	for (uint32_t b = 0; b < RANK_BINS; b++)
		place[b] = rank_first(&room->edges, b);
	for (size_t at = 0; at < row->n; at += RANK_PART) {
		size_t n = row->n - at < RANK_PART ? row->n - at : RANK_PART;
		size_t n_member = list_places(room, at, n, where);
		find_magnitudes(row, at, n, magnitude);
		for (size_t j = 0; j < n_member; j++) {
			size_t i = where[j];
			uint32_t own = place[room->bin[at + i]]++;
			room->member[own] = (uint32_t)(at + i);
			memcpy(&room->magnitude[own], &magnitude[i], sizeof magnitude[i]);
		}
	}
}

/* How many are up to most. */
static FC_SIMD_BODY void count_up_to_body(
    const int64_t *restrict magnitude, size_t n, int64_t most, uint64_t *restrict count)
{
	int64_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += magnitude[i] <= most;
	*count = (uint64_t)sum;
}
FC_SIMD_KERNEL(static void, count_up_to,
    (const int64_t *magnitude, size_t n, int64_t most, uint64_t *count),
    (magnitude, n, most, count))

/* Where member i is, of n in their order. */
static size_t find_member(const uint32_t *member, size_t n, uint32_t i)
{
	size_t from = 0;
	while (n > 1) {
		size_t half = n / 2;
		from += member[from + half] <= i ? half : 0;
		n -= half;
	}
	return from;
}

/* The rank of entry i of a listed bin: its place, where all before it are up to it and all behind
 * it are not below. */
static uint32_t count_rank(const struct rank_room *room, uint32_t bin, uint32_t i)
{
	uint32_t first = rank_first(&room->edges, bin), n = rank_end(&room->edges, bin) - first;
	const int64_t *magnitude = room->magnitude + first;
	size_t own = find_member(room->member + first, n, i);
	uint64_t before, behind;
	count_up_to(magnitude, own, magnitude[own], &before);
	count_up_to(magnitude + own, n - own, magnitude[own] - 1, &behind);
	return first + (uint32_t)(before + behind);
}

/* The members of a bin in the order of their ranks: as they are when all are equal. */
static void order_members(
    struct rank_room *room, uint32_t *member, const int64_t *magnitude, size_t n)
{
	uint64_t as_first, below_first;
	count_up_to(magnitude, n, magnitude[0], &as_first);
	count_up_to(magnitude, n, magnitude[0] - 1, &below_first);
	if (as_first - below_first == n)
		return;
	FC_GROW(room->ranked, room->n_ranked, 2 * n);
	for (size_t i = 0; i < n; i++)
		room->ranked[i] = (struct ranked){(uint64_t)magnitude[i], member[i]};
	struct ranked *sorted = varm_rank_sort(room->ranked, room->ranked + n, n);
	for (size_t i = 0; i < n; i++)
		member[i] = sorted[i].i;
}

static void decide(
    struct rank_room *room, const struct rank_row *row, uint32_t i, uint32_t rank, uint8_t *kept)
{
	double drawn = random_by_index(row->key, row->first + i);
	set_kept(kept, i, is_drawn(row, drawn, rank));
	room->marked[i] = 0;
}

/* Decides the open ones of a bin's members, of which there are many. */
static void draw_ordered(
    struct rank_room *room, const struct rank_row *row, uint32_t bin, uint8_t *kept)
{
	uint32_t first = rank_first(&room->edges, bin), n = rank_end(&room->edges, bin) - first;
	uint32_t *member = room->member + first;
	order_members(room, member, room->magnitude + first, n);
	for (uint32_t j = 0; j < n; j++)
		if (room->marked[member[j]])
			decide(room, row, member[j], first + j, kept);
}

static void mark_open(struct rank_room *room, size_t n_open)
{
	memset(room->n_open, 0, sizeof room->n_open);
	memset(room->open_of_group, 0, sizeof room->open_of_group);
	for (size_t j = 0; j < n_open; j++) {
		uint32_t b = room->bin[room->open[j]];
		room->marked[room->open[j]] = 1;
		room->n_open[b]++;
		room->open_of_group[rank_group(b)] |= (uint16_t)(1u << b / RANK_GROUPS);
	}
}

/* Decides the entries that are open, of which there are many, or of large bins. */
void varm_rank_list(
    struct rank_room *room, const struct rank_row *row, size_t n_open, uint8_t *kept)
{
	if (!room->magnitude)
		room->magnitude = FC_ARRAY(int64_t, room->n_row + 1);
	mark_open(room, n_open);
	list_members(room, row);
	for (size_t j = 0; j < n_open; j++) {
		uint32_t i = room->open[j], b = room->bin[i];
		if (!room->marked[i])
			continue;
		if (room->n_open[b] > FEW)
			draw_ordered(room, row, b, kept);
		else
			decide(room, row, i, count_rank(room, b, i), kept);
	}
}
