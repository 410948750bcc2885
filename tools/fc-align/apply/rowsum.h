/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_ROWSUM_H
#define FC_ALIGN_ROWSUM_H

#include <stddef.h>
#include <stdint.h>

/* Adds up probabilities by id, one row after the other; no allocation per row. */
struct align_rowsum;
struct align_rowsum *align_rowsum_new(size_t n_vocab); /* ids are below it */
void align_rowsum_free(struct align_rowsum *r);

void align_rowsum_begin(struct align_rowsum *r); /* an empty row */
void align_rowsum_add(struct align_rowsum *r, uint32_t id, double p);
/* Makes id's probability p, at most 1; where the others are then too much for a sum of 1, they
 * shrink alike. */
void align_rowsum_set(struct align_rowsum *r, uint32_t id, double p);
double align_rowsum_get(const struct align_rowsum *r, uint32_t id); /* 0 where nothing was added */

/*
 * The row, every probability divided by `whole`, sorted as in struct fc_example, truncated after
 * top_k entries.  Entries of probability 0 are left out.  Borrowed until the next call on r.
 * Returns the number of entries.
 */
size_t align_rowsum_finish(
    struct align_rowsum *r, double whole, size_t top_k, const uint32_t **id, const float **logprob);

#endif
