/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_BY_CHARACTER_H
#define FC_ALIGN_BY_CHARACTER_H

#include "fc-align/vocab/levenshtein.h"

/* For each character, which strings of a list hold it. */
struct align_by_character {
	uint32_t *start; /* by character, and one more */
	uint32_t *place; /* [start[last]]: places in the order, rising for each character */
};
/* order: [n] indices into s. */
void align_by_character_init(
    struct align_by_character *h, const struct align_chars *s, const uint32_t *order, size_t n);
void align_by_character_release(struct align_by_character *h);

/* A character of a string: how often it is in that, how many strings of the list hold it. */
struct align_character_count {
	uint32_t c, times, n;
};
/* The distinct ones among the first `max` characters of s, those that fewest hold first.  out:
 * room for max.  Returns how many. */
size_t align_by_character_rank(const struct align_by_character *h, struct align_chars s, size_t max,
    struct align_character_count *out);

#endif
