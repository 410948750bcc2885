/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_SHARD_H
#define FC_BASE_SHARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Part i of n of a sequence of records: every n-th, from the i-th on.  So a part needs no length to
 * be known, parts are alike in size and in what is in them, and taking one record of each in turn
 * makes the whole again.
 */
struct fc_shard {
	uint64_t i, n; /* 1 <= i <= n; n = 0: all records */
};
#define FC_SHARD_HELP "of the records, every Nth from the Ith on"
/* text: "I/N".  NULL gives all records. */
int fc_shard_parse(struct fc_shard *s, const char *text, struct fc_err *e);
/* record counts from 0. */
bool fc_shard_has(const struct fc_shard *s, uint64_t record);

#endif
