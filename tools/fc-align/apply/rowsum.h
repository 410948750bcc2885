/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_ROWSUM_H
#define FC_ALIGN_ROWSUM_H

#include <stddef.h>
#include <stdint.h>

/* Adds up probabilities by id, one row after the other; no allocation per row. */
struct fc_rowsum;
struct fc_rowsum *fc_rowsum_new(size_t n_vocab); /* ids are below it */
void fc_rowsum_free(struct fc_rowsum *r);

void fc_rowsum_begin(struct fc_rowsum *r); /* an empty row */
void fc_rowsum_add(struct fc_rowsum *r, uint32_t id, double p);
double fc_rowsum_get(const struct fc_rowsum *r, uint32_t id); /* 0 where nothing was added */

/*
 * The row, every probability divided by `whole`, sorted as in struct fc_example and cut after
 * top_k entries.  Entries of probability 0 are left out.  Borrowed until the next call on r.
 * Returns the number of entries.
 */
size_t fc_rowsum_finish(
    struct fc_rowsum *r, double whole, size_t top_k, const uint32_t **id, const float **logprob);

#endif
