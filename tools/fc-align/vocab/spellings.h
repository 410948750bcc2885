/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_SPELLINGS_H
#define FC_ALIGN_SPELLINGS_H

#include "fc-align/vocab/vocabmap.h"

/* A vocabulary's tokens by their bytes; special tokens are not among them. */
struct fc_spellings;
struct fc_spellings *fc_spellings_new(const struct fc_vocab *vocab); /* borrows its strings */
void fc_spellings_free(struct fc_spellings *s);

struct fc_spelling {
	const char *bytes;
	size_t n;
	uint32_t id;
};
/* The *n tokens that stand for exactly these bytes, by rising id. */
const struct fc_spelling *fc_spellings_find(
    const struct fc_spellings *s, const char *bytes, size_t n_bytes, size_t *n);
/* The longest token that these bytes begin with, the lowest id of several; FC_UNMAPPED: none. */
uint32_t fc_spellings_longest(const struct fc_spellings *s, const char *bytes, size_t n);

/* The bytes that follow these in tokens that begin with them, as a set of 256 bits. */
struct fc_byteset {
	uint64_t bits[4];
};
struct fc_byteset fc_spellings_after(const struct fc_spellings *s, const char *bytes, size_t n);

static inline bool fc_byteset_has(const struct fc_byteset *s, char byte)
{
	unsigned char c = (unsigned char)byte;
	return s->bits[c >> 6] >> (c & 63) & 1;
}
static inline bool fc_byteset_empty(const struct fc_byteset *s)
{
	return !(s->bits[0] | s->bits[1] | s->bits[2] | s->bits[3]);
}

#endif
