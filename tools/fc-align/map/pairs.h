/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_PAIRS_H
#define FC_ALIGN_PAIRS_H

#include "stream/reader.h"

/* How often each (source, pivot) pair of tokens was seen.  Memory grows with the number of
 * different pairs, about 40 bytes each. */
struct fc_pairs;
struct fc_pairs *fc_pairs_new(void);
void fc_pairs_free(struct fc_pairs *p);

void fc_pairs_add(struct fc_pairs *p, uint32_t source, uint32_t pivot, uint64_t count);
size_t fc_pairs_count(const struct fc_pairs *p);

/* All pairs by source, then pivot.  Borrowed: valid until the next call on p. */
const struct fc_map_entry *fc_pairs_sorted(struct fc_pairs *p);

#endif
