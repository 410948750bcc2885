/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/rank_draw.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-varm/method/eight.h"
#include "fc-varm/method/marked.h"
#include "fc-varm/method/random_by_index.h"
#include "fc-varm/method/rank_bins.h"
#include "fc-varm/method/rank_sort.h"
#include "fc-varm/method/rank_sure.h"
#include "tensor/dtype.h"
#include "tensor/simd.h"

/* Up to so many entries that the bins leave open, whose bins have up to so many members, are sought
 * in the row; for more, members are listed. */
#define FEW_OPEN ((size_t)24)
#define FEW_MEMBERS ((size_t)256)
/* So many entries of a listed bin are counted against all of it; for more it is put in order. */
#define FEW ((uint32_t)32)
/* Entries whose bins are sought in the row at once. */
#define SOUGHT 8
/* Entries whose marks are looked at together. */
#define PART MARKED_MOST

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

/* Draws what the lowest and the highest rank of each entry's bin say alike; returns how many
 * entries they leave open.  Without branches: what comes nobody could foresee. */
static size_t draw_by_bins(struct rank_room *room, const struct rank_row *row, uint8_t *kept)
{
	uint16_t numbers[PART + RANDOM_BY_INDEX_ROOM], where[MARKED_PLACES];
	uint8_t close[PART / 8];
	size_t n_open = 0;
	for (size_t at = 0; at < row->n; at += PART) {
		size_t n = row->n - at < PART ? row->n - at : PART;
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

/* Entries whose ranks are sought at once, so that the row is gone through once for them; all
 * numbers of one width, for vectors. */
struct sought {
	int64_t entry[SOUGHT], rank[SOUGHT], bin[SOUGHT], magnitude[SOUGHT];
	uint16_t of_group[RANK_GROUPS]; /* bit f: the f-th bin of the group is among them */
};

/* mark[i]: whether entry i is in one of the bins. */
static FC_SIMD_BODY void mark_sought_body(
    const uint16_t *restrict bin, const struct sought *restrict s, size_t n, uint8_t *restrict mark)
{
	uint16_t b[SOUGHT];
	for (size_t j = 0; j < SOUGHT; j++)
		b[j] = (uint16_t)s->bin[j];
	for (size_t i = 0; i < n; i++)
		mark[i] = (bin[i] == b[0]) | (bin[i] == b[1]) | (bin[i] == b[2]) |
		    (bin[i] == b[3]) | (bin[i] == b[4]) | (bin[i] == b[5]) | (bin[i] == b[6]) |
		    (bin[i] == b[7]);
}
FC_SIMD_KERNEL(static void, mark_sought,
    (const uint16_t *bin, const struct sought *s, size_t n, uint8_t *mark), (bin, s, n, mark))

#if defined(__x86_64__)
#define FIND_MEMBERS(I, HERE)                                                                      \
	do {                                                                                       \
		__m512i bins = _mm512_maskz_loadu_epi16(HERE, bin + (I));                          \
		__m512i own = _mm512_sllv_epi16(one, _mm512_srli_epi16(bins, 6));                  \
		const uint32_t found = _mm512_mask_test_epi16_mask(                                \
		    HERE, own, _mm512_permutex2var_epi16(low, bins, high));                        \
		memcpy(bits + (I) / 8, &found, sizeof found);                                      \
	} while (0)
/* Bits in place of marks. */
FC_SIMD_AVX512 static void find_members_avx512(
    const uint16_t *bin, const uint16_t of_group[RANK_GROUPS], size_t n, uint8_t *bits)
{
	const __m512i low = _mm512_loadu_si512(of_group);
	const __m512i high = _mm512_loadu_si512(of_group + 32);
	const __m512i one = _mm512_set1_epi16(1);
	memset(bits, 0, PART / 8);
	EACH_32(FIND_MEMBERS, n);
}
_Static_assert(RANK_GROUPS == 1 << 6 && RANK_FINE == 16, "of what numbers are made");
#endif

/* where[]: the places of the entries in one of the bins; returns how many. */
static size_t list_sought(
    const uint16_t *bin, const struct sought *s, size_t n, uint16_t where[MARKED_PLACES])
{
	uint8_t mark[PART + MARKED_ROOM];
#if defined(__x86_64__)
	if (fc_isa() >= FC_ISA_AVX512) {
		find_members_avx512(bin, s->of_group, n, mark);
		return varm_marked_list_bits(mark, n, where);
	}
#endif
	mark_sought(bin, s, n, mark);
	memset(mark + n, 0, MARKED_ROOM);
	return varm_marked_list(mark, n, where);
}

/* An entry in one of the bins. */
struct member {
	int64_t entry, bin, magnitude;
};

/* A member counts where it is below one that is sought, in its bin. */
static FC_SIMD_BODY void count_members_body(
    struct sought *restrict s, const struct member *restrict member, size_t n)
{
	for (size_t m = 0; m < n; m++) {
		const struct member x = member[m];
		for (size_t j = 0; j < SOUGHT; j++) {
			bool below = (x.magnitude < s->magnitude[j]) |
			    ((x.magnitude == s->magnitude[j]) & (x.entry < s->entry[j]));
			s->rank[j] += below & (x.bin == s->bin[j]);
		}
	}
}
FC_SIMD_KERNEL(static void, count_members,
    (struct sought * s, const struct member *member, size_t n), (s, member, n))

/* The ranks of SOUGHT entries: the members of their bins are sought in the row. */
static void seek_ranks(const struct rank_room *room, const struct rank_row *row, struct sought *s)
{
	uint16_t where[MARKED_PLACES];
	struct member member[PART];
	for (size_t at = 0; at < row->n; at += PART) {
		size_t n = row->n - at < PART ? row->n - at : PART;
		size_t n_member = list_sought(room->bin + at, s, n, where);
		for (size_t m = 0; m < n_member; m++) {
			size_t i = at + where[m];
			member[m] = (struct member){
			    (int64_t)i, room->bin[i], (int64_t)magnitude_bits(row, i)};
		}
		count_members(s, member, n_member);
	}
}

/* Where fewer are left, no entry is in the bin of the others. */
static struct sought sought_from(
    const struct rank_room *room, const struct rank_row *row, const uint32_t *entry, size_t n)
{
	struct sought s = {.of_group = {0}};
	for (size_t j = n; j < SOUGHT; j++)
		s.bin[j] = UINT16_MAX;
	for (size_t j = 0; j < n; j++) {
		uint32_t i = entry[j], b = room->bin[i];
		s.of_group[rank_group(b)] |= (uint16_t)(1u << b / RANK_GROUPS);
		s.entry[j] = i;
		s.bin[j] = b;
		s.rank[j] = rank_first(&room->edges, b);
		s.magnitude[j] = (int64_t)magnitude_bits(row, i);
	}
	return s;
}

/* Decides the entries that are open, of which there are few. */
static void draw_sought(
    struct rank_room *room, const struct rank_row *row, size_t n_open, uint8_t *kept)
{
	for (size_t at = 0; at < n_open; at += SOUGHT) {
		size_t n = n_open - at < SOUGHT ? n_open - at : SOUGHT;
		struct sought s = sought_from(room, row, room->open + at, n);
		seek_ranks(room, row, &s);
		for (size_t j = 0; j < n; j++) {
			size_t i = (size_t)s.entry[j];
			double drawn = random_by_index(row->key, row->first + i);
			set_kept(kept, i, is_drawn(row, drawn, (uint32_t)s.rank[j]));
		}
	}
}

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
	uint8_t mark[PART + MARKED_ROOM];
#if defined(__x86_64__)
	if (fc_isa() >= FC_ISA_AVX512) {
		find_members_avx512(room->bin + at, room->open_of_group, n, mark);
		return varm_marked_list_bits(mark, n, where);
	}
#endif
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
	double magnitude[PART];
	for (uint32_t b = 0; b < RANK_BINS; b++)
		place[b] = rank_first(&room->edges, b);
	for (size_t at = 0; at < row->n; at += PART) {
		size_t n = row->n - at < PART ? row->n - at : PART;
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
static void draw_listed(
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
	(are_few(room, n_open) ? draw_sought : draw_listed)(room, row, n_open, kept);
}
