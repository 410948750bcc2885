/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_PAIR_COUNTS_H
#define FC_ALIGN_PAIR_COUNTS_H

#include "stream/map.h"

/* How often each (source, pivot) pair of tokens was seen.  Memory grows with the number of
 * different pairs, about 40 bytes each. */
struct align_pair_counts;
struct align_pair_counts *align_pair_counts_new(void);
void align_pair_counts_free(struct align_pair_counts *p);

void align_pair_counts_add(
    struct align_pair_counts *p, uint32_t source, uint32_t pivot, uint64_t count);
size_t align_pair_counts_n(const struct align_pair_counts *p);

/* All pairs by source, then pivot.  Borrowed: valid until the next call on p. */
const struct fc_map_entry *align_pair_counts_sorted(struct align_pair_counts *p);

#endif
