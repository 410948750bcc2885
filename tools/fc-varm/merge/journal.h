/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_JOURNAL_H
#define FC_VARM_JOURNAL_H

#include "fc-varm/merge/merge.h"

/*
 * Which tensors of an unfinished folder are done: a hidden file in it, a line for each with the
 * checksum of its bytes and what its method found out.  The first line identifies the plan.
 */
struct journal;

/* Begins a journal, or with resume reads the one that is there and goes on with it; then *usable
 * says whether it belongs to this plan. */
int varm_journal_open(struct journal **j, const char *dir, const struct plan *p, bool resume,
    bool *usable, struct fc_err *e);
void varm_journal_close(struct journal *j);

/* Item i was found finished when the journal was read; its checksum, and r as it was then. */
bool varm_journal_find(const struct journal *j, const struct plan *p, size_t i, uint64_t *checksum,
    struct measured *r);

int varm_journal_add(struct journal *j, const struct plan *p, size_t i, uint64_t checksum,
    const struct measured *r, struct fc_err *e);

/* The folder is complete: removes its journal. */
int varm_journal_remove(const char *dir, struct fc_err *e);

#endif
