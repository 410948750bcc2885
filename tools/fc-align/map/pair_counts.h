/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_PAIR_COUNTS_H
#define FC_ALIGN_PAIR_COUNTS_H

#include "stream/reader.h"

/* How often each (source, pivot) pair of tokens was seen.  Memory grows with the number of
 * different pairs, about 40 bytes each. */
struct align_pairs;
struct align_pairs *align_pairs_new(void);
void align_pairs_free(struct align_pairs *p);

void align_pairs_add(struct align_pairs *p, uint32_t source, uint32_t pivot, uint64_t count);
size_t align_pairs_count(const struct align_pairs *p);

/* All pairs by source, then pivot.  Borrowed: valid until the next call on p. */
const struct fc_map_entry *align_pairs_sorted(struct align_pairs *p);

#endif
