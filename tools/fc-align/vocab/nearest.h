/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_NEAREST_H
#define FC_ALIGN_NEAREST_H

#include "fc-align/vocab/levenshtein.h"

/*
 * A list of strings that is asked for the one nearest to another by Levenshtein distance.
 *
 * Near ones are found through a table of all strings, and of all strings less one and less two
 * characters: strings at distance 1 or 2 have one of these in common.  For larger distances, and
 * for long strings, those that hold the rarest characters are compared: all others lack these, and
 * each costs an edit.  Where that does not settle it, the strings are filed by length, and only
 * those are compared whose length, set of characters (64 bits by hash) and counts of characters
 * could be as near as the best so far.
 */
struct align_nearest;
/* s: [n], borrowed; strings without characters are not found. */
struct align_nearest *align_nearest_new(const struct align_chars *s, size_t n);
void align_nearest_free(struct align_nearest *x);

/* Index of the nearest string, the lowest of several; UINT32_MAX: there is none.  Several threads
 * may ask at once, each with its own pattern.  *distance: may be NULL. */
uint32_t align_nearest_find(
    const struct align_nearest *x, struct align_leven *p, struct align_chars s, uint32_t *distance);

#endif
