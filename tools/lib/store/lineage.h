/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STORE_LINEAGE_H
#define FC_STORE_LINEAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * From which models a model was trained, one after the other, so that it can be told how old the
 * answers of an earlier one are: lineage.json in the model's folder,
 *     {"model": its own fingerprint, "round": 2, "before": [that of round 1, that of round 0]}.
 * fc-train writes it where a training read answers that say whose they are, and from then on; no
 * other tool takes it along, since what they make is another model.
 */
#define FC_LINEAGE_FILE "lineage.json"
#define FC_LINEAGE_MAX 64 /* models before that are kept */
struct fc_lineage {
	uint64_t model;
	uint32_t round; /* trainings */
	uint64_t before[FC_LINEAGE_MAX];
	size_t n_before; /* newest first */
};

/* Of the model in the folder dir, whose weights have this fingerprint.  Without the file it is of
 * round 0, and nothing is before it.  A file that tells of other weights is an error. */
int fc_lineage_read(struct fc_lineage *l, const char *dir, uint64_t fingerprint, struct fc_err *e);
/* Writes into the folder dir, which holds weights with this fingerprint, that they were trained
 * from l's. */
int fc_lineage_write_next(
    const struct fc_lineage *l, const char *dir, uint64_t fingerprint, struct fc_err *e);
/* How many trainings lie between a model and l's; -1: it is not known to be before it. */
int fc_lineage_age(const struct fc_lineage *l, uint64_t model);

#endif
