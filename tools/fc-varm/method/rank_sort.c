/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/rank_sort.h"

#include <stdbool.h>

#define DIGIT_BITS 11
#define DIGITS (1u << DIGIT_BITS)

/* One pass of a radix sort; false where all have the same digit and nothing moved. */
static bool sort_digit(const struct ranked *from, struct ranked *to, size_t n, int shift)
{
	uint32_t at[DIGITS] = {0}, sum = 0;
	for (size_t i = 0; i < n; i++)
		at[from[i].key >> shift & (DIGITS - 1)]++;
	if (at[from[0].key >> shift & (DIGITS - 1)] == n)
		return false;
	for (size_t d = 0; d < DIGITS; d++) {
		uint32_t count = at[d];
		at[d] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		to[at[from[i].key >> shift & (DIGITS - 1)]++] = from[i];
	return true;
}

struct ranked *varm_rank_sort(struct ranked *a, struct ranked *spare, size_t n)
{
	for (int shift = 0; shift < 64; shift += DIGIT_BITS) {
		if (sort_digit(a, spare, n, shift)) {
			struct ranked *t = a;
			a = spare;
			spare = t;
		}
	}
	return a;
}
