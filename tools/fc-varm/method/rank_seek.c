/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "fc-varm/method/random_by_index.h"
#include "fc-varm/method/rank_room.h"
#include "tensor/simd.h"

/* Entries whose bins are sought in the row at once. */
#define SOUGHT 8

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

/* where[]: the places of the entries in one of the bins; returns how many. */
static size_t list_sought(
    const uint16_t *bin, const struct sought *s, size_t n, uint16_t where[MARKED_PLACES])
{
	uint8_t mark[RANK_PART + MARKED_ROOM];
	if (varm_rank_bins_find(bin, s->of_group, n, mark))
		return varm_marked_list_bits(mark, n, where);
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
	struct member member[RANK_PART];
	for (size_t at = 0; at < row->n; at += RANK_PART) {
		size_t n = row->n - at < RANK_PART ? row->n - at : RANK_PART;
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
void varm_rank_seek(
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
