/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/rank_draw.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-varm/method/rank_sort.h"
#include "tensor/simd.h"

/* A bin is an exponent and 7 bits of the mantissa: 16 octaves below the row's largest magnitude.
 * Bin 0 is that of zeros alone, bin 1 has all that is smaller. */
#define BIN_SHIFT 45
#define BINS ((uint32_t)2048)
/* So many entries of a bin are counted against all of it; for more it is sorted. */
#define FEW ((uint32_t)8)

struct rank_room {
	uint16_t *bin; /* [row] */
	uint8_t *open; /* [row] whether the bin alone does not decide */
	/* members of bin b: member[from[b]] to member[from[b + 1] - 1], in their order */
	uint32_t from[BINS + 1];
	uint32_t *member;      /* [row] */
	struct ranked *ranked; /* [n_ranked], twice what is sorted at once */
	size_t n_ranked;
};

struct rank_room *varm_rank_room_new(size_t row)
{
	struct rank_room *room = FC_ARRAY(struct rank_room, 1);
	room->bin = FC_ARRAY(uint16_t, row + 1);
	room->open = FC_ARRAY(uint8_t, row + 8);
	room->member = FC_ARRAY(uint32_t, row + 1);
	return room;
}

void varm_rank_room_free(struct rank_room *room)
{
	if (!room)
		return;
	free(room->bin);
	free(room->open);
	free(room->member);
	free(room->ranked);
	free(room);
}

static inline uint64_t bits_of(double magnitude)
{
	uint64_t bits;
	memcpy(&bits, &magnitude, 8);
	return bits;
}

static FC_SIMD_BODY void find_bins_body(
    const double *restrict magnitude, size_t n, uint16_t *restrict bin)
{
	uint64_t most = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t bits = bits_of(magnitude[i]);
		most = bits > most ? bits : most;
	}
	int64_t last = (int64_t)(most >> BIN_SHIFT);
	int64_t before = last > BINS - 2 ? last - (BINS - 2) : 0; /* the one that is bin 0 */
	for (size_t i = 0; i < n; i++) {
		uint64_t bits = bits_of(magnitude[i]);
		int64_t b = (int64_t)(bits >> BIN_SHIFT) - before;
		b = b > 0 ? b : 0;
		bin[i] = (uint16_t)(bits ? b + 1 : 0);
	}
}
FC_SIMD_KERNEL(
    static void, find_bins, (const double *magnitude, size_t n, uint16_t *bin), (magnitude, n, bin))

/* Two counts each, so that neighbours in one bin do not wait for each other. */
static void count_bins(struct rank_room *room, size_t n)
{
	uint32_t count[2][BINS] = {{0}}, sum = 0;
	size_t i = 0;
	for (; i + 2 <= n; i += 2) {
		count[0][room->bin[i]]++;
		count[1][room->bin[i + 1]]++;
	}
	if (i < n)
		count[0][room->bin[i]]++;
	for (size_t b = 0; b < BINS; b++) {
		room->from[b] = sum;
		sum += count[0][b] + count[1][b];
	}
	room->from[BINS] = sum;
}

/* What the lowest and the highest rank of each entry's bin say; *n_open where they differ. */
static FC_SIMD_BODY void draw_bins_body(const uint16_t *restrict bin, const uint32_t *restrict from,
    const double *restrict number, double low, double step, size_t n, uint8_t *restrict kept,
    uint8_t *restrict open, uint32_t *n_open)
{
	uint32_t differ = 0;
	for (size_t i = 0; i < n; i++) {
		double first = (double)(int32_t)from[bin[i]];
		double last = (double)((int32_t)from[bin[i] + 1] - 1);
		uint32_t least = number[i] < low + step * first;
		uint32_t most = number[i] < low + step * last;
		kept[i] = (uint8_t)least;
		open[i] = (uint8_t)(least ^ most);
		differ += least ^ most;
	}
	*n_open = differ;
}
FC_SIMD_KERNEL(static void, draw_bins,
    (const uint16_t *bin, const uint32_t *from, const double *number, double low, double step,
	size_t n, uint8_t *kept, uint8_t *open, uint32_t *n_open),
    (bin, from, number, low, step, n, kept, open, n_open))

static void list_members(struct rank_room *room, size_t n)
{
	uint32_t at[BINS];
	memcpy(at, room->from, sizeof at);
	for (size_t i = 0; i < n; i++)
		room->member[at[room->bin[i]]++] = (uint32_t)i;
}

/* The members of a bin in the order of their ranks: as they are when all are equal. */
static void order_members(
    struct rank_room *room, const double *magnitude, uint32_t *member, size_t n)
{
	size_t same = 1;
	while (same < n && magnitude[member[same]] == magnitude[member[0]])
		same++;
	if (same == n)
		return;
	FC_GROW(room->ranked, room->n_ranked, 2 * n);
	for (size_t i = 0; i < n; i++)
		room->ranked[i] = (struct ranked){bits_of(magnitude[member[i]]), member[i]};
	struct ranked *sorted = varm_rank_sort(room->ranked, room->ranked + n, n);
	for (size_t i = 0; i < n; i++)
		member[i] = sorted[i].i;
}

/* How many of the members are smaller than entry i, or as large and before it. */
static uint32_t count_below(const double *magnitude, const uint32_t *member, size_t n, uint32_t i)
{
	uint64_t own = bits_of(magnitude[i]);
	uint32_t below = 0;
	for (size_t j = 0; j < n; j++) {
		uint64_t other = bits_of(magnitude[member[j]]);
		below += other < own || (other == own && member[j] < i);
	}
	return below;
}

/* Decides the open ones of a bin's members: few of them by counting, many in order. */
static void draw_members(struct rank_room *room, uint32_t bin, const double *magnitude,
    const double *number, double low, double step, uint8_t *kept)
{
	uint32_t from = room->from[bin], n = room->from[bin + 1] - from, n_open = 0;
	uint32_t *member = room->member + from;
	for (uint32_t j = 0; j < n; j++)
		n_open += room->open[member[j]];
	if (n_open > FEW)
		order_members(room, magnitude, member, n);
	for (uint32_t j = 0; j < n; j++) {
		uint32_t i = member[j];
		if (!room->open[i])
			continue;
		uint32_t rank = n_open > FEW ? j : count_below(magnitude, member, n, i);
		kept[i] = number[i] < low + step * (double)(from + rank);
		room->open[i] = 0;
	}
}

void varm_rank_draw(struct rank_room *room, const double *magnitude, const double *number, size_t n,
    double low, double step, uint8_t *kept)
{
	uint32_t n_open;
	find_bins(magnitude, n, room->bin);
	count_bins(room, n);
	draw_bins(room->bin, room->from, number, low, step, n, kept, room->open, &n_open);
	if (!n_open)
		return;
	list_members(room, n);
	memset(room->open + n, 0, 8);
	for (size_t at = 0; at < n; at += 8) {
		uint64_t any;
		memcpy(&any, room->open + at, 8);
		for (size_t i = at; any && i < at + 8; i++)
			if (room->open[i])
				draw_members(
				    room, room->bin[i], magnitude, number, low, step, kept);
	}
}
