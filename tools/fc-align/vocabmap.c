/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/vocabmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-align/spellings.h"

static uint64_t count_of(const struct fc_map_entry *pair, size_t n, uint32_t pivot)
{
	for (size_t i = 0; i < n; i++)
		if (pair[i].pivot == pivot)
			return pair[i].count;
	return 0;
}

uint32_t fc_vocabmap_special(
    const struct fc_vocab *source, const struct fc_vocab *pivot, uint32_t id)
{
	const struct fc_word *w = &source->word[id];
	for (int role = 0; role < FC_N_SPECIAL; role++)
		if (source->role[role] == id && pivot->role[role] != FC_UNMAPPED)
			return pivot->role[role];
	for (size_t i = 0; w->special && w->piece && i < pivot->n; i++) {
		const struct fc_word *other = &pivot->word[i];
		if (other->special && other->piece && !strcmp(other->piece, w->piece))
			return (uint32_t)i;
	}
	return FC_UNMAPPED;
}

/* A special token stands for no text: nothing else may apply. */
static bool choose_special(
    const struct fc_vocab *source, const struct fc_vocab *pivot, uint32_t id, struct fc_choice *out)
{
	uint32_t to = fc_vocabmap_special(source, pivot, id);
	if (to != FC_UNMAPPED)
		*out = (struct fc_choice){to, FC_RULE_ROLE, 0};
	return to != FC_UNMAPPED || source->word[id].special;
}

/* pair: the n_pair pairs of this source token. */
static bool choose_bytes(const struct fc_spellings *s, const struct fc_word *w,
    const struct fc_map_entry *pair, size_t n_pair, uint32_t first, struct fc_choice *out)
{
	size_t n;
	const struct fc_spelling *same = fc_spellings_find(s, w->bytes, w->n, &n);
	if (n == 0)
		return false;
	uint32_t best = same[0].id;
	uint64_t most = 0;
	for (size_t i = 0; i < n; i++)
		if (same[i].id == first)
			best = first;
	for (size_t i = 0; i < n; i++) {
		uint64_t count = count_of(pair, n_pair, same[i].id);
		if (count > most) {
			best = same[i].id;
			most = count;
		}
	}
	*out = (struct fc_choice){best, FC_RULE_BYTES, most};
	return true;
}

/* A special token may begin where a text does that it only looks like: it stands for none. */
static bool choose_count(const struct fc_vocab *pivot, const struct fc_map_entry *pair,
    size_t n_pair, struct fc_choice *out)
{
	for (size_t i = 0; i < n_pair; i++)
		if (pair[i].count > out->count && !pivot->word[pair[i].pivot].special)
			*out = (struct fc_choice){pair[i].pivot, FC_RULE_COUNT, pair[i].count};
	return out->rule == FC_RULE_COUNT;
}

static bool choose_first(
    const struct fc_spellings *s, const struct fc_word *w, uint32_t first, struct fc_choice *out)
{
	if (first != FC_UNMAPPED) {
		*out = (struct fc_choice){first, FC_RULE_FIRST, 0};
		return true;
	}
	first = fc_spellings_longest(s, w->bytes, w->n);
	if (first == FC_UNMAPPED)
		return false;
	*out = (struct fc_choice){first, FC_RULE_FIRST, 0};
	return true;
}

void fc_vocabmap_choose(const struct fc_vocab *source, const struct fc_vocab *pivot,
    const struct fc_map_entry *pair, size_t n_pair, const uint32_t *first, struct fc_choice *out)
{
	struct fc_spellings *s = fc_spellings_new(pivot);
	size_t p = 0;
	for (size_t i = 0; i < source->n; i++) {
		const struct fc_word *w = &source->word[i];
		uint32_t id = (uint32_t)i;
		out[i] = (struct fc_choice){FC_UNMAPPED, FC_RULE_NONE, 0};
		while (p < n_pair && pair[p].source < id)
			p++;
		size_t n = 0;
		while (p + n < n_pair && pair[p + n].source == id)
			n++;
		if (choose_special(source, pivot, id, &out[i]) || w->n == 0)
			continue;
		if (!choose_bytes(s, w, pair + p, n, first[i], &out[i]) &&
		    !choose_count(pivot, pair + p, n, &out[i]))
			choose_first(s, w, first[i], &out[i]);
	}
	fc_spellings_free(s);
}
