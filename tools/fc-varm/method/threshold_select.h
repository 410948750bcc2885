/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_THRESHOLD_SELECT_H
#define FC_VARM_THRESHOLD_SELECT_H

#include <stddef.h>
#include <stdint.h>

/* An entry that was gathered: its key (threshold.h) and place in the tensor. */
struct threshold_entry {
	uint64_t key, index;
};

/* The entry with k others before it: those with larger keys, and with equal ones those of lower
 * index.  Keys are from low to high.  Moves the entries (Hoare's FIND). */
struct threshold_entry varm_threshold_select(
    struct threshold_entry *v, size_t n, size_t k, uint64_t low, uint64_t high);

#endif
