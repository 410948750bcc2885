/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/random_by_index.h"

#include <string.h>

#include "base/hash.h"
#include "tensor/simd.h"

uint64_t varm_random_by_index_key(uint64_t seed, const char *tensor, int target)
{
	return fc_hash(tensor, strlen(tensor), fc_hash(&seed, sizeof seed, (uint64_t)target));
}

/* The sequence of splitmix64 (Steele, Lea, Flood 2014), of which any member can be computed. */
static FC_SIMD_BODY void varm_random_by_index_fill_body(
    double *restrict out, uint64_t key, uint64_t first, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t z = key + (first + i) * UINT64_C(0x9e3779b97f4a7c15);
		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		z ^= z >> 31;
		/* the bits of a double in [1, 2) */
		uint64_t bits = z >> 12 | UINT64_C(0x3ff0000000000000);
		double x;
		memcpy(&x, &bits, 8);
		out[i] = x - 1;
	}
}
FC_SIMD_KERNEL(void, varm_random_by_index_fill,
    (double *out, uint64_t key, uint64_t first, size_t n), (out, key, first, n))
