/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_MAPFILE_H
#define FC_ALIGN_MAPFILE_H

#include "stream/reader.h"

/*
 * A map stream as an array: *map[id] is the pivot id of source token id or FC_UNMAPPED, for ids
 * below *n_map; the caller's to free.  Pivot ids are below n_pivot.  Refuses a map between other
 * tokenizers than these.
 */
int fc_mapfile_read(const char *path, uint64_t source_tokenizer, uint64_t pivot_tokenizer,
    size_t n_pivot, uint32_t **map, size_t *n_map, struct fc_err *e);

/* The map between a tokenizer and itself: every id to itself. */
uint32_t *fc_mapfile_identity(size_t n_vocab);

#endif
