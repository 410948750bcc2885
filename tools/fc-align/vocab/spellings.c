/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/vocab/spellings.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct align_spellings {
	struct align_spelling *v; /* [n] sorted by bytes, then id */
	size_t n, longest;        /* bytes of the longest */
};

static int compare_bytes(const char *a, size_t n_a, const char *b, size_t n_b)
{
	size_t n = n_a < n_b ? n_a : n_b;
	int c = n ? memcmp(a, b, n) : 0;
	return c ? c : n_a < n_b ? -1 : n_a > n_b;
}

static int by_bytes_then_id(const void *a, const void *b)
{
	const struct align_spelling *x = a, *y = b;
	int c = compare_bytes(x->bytes, x->n, y->bytes, y->n);
	return c ? c : x->id < y->id ? -1 : x->id > y->id;
}

struct align_spellings *align_spellings_new(const struct align_vocab *vocab)
{
	struct align_spellings *s = FC_NEW(struct align_spellings);
	s->v = FC_ARRAY(struct align_spelling, vocab->n + 1);
	for (size_t i = 0; i < vocab->n; i++) {
		const struct align_word *w = &vocab->word[i];
		if (w->n == 0 || w->special)
			continue;
		s->v[s->n++] = (struct align_spelling){w->bytes, w->n, (uint32_t)i};
		s->longest = w->n > s->longest ? w->n : s->longest;
	}
	qsort(s->v, s->n, sizeof *s->v, by_bytes_then_id);
	return s;
}

void align_spellings_free(struct align_spellings *s)
{
	if (!s)
		return;
	free(s->v);
	free(s);
}

/* Index of the first token that does not come before these bytes. */
static size_t lower_bound(const struct align_spellings *s, const char *bytes, size_t n_bytes)
{
	size_t lo = 0, hi = s->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (compare_bytes(s->v[mid].bytes, s->v[mid].n, bytes, n_bytes) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct align_spelling *align_spellings_find(
    const struct align_spellings *s, const char *bytes, size_t n_bytes, size_t *n)
{
	size_t lo = lower_bound(s, bytes, n_bytes);
	*n = 0;
	while (
	    lo + *n < s->n && !compare_bytes(s->v[lo + *n].bytes, s->v[lo + *n].n, bytes, n_bytes))
		++*n;
	return s->v + lo;
}

uint32_t align_spellings_longest(const struct align_spellings *s, const char *bytes, size_t n)
{
	for (size_t len = n < s->longest ? n : s->longest; len > 0; len--) {
		size_t n_same;
		const struct align_spelling *same = align_spellings_find(s, bytes, len, &n_same);
		if (n_same)
			return same[0].id;
	}
	return ALIGN_UNMAPPED;
}

struct align_byteset align_spellings_after(
    const struct align_spellings *s, const char *bytes, size_t n)
{
	struct align_byteset set = {{0}};
	for (size_t i = lower_bound(s, bytes, n); i < s->n; i++) {
		const struct align_spelling *v = &s->v[i];
		if (v->n < n || memcmp(v->bytes, bytes, n) != 0)
			break;
		if (v->n == n)
			continue;
		unsigned char c = (unsigned char)v->bytes[n];
		set.bits[c >> 6] |= UINT64_C(1) << (c & 63);
	}
	return set;
}
