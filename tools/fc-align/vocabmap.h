/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_VOCABMAP_H
#define FC_ALIGN_VOCABMAP_H

#include "stream/reader.h"

#define FC_UNMAPPED UINT32_MAX

/* A vocabulary as choosing a map needs it.  Strings are borrowed from its owner. */
struct fc_word {
	const char *bytes; /* what the token stands for in a text; n is 0 for special tokens */
	size_t n;
	const char *piece; /* its spelling, NULL where the id has no token */
	bool special;
};
enum fc_special {
	FC_SPECIAL_TURN_END,
	FC_SPECIAL_BOS,
	FC_SPECIAL_EOS,
	FC_SPECIAL_UNK,
	FC_SPECIAL_PAD,
	FC_N_SPECIAL
};
struct fc_vocab {
	struct fc_word *word; /* [n] */
	size_t n;
	uint32_t role[FC_N_SPECIAL]; /* FC_UNMAPPED where there is none */
};

/* Why a source token goes where it goes; the first rule that applies decides. */
enum fc_rule {
	FC_RULE_NONE,  /* it does not: special without a counterpart, or without bytes */
	FC_RULE_ROLE,  /* special tokens by what they are for, else by spelling */
	FC_RULE_BYTES, /* the pivot's token of the same bytes */
	FC_RULE_COUNT, /* the pivot's token it was most often seen to start with */
	FC_RULE_FIRST, /* the pivot's first token of its bytes */
	FC_N_RULE,
};

struct fc_choice {
	uint32_t pivot; /* or FC_UNMAPPED */
	enum fc_rule rule;
	uint64_t count; /* times the two were seen together */
};

/* Where a special token goes: to the pivot's of the same role, else of the same spelling.
 * FC_UNMAPPED: there is none, or id is not special. */
uint32_t fc_vocabmap_special(
    const struct fc_vocab *source, const struct fc_vocab *pivot, uint32_t id);

/*
 * Chooses for every source id.  pair: [n_pair] sorted by source, then pivot.  first: [source->n]
 * the first token the pivot's tokenizer makes of the source token's bytes, FC_UNMAPPED where it
 * cannot tell (no valid UTF-8); then the longest token that begins those bytes stands in.  Several
 * tokens of the same bytes: the one seen most often, else `first`, else the lowest id.  Equal
 * counts: the lowest id.  out: [source->n].
 */
void fc_vocabmap_choose(const struct fc_vocab *source, const struct fc_vocab *pivot,
    const struct fc_map_entry *pair, size_t n_pair, const uint32_t *first, struct fc_choice *out);

#endif
