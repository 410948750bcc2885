/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/map/pair_counts.h"

#include <stdlib.h>

#include "base/mem.h"

struct align_pair_counts {
	struct fc_map_entry *slot; /* [n_slot], open addressing; count 0: free */
	size_t n_slot, n;          /* n_slot is a power of two */
	struct fc_map_entry *sorted;
};

struct align_pair_counts *align_pair_counts_new(void)
{
	struct align_pair_counts *p = FC_NEW(struct align_pair_counts);
	p->n_slot = 1 << 12;
	p->slot = FC_ARRAY(struct fc_map_entry, p->n_slot);
	return p;
}

void align_pair_counts_free(struct align_pair_counts *p)
{
	if (!p)
		return;
	free(p->slot);
	free(p->sorted);
	free(p);
}

/* splitmix64's finalizer (Steele, Lea, Flood 2014) */
static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static struct fc_map_entry *find_pair(
    const struct align_pair_counts *p, uint32_t source, uint32_t pivot)
{
	size_t i = mix((uint64_t)source << 32 | pivot) & (p->n_slot - 1);
	while (p->slot[i].count && (p->slot[i].source != source || p->slot[i].pivot != pivot))
		i = (i + 1) & (p->n_slot - 1);
	return &p->slot[i];
}

static void grow_table(struct align_pair_counts *p)
{
	struct fc_map_entry *old = p->slot;
	size_t n_old = p->n_slot;
	p->n_slot *= 2;
	p->slot = FC_ARRAY(struct fc_map_entry, p->n_slot);
	for (size_t i = 0; i < n_old; i++)
		if (old[i].count)
			*find_pair(p, old[i].source, old[i].pivot) = old[i];
	free(old);
}

void align_pair_counts_add(
    struct align_pair_counts *p, uint32_t source, uint32_t pivot, uint64_t count)
{
	if (count == 0)
		return;
	struct fc_map_entry *e = find_pair(p, source, pivot);
	if (e->count) {
		e->count += count;
		return;
	}
	*e = (struct fc_map_entry){.source = source, .pivot = pivot, .count = count};
	if (++p->n > p->n_slot / 2)
		grow_table(p);
}

size_t align_pair_counts_n(const struct align_pair_counts *p)
{
	return p->n;
}

static int by_source_then_pivot(const void *a, const void *b)
{
	const struct fc_map_entry *x = a, *y = b;
	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return x->pivot < y->pivot ? -1 : x->pivot > y->pivot;
}

const struct fc_map_entry *align_pair_counts_sorted(struct align_pair_counts *p)
{
	free(p->sorted);
	p->sorted = FC_ARRAY(struct fc_map_entry, p->n + 1);
	for (size_t i = 0, n = 0; i < p->n_slot; i++)
		if (p->slot[i].count)
			p->sorted[n++] = p->slot[i];
	qsort(p->sorted, p->n, sizeof *p->sorted, by_source_then_pivot);
	return p->sorted;
}
