/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_WRITE_ITEM_H
#define FC_VARM_WRITE_ITEM_H

#include "fc-varm/merge/plan.h"
#include "store/store.h"

/* Writes item i of the plan, given what its method found out: a source's own bytes where they are
 * the result, else merged values.  A value that is not finite or does not fit the type ends it. */
int varm_write_item(const struct plan *p, size_t i, const struct measured *r,
    struct fc_store_writer *w, uint64_t *checksum, struct fc_err *e);

/* The checksum of the item's bytes in the file: the sum of the units' hashes, each seeded with its
 * place, so that they may be added in any order. */
int varm_write_item_checksum(const struct plan *p, size_t i, struct fc_store_writer *w,
    uint64_t *checksum, struct fc_err *e);

/* Why an item has no finite result: names a source's value that is not finite, or says otherwise.
 * Returns -1. */
int varm_write_item_explain(
    const struct plan *p, const struct plan_item *it, const char *otherwise, struct fc_err *e);

#endif
