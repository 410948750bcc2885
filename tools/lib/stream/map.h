/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STREAM_MAP_H
#define FC_STREAM_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A vocabulary map leads from the tokens of a source to those of the pivot. */

/* Why a source token goes where it goes; values are those on the wire. */
enum fc_map_rule {
	FC_MAP_NONE,      /* nowhere: special without a counterpart, or without bytes */
	FC_MAP_ROLE,      /* special tokens by what they are for, else by spelling */
	FC_MAP_BYTES,     /* the pivot's token of the same bytes */
	FC_MAP_COUNT,     /* the pivot's token it was most often seen with */
	FC_MAP_FIRST,     /* the pivot's first token of its bytes */
	FC_MAP_NEAR,      /* the pivot's token of the least edit distance */
	FC_MAP_PUBLISHED, /* the pivot's token by FuseChat's weighting of counts and distances */
	FC_N_MAP_RULE
};
const char *fc_map_rule_name(enum fc_map_rule r);

/* A source token with a pivot token: seen together count times, or the choice, or both. */
struct fc_map_entry {
	uint32_t source, pivot;
	uint64_t count;
	uint8_t rule; /* enum fc_map_rule, by which the pair is or might have been chosen */
	bool chosen;  /* the source token goes there; to one at most in a map made at once */
};

/* What one record of a map holds. */
struct fc_map_part {
	const struct fc_map_entry *entry;
	size_t n;
};

#endif
