/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_SPELLINGS_H
#define FC_ALIGN_SPELLINGS_H

#include "fc-align/vocab/vocabmap.h"

/* A vocabulary's tokens by their bytes; special tokens are not among them. */
struct align_spellings;
struct align_spellings *align_spellings_new(
    const struct align_vocab *vocab); /* borrows its strings */
void align_spellings_free(struct align_spellings *s);

struct align_spelling {
	const char *bytes;
	size_t n;
	uint32_t id;
};
/* The *n tokens that stand for exactly these bytes, by rising id. */
const struct align_spelling *align_spellings_find(
    const struct align_spellings *s, const char *bytes, size_t n_bytes, size_t *n);
/* The longest token that these bytes begin with, the lowest id of several; ALIGN_UNMAPPED: none. */
uint32_t align_spellings_longest(const struct align_spellings *s, const char *bytes, size_t n);

/* The bytes that follow these in tokens that begin with them, as a set of 256 bits. */
struct align_byteset {
	uint64_t bits[4];
};
struct align_byteset align_spellings_after(
    const struct align_spellings *s, const char *bytes, size_t n);

static inline bool align_byteset_has(const struct align_byteset *s, char byte)
{
	unsigned char c = (unsigned char)byte;
	return s->bits[c >> 6] >> (c & 63) & 1;
}
static inline bool align_byteset_empty(const struct align_byteset *s)
{
	return !(s->bits[0] | s->bits[1] | s->bits[2] | s->bits[3]);
}

#endif
