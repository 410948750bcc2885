/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_RANK_SORT_H
#define FC_VARM_RANK_SORT_H

#include <stddef.h>
#include <stdint.h>

/* A magnitude by its bits, which order as the values do, and where it stands in the row. */
struct ranked {
	uint64_t key;
	uint32_t i;
};

/* Sorts by key, the smallest first, equal ones in their order; returns a or spare, both [n]. */
struct ranked *varm_rank_sort(struct ranked *a, struct ranked *spare, size_t n);

#endif
