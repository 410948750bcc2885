/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/vocab/by_character.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { N_CHARACTER = 0x110000 + 256 };

static bool first_time(struct align_chars s, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (s.v[k] == s.v[i])
			return false;
	return true;
}

void align_by_character_init(
    struct align_by_character *h, const struct align_chars *s, const uint32_t *order, size_t n)
{
	uint32_t *start = FC_ARRAY(uint32_t, N_CHARACTER + 2);
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < s[order[k]].n; i++)
			start[s[order[k]].v[i] + 2] += first_time(s[order[k]], i);
	for (size_t c = 2; c < N_CHARACTER + 2; c++)
		start[c] += start[c - 1];
	h->place = FC_ARRAY(uint32_t, (size_t)start[N_CHARACTER + 1] + 1);
	/* start[c + 1] is where the next string that holds c goes, and ends as where those of c + 1
	 * start
	 */
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < s[order[k]].n; i++)
			if (first_time(s[order[k]], i))
				h->place[start[s[order[k]].v[i] + 1]++] = (uint32_t)k;
	h->start = start;
}

void align_by_character_release(struct align_by_character *h)
{
	free(h->start);
	free(h->place);
}

static int fewest_strings_first(const void *a, const void *b)
{
	const struct align_character_count *x = a, *y = b;
	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return x->c < y->c ? -1 : x->c > y->c;
}

size_t align_by_character_rank(const struct align_by_character *h, struct align_chars s, size_t max,
    struct align_character_count *out)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n && i < max; i++) {
		if (!first_time(s, i))
			continue;
		uint32_t c = s.v[i], times = 0;
		for (size_t k = i; k < s.n; k++)
			times += s.v[k] == c;
		out[n++] = (struct align_character_count){c, times, h->start[c + 1] - h->start[c]};
	}
	qsort(out, n, sizeof *out, fewest_strings_first);
	return n;
}
