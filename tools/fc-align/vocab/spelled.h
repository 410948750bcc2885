/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_SPELLED_H
#define FC_ALIGN_SPELLED_H

#include "fc-align/vocab/levenshtein.h"
#include "fc-align/vocab/vocabmap.h"

/* A vocabulary's tokens as characters, for edit distances. */
struct align_spelled {
	struct align_chars *v; /* [n] by id; no characters where there is no such token */
	size_t n;
	uint32_t *chars; /* the memory of all strings in v */
};
void align_spelled_release(struct align_spelled *s);

/* What tokens stand for in a text; special tokens have no characters. */
void align_spelled_text(struct align_spelled *s, const struct align_vocab *vocab);

/* How the vocabulary spells tokens, special ones too, with each mark in it replaced by `to`. */
void align_spelled_raw(
    struct align_spelled *s, const struct align_vocab *vocab, const char *mark, const char *to);

/* What the vocabulary writes for a space before a word: "\u2581", as SentencePiece, or "\u0120", as
 * byte-level BPE; by which more of its tokens begin with. */
const char *align_spelled_mark(const struct align_vocab *vocab);

/* near[id]: the nearest of `to`, ALIGN_UNMAPPED for tokens without characters and where it is more
 * than `most` away.  near: [from->n]. */
void align_spelled_nearest(const struct align_spelled *from, const struct align_spelled *to,
    uint32_t most, uint32_t *near);

#endif
