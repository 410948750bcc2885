/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_VOCABMAP_H
#define FC_ALIGN_VOCABMAP_H

#include "stream/map.h"

#define ALIGN_UNMAPPED UINT32_MAX

/* A vocabulary as choosing a map needs it.  Strings are borrowed from its owner. */
struct align_word {
	const char *bytes; /* what the token stands for in a text; n is 0 for special tokens */
	size_t n;
	const char *piece; /* its spelling, NULL where the id has no token */
	bool special;
};
enum align_special {
	ALIGN_SPECIAL_TURN_END,
	ALIGN_SPECIAL_BOS,
	ALIGN_SPECIAL_EOS,
	ALIGN_SPECIAL_UNK,
	ALIGN_SPECIAL_PAD,
	ALIGN_N_SPECIAL
};
struct align_vocab {
	struct align_word *word; /* [n] */
	size_t n;
	uint32_t role[ALIGN_N_SPECIAL]; /* ALIGN_UNMAPPED where there is none */
};

/* Where a special token goes: to the pivot's of the same role, else of the same spelling.
 * ALIGN_UNMAPPED: there is none, or id is not special. */
uint32_t align_vocabmap_special(
    const struct align_vocab *source, const struct align_vocab *pivot, uint32_t id);

/* What a map is chosen by, where neither a role nor the bytes say it. */
struct align_evidence {
	const struct fc_map_entry *pair; /* [n_pair] counts, by source, then pivot */
	size_t n_pair;
	/* [source->n] each, or NULL, with ALIGN_UNMAPPED where they say nothing: */
	const uint32_t *near;  /* the nearest of the pivot's tokens, FC_MAP_NEAR */
	const uint32_t *first; /* the first token the pivot's tokenizer makes of the bytes; it also
				* decides between tokens of the same bytes that were never seen */
	/* For a map that knows spellings only: tokens of the same bytes are not looked for. */
	bool no_bytes;
	/* Instead of all these rules, and of the roles: FC_MAP_PUBLISHED. */
	const uint32_t *published;
};

/*
 * Chooses for every source id by the first rule that applies: role, bytes, near, count, first.
 * Several tokens of the same bytes: the one seen most often, else `first`, else the lowest id.
 * Equal counts: the lowest id.  Appended to out, by source, then pivot: the choices, and the pairs
 * that another choice could have come of.
 */
struct align_map_list { /* {0} is empty */
	struct fc_map_entry *v;
	size_t n, cap;
};
void align_vocabmap_choose(const struct align_vocab *source, const struct align_vocab *pivot,
    const struct align_evidence *evidence, struct align_map_list *out);

#endif
