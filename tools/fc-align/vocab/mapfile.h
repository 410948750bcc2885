/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_MAPFILE_H
#define FC_ALIGN_MAPFILE_H

#include "stream/header.h"
#include "stream/map.h"

/* A vocabulary map.  {0} is empty. */
struct align_mapping {
	uint32_t *to; /* [n] pivot id of a source id, or ALIGN_UNMAPPED */
	size_t n;
	struct fc_map_entry *entry; /* [n_entry] by source, then pivot; none twice */
	size_t n_entry;
	size_t by[FC_N_MAP_RULE]; /* source tokens by the rule that chose for them */
};
void align_mapping_release(struct align_mapping *m);

/* How often the two were seen together. */
uint64_t align_mapping_count(const struct align_mapping *m, uint32_t source, uint32_t pivot);

/*
 * Reads a map stream.  Counts of parts that were put together (cat) are added up and decided again:
 * of a source token, the lowest rule that a part chose by, and among entries of this rule the
 * highest count, then the part's own choice if none was counted, then the lowest id.  decide: false
 * leaves that out, and m->to without meaning.  h: initialised; gets the map's.
 */
int align_mapfile_read(
    const char *path, bool decide, struct align_mapping *m, struct fc_header *h, struct fc_err *e);

/* Refuses a map between other tokenizers than these.  n_pivot: its ids are below it. */
int align_mapfile_check(const char *path, const struct fc_header *h, uint64_t source_tokenizer,
    uint64_t pivot_tokenizer, size_t n_pivot, struct fc_err *e);

/* The map between a tokenizer and itself: every id to itself. */
void align_mapping_identity(struct align_mapping *m, size_t n_vocab);

#endif
