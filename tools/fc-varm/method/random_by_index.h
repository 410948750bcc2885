/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_RANDOM_BY_INDEX_H
#define FC_VARM_RANDOM_BY_INDEX_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Random numbers by counter: entry i of target k of a tensor gets its number from the seed and
 * these names alone, in whatever order and by whichever thread it is asked for.
 *
 * A number is uniform in [0, 1) and has 52 random bits.  The upper 16, which nearly always decide,
 * are a quarter of what splitmix64 (Steele, Lea, Flood 2014) makes of state i / 4, so that four
 * entries cost what one would; the others are from a state of the entry's own.
 */
uint64_t varm_random_by_index_key(uint64_t seed, const char *tensor, int target);

#define RANDOM_BY_INDEX_STEP UINT64_C(0x9e3779b97f4a7c15)
#define RANDOM_BY_INDEX_FOUR ((uint64_t)4)

/* What splitmix64 makes of a state, after which RANDOM_BY_INDEX_STEP is added. */
static inline __attribute__((always_inline)) uint64_t random_by_index_mix(uint64_t state)
{
	uint64_t z = state;
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* From the upper 16 bits of entry i's number to all. */
static inline __attribute__((always_inline)) double random_by_index_whole(
    uint64_t key, uint64_t i, uint16_t upper)
{
	const uint64_t one = UINT64_C(0x3ff0000000000000); /* of a double in [1, 2) */
	uint64_t bits = one | (uint64_t)upper << 36 |
	    random_by_index_mix(~key + i * RANDOM_BY_INDEX_STEP) >> 28;
	double x;
	memcpy(&x, &bits, 8);
	return x - 1;
}

/* The number of entry i. */
static inline double random_by_index(uint64_t key, uint64_t i)
{
	uint64_t four = random_by_index_mix(key + i / RANDOM_BY_INDEX_FOUR * RANDOM_BY_INDEX_STEP);
	return random_by_index_whole(key, i, (uint16_t)(four >> 16 * (i % RANDOM_BY_INDEX_FOUR)));
}

/* out[i] = the number of entry first + i */
void varm_random_by_index_fill(double *out, uint64_t key, uint64_t first, size_t n);
/* below[i]: whether the number of entry first + i is below p */
void varm_random_by_index_below(uint8_t *below, uint64_t key, uint64_t first, size_t n, double p);
/* 2^16 times the numbers of entries first to first + n - 1, rounded down: they begin where it says,
 * in a room for n and RANDOM_BY_INDEX_ROOM more. */
#define RANDOM_BY_INDEX_ROOM ((size_t)8)
const uint16_t *varm_random_by_index_upper(uint16_t *room, uint64_t key, uint64_t first, size_t n);

#endif
