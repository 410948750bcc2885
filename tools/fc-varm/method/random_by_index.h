/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_RANDOM_BY_INDEX_H
#define FC_VARM_RANDOM_BY_INDEX_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Random numbers by counter: entry i of target k of a tensor gets its number from the seed and
 * these names alone, in whatever order and by whichever thread it is asked for.
 */
uint64_t varm_random_by_index_key(uint64_t seed, const char *tensor, int target);

#define RANDOM_BY_INDEX_STEP UINT64_C(0x9e3779b97f4a7c15)

/* z: what splitmix64 (Steele, Lea, Flood 2014) makes of its state, after which RANDOM_BY_INDEX_STEP
 * is added. */
#define RANDOM_BY_INDEX_MIX(Z, STATE)                                                              \
	do {                                                                                       \
		RANDOM_BY_INDEX_MIX_UPPER(Z, STATE);                                               \
		Z ^= Z >> 31;                                                                      \
	} while (0)
/* As far as its upper 31 bits go. */
#define RANDOM_BY_INDEX_MIX_UPPER(Z, STATE)                                                        \
	do {                                                                                       \
		Z = (STATE);                                                                       \
		Z = (Z ^ Z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);                                  \
		Z = (Z ^ Z >> 27) * UINT64_C(0x94d049bb133111eb);                                  \
	} while (0)

/* The number of entry i, uniform in [0, 1) with 52 random bits. */
static inline double random_by_index(uint64_t key, uint64_t i)
{
	uint64_t z, bits;
	double x;
	RANDOM_BY_INDEX_MIX(z, key + i * RANDOM_BY_INDEX_STEP);
	bits = z >> 12 | UINT64_C(0x3ff0000000000000); /* of a double in [1, 2) */
	memcpy(&x, &bits, 8);
	return x - 1;
}

/* out[i] = the number of entry first + i */
void varm_random_by_index_fill(double *out, uint64_t key, uint64_t first, size_t n);
/* below[i]: whether the number of entry first + i is below p */
void varm_random_by_index_below(uint8_t *below, uint64_t key, uint64_t first, size_t n, double p);
/* out[i] = 2^32 times that number, rounded down */
void varm_random_by_index_fill_upper(uint32_t *out, uint64_t key, uint64_t first, size_t n);

#endif
