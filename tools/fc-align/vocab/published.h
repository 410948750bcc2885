/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_PUBLISHED_H
#define FC_ALIGN_PUBLISHED_H

#include "fc-align/vocab/spelled.h"

/* The published programs whose alignment and transfer there is to reproduce. */
enum align_published { ALIGN_FUSELLM, ALIGN_FUSECHAT1, ALIGN_FUSECHAT2 };

/*
 * One tokenizer's tokens as they compare them.  FuseLLM and FuseChat 1 look at the vocabulary's
 * spellings; FuseChat 2 at what decoding the token alone gives: SentencePiece loses a space at the
 * beginning, bytes that are no UTF-8 become U+FFFD.
 */
struct align_wording {
	struct align_spelled whole; /* with marks, a source's rewritten to the pivot's */
	struct align_spelled bare;  /* without marks */
	struct align_spelled piece; /* the vocabulary's spelling, its marks rewritten likewise */
	bool byte_level;            /* its own mark is that of byte-level vocabularies */
	struct align_chars mark;    /* the pivot's */
	uint32_t mark_char[1];
};
/* decoded: [vocab->n] what decoding each token alone gives, of FuseChat 2; NULL: computed.  mark:
 * the vocabulary's own; pivot_mark: what replaces it. */
void align_wording_init(struct align_wording *w, enum align_published version,
    const struct align_vocab *vocab, const char *const *decoded, const char *mark,
    const char *pivot_mark);
void align_wording_release(struct align_wording *w);

/* What token s of the source and each of n tokens of the pivot cost each other in the alignment;
 * cost: [n]. */
void align_published_costs(enum align_published version, const struct align_wording *source,
    uint32_t s, const struct align_wording *pivot, const uint32_t *p, size_t n,
    struct align_leven *scratch, double *cost);

/*
 * FuseChat's choice by statistics: of the pivot's tokens that a source token was seen with, the one
 * of the least cost times 1 / (1 + exp(-count)), the lowest id of equals.  pair: [n] those of the
 * source token.  ALIGN_UNMAPPED: it was seen with none.
 */
uint32_t align_published_choice(const struct align_wording *source, uint32_t s,
    const struct align_wording *pivot, const struct fc_map_entry *pair, size_t n,
    struct align_leven *scratch);

#endif
