/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_LEVENSHTEIN_H
#define FC_ALIGN_LEVENSHTEIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A string as code points; borrowed. */
struct align_chars {
	const uint32_t *v; /* [n] */
	size_t n;
};

/*
 * Unit-cost Levenshtein distances of one string, the pattern, to others.  Patterns of up to 64
 * characters take one step a character of the other (Myers 1999, in Hyyro's form of 2003, a whole
 * column of differences in two words), longer ones the plain recurrence.
 */
struct align_leven;
struct align_leven *align_leven_new(void);
void align_leven_free(struct align_leven *p);
void align_leven_set(
    struct align_leven *p, struct align_chars s); /* s: borrowed until the next call */

/* The distance, or any number above `most` where it is above that. */
uint32_t align_leven_distance(struct align_leven *p, struct align_chars s, uint32_t most);

/* Does a contain b as a run of characters?  "" is contained in all. */
bool align_chars_contain(struct align_chars a, struct align_chars b);

/* Appends the code points of n bytes; a byte that is no UTF-8 becomes 0x110000 and its value.
 * out: room for n.  Returns how many. */
size_t align_chars_decode(const char *p, size_t n, uint32_t *out);

#endif
