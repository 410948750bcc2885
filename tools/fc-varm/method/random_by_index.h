/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_RANDOM_BY_INDEX_H
#define FC_VARM_RANDOM_BY_INDEX_H

#include <stddef.h>
#include <stdint.h>

/*
 * Random numbers by counter: entry i of target k of a tensor gets its number from the seed and
 * these names alone, in whatever order and by whichever thread it is asked for.
 */
uint64_t varm_random_by_index_key(uint64_t seed, const char *tensor, int target);

/* out[i] = the number of entry first + i, uniform in [0, 1) with 52 random bits */
void varm_random_by_index_fill(double *out, uint64_t key, uint64_t first, size_t n);
/* out[i] = 2^32 times that number, rounded down */
void varm_random_by_index_fill_upper(uint32_t *out, uint64_t key, uint64_t first, size_t n);

#endif
