/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/vocab/vocabmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-align/vocab/spellings.h"

struct choice {
	uint32_t pivot; /* ALIGN_UNMAPPED: none */
	enum fc_map_rule rule;
};

/* The pairs of one source token. */
struct seen {
	const struct fc_map_entry *v; /* [n] */
	size_t n;
};

uint32_t align_vocabmap_special(
    const struct align_vocab *source, const struct align_vocab *pivot, uint32_t id)
{
	const struct align_word *w = &source->word[id];
	for (int role = 0; role < ALIGN_N_SPECIAL; role++)
		if (source->role[role] == id && pivot->role[role] != ALIGN_UNMAPPED)
			return pivot->role[role];
	for (size_t i = 0; w->special && w->piece && i < pivot->n; i++) {
		const struct align_word *other = &pivot->word[i];
		if (other->special && other->piece && !strcmp(other->piece, w->piece))
			return (uint32_t)i;
	}
	return ALIGN_UNMAPPED;
}

static uint64_t count_of(const struct seen *seen, uint32_t pivot)
{
	for (size_t i = 0; i < seen->n; i++)
		if (seen->v[i].pivot == pivot)
			return seen->v[i].count;
	return 0;
}

static bool choose_bytes(const struct align_spellings *s, const struct align_word *w,
    const struct seen *seen, uint32_t first, struct choice *out)
{
	size_t n;
	const struct align_spelling *same = align_spellings_find(s, w->bytes, w->n, &n);
	if (n == 0)
		return false;
	uint32_t best = same[0].id;
	uint64_t most = 0;
	for (size_t i = 0; i < n; i++)
		if (same[i].id == first)
			best = first;
	for (size_t i = 0; i < n; i++) {
		uint64_t count = count_of(seen, same[i].id);
		if (count > most) {
			best = same[i].id;
			most = count;
		}
	}
	*out = (struct choice){best, FC_MAP_BYTES};
	return true;
}

/* A special token may begin where a text does that it only looks like: it stands for none. */
static bool pair_counts_for(const struct align_vocab *pivot, const struct fc_map_entry *pair)
{
	return !pivot->word[pair->pivot].special;
}

static bool choose_count(
    const struct align_vocab *pivot, const struct seen *seen, struct choice *out)
{
	uint64_t most = 0;
	for (size_t i = 0; i < seen->n; i++) {
		if (!pair_counts_for(pivot, &seen->v[i]) || seen->v[i].count <= most)
			continue;
		most = seen->v[i].count;
		*out = (struct choice){seen->v[i].pivot, FC_MAP_COUNT};
	}
	return most > 0;
}

static void choose_first(
    const struct align_spellings *s, const struct align_word *w, uint32_t first, struct choice *out)
{
	if (first == ALIGN_UNMAPPED)
		first = align_spellings_longest(s, w->bytes, w->n);
	if (first != ALIGN_UNMAPPED)
		*out = (struct choice){first, FC_MAP_FIRST};
}

static struct choice choose_for(const struct align_vocab *source, const struct align_vocab *pivot,
    const struct align_spellings *s, uint32_t id, const struct seen *seen,
    const struct align_evidence *e)
{
	const struct align_word *w = &source->word[id];
	uint32_t first = e->first ? e->first[id] : ALIGN_UNMAPPED;
	if (e->published)
		return (struct choice){e->published[id], FC_MAP_PUBLISHED};
	struct choice c = {align_vocabmap_special(source, pivot, id), FC_MAP_ROLE};
	/* a special token stands for no text: nothing else may apply */
	if (c.pivot != ALIGN_UNMAPPED || w->special || w->n == 0)
		return c;
	if (!e->no_bytes && choose_bytes(s, w, seen, first, &c))
		return c;
	if (e->near && e->near[id] != ALIGN_UNMAPPED)
		return (struct choice){e->near[id], FC_MAP_NEAR};
	if (!choose_count(pivot, seen, &c) && e->first)
		choose_first(s, w, first, &c);
	return c;
}

static bool same_bytes(const struct align_word *a, const struct align_word *b)
{
	return a->n == b->n && !memcmp(a->bytes, b->bytes, a->n);
}

static void add_entry(struct align_map_list *out, const struct fc_map_entry *e)
{
	FC_GROW(out->v, out->cap, out->n + 1);
	out->v[out->n++] = *e;
}

/* The choice among the pairs, in order of the pivot's ids. */
static void add_entries(const struct align_vocab *source, const struct align_vocab *pivot,
    uint32_t id, struct choice c, const struct seen *seen, struct align_map_list *out)
{
	const struct align_word *w = &source->word[id];
	struct fc_map_entry chosen = {id, c.pivot, 0, (uint8_t)c.rule, true};
	bool added = c.pivot == ALIGN_UNMAPPED;
	for (size_t i = 0; i < seen->n; i++) {
		struct fc_map_entry pair = seen->v[i];
		if (!added && c.pivot < pair.pivot)
			add_entry(out, &chosen);
		added = added || c.pivot <= pair.pivot;
		if (pair.pivot == c.pivot) {
			chosen.count = pair.count;
			add_entry(out, &chosen);
		} else if (c.rule == FC_MAP_PUBLISHED ||
		    (!w->special && w->n && pair_counts_for(pivot, &pair))) {
			bool same = same_bytes(w, &pivot->word[pair.pivot]);
			pair.rule = same ? FC_MAP_BYTES : FC_MAP_COUNT;
			add_entry(out, &pair);
		}
	}
	if (!added)
		add_entry(out, &chosen);
}

void align_vocabmap_choose(const struct align_vocab *source, const struct align_vocab *pivot,
    const struct align_evidence *e, struct align_map_list *out)
{
	struct align_spellings *s = align_spellings_new(pivot);
	size_t p = 0;
	for (uint32_t id = 0; id < source->n; id++) {
		while (p < e->n_pair && e->pair[p].source < id)
			p++;
		struct seen seen = {e->n_pair ? e->pair + p : NULL, 0};
		while (p + seen.n < e->n_pair && e->pair[p + seen.n].source == id)
			seen.n++;
		struct choice c = choose_for(source, pivot, s, id, &seen, e);
		add_entries(source, pivot, id, c, &seen, out);
	}
	align_spellings_free(s);
}
