/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/vocabmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Tokens with bytes, sorted by them. */
struct spelling {
	const char *bytes;
	size_t n;
	uint32_t id;
};

static int compare_bytes(const char *a, size_t n_a, const char *b, size_t n_b)
{
	size_t n = n_a < n_b ? n_a : n_b;
	int c = n ? memcmp(a, b, n) : 0;
	return c ? c : n_a < n_b ? -1 : n_a > n_b;
}

static int compare(const void *a, const void *b)
{
	const struct spelling *x = a, *y = b;
	int c = compare_bytes(x->bytes, x->n, y->bytes, y->n);
	return c ? c : x->id < y->id ? -1 : x->id > y->id;
}

struct spellings {
	struct spelling *v;
	size_t n;
};

static struct spellings sort_spellings(const struct fc_vocab *vocab)
{
	struct spellings s = {FC_ARRAY(struct spelling, vocab->n + 1), 0};
	for (size_t i = 0; i < vocab->n; i++) {
		const struct fc_word *w = &vocab->word[i];
		if (w->n && !w->special)
			s.v[s.n++] = (struct spelling){w->bytes, w->n, (uint32_t)i};
	}
	qsort(s.v, s.n, sizeof *s.v, compare);
	return s;
}

/* First of the tokens that stand for exactly these bytes; *n of them. */
static const struct spelling *find(
    const struct spellings *s, const char *bytes, size_t n_bytes, size_t *n)
{
	size_t lo = 0, hi = s->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (compare_bytes(s->v[mid].bytes, s->v[mid].n, bytes, n_bytes) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*n = 0;
	while (
	    lo + *n < s->n && !compare_bytes(s->v[lo + *n].bytes, s->v[lo + *n].n, bytes, n_bytes))
		++*n;
	return s->v + lo;
}

static uint64_t count_of(const struct fc_map_entry *pair, size_t n, uint32_t pivot)
{
	for (size_t i = 0; i < n; i++)
		if (pair[i].pivot == pivot)
			return pair[i].count;
	return 0;
}

static bool choose_special(
    const struct fc_vocab *source, const struct fc_vocab *pivot, uint32_t id, struct fc_choice *out)
{
	for (int role = 0; role < FC_N_SPECIAL; role++) {
		if (source->role[role] != id || pivot->role[role] == FC_UNMAPPED)
			continue;
		*out = (struct fc_choice){pivot->role[role], FC_RULE_ROLE, 0};
		return true;
	}
	if (!source->word[id].special)
		return false;
	for (size_t i = 0; i < pivot->n && source->word[id].piece; i++) {
		const struct fc_word *w = &pivot->word[i];
		if (!w->special || !w->piece || strcmp(w->piece, source->word[id].piece) != 0)
			continue;
		*out = (struct fc_choice){(uint32_t)i, FC_RULE_ROLE, 0};
		break;
	}
	return true; /* a special token stands for no text: nothing else may apply */
}

/* pair: the n_pair pairs of this source token. */
static bool choose_bytes(const struct spellings *s, const struct fc_word *w,
    const struct fc_map_entry *pair, size_t n_pair, uint32_t first, struct fc_choice *out)
{
	size_t n;
	const struct spelling *same = find(s, w->bytes, w->n, &n);
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
    const struct spellings *s, const struct fc_word *w, uint32_t first, struct fc_choice *out)
{
	if (first != FC_UNMAPPED) {
		*out = (struct fc_choice){first, FC_RULE_FIRST, 0};
		return true;
	}
	for (size_t len = w->n; len > 0; len--) {
		size_t n;
		const struct spelling *same = find(s, w->bytes, len, &n);
		if (n == 0)
			continue;
		*out = (struct fc_choice){same[0].id, FC_RULE_FIRST, 0};
		return true;
	}
	return false;
}

void fc_vocabmap_choose(const struct fc_vocab *source, const struct fc_vocab *pivot,
    const struct fc_map_entry *pair, size_t n_pair, const uint32_t *first, struct fc_choice *out)
{
	struct spellings s = sort_spellings(pivot);
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
		if (!choose_bytes(&s, w, pair + p, n, first[i], &out[i]) &&
		    !choose_count(pivot, pair + p, n, &out[i]))
			choose_first(&s, w, first[i], &out[i]);
	}
	free(s.v);
}
