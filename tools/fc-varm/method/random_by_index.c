/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/random_by_index.h"

#include <string.h>

#include "base/hash.h"
#include "tensor/simd.h"

uint64_t varm_random_by_index_key(uint64_t seed, const char *tensor, int target)
{
	return fc_hash(tensor, strlen(tensor), fc_hash(&seed, sizeof seed, (uint64_t)target));
}

static FC_SIMD_BODY void varm_random_by_index_fill_body(
    double *restrict out, uint64_t key, uint64_t first, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = random_by_index(key, first + i);
}
FC_SIMD_KERNEL(void, varm_random_by_index_fill,
    (double *out, uint64_t key, uint64_t first, size_t n), (out, key, first, n))

static FC_SIMD_BODY void varm_random_by_index_fill_upper_body(
    uint32_t *restrict out, uint64_t key, uint64_t first, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t z;
		RANDOM_BY_INDEX_MIX(z, key + (first + i) * RANDOM_BY_INDEX_STEP);
		out[i] = (uint32_t)(z >> 32);
	}
}
FC_SIMD_KERNEL(void, varm_random_by_index_fill_upper,
    (uint32_t * out, uint64_t key, uint64_t first, size_t n), (out, key, first, n))

/* *equal: not 0 where some upper bits are those that the numbers are compared with. */
static FC_SIMD_BODY void compare_body(uint8_t *restrict below, const uint32_t *restrict upper,
    uint32_t with, size_t n, uint32_t *restrict equal)
{
	uint32_t any = 0;
	for (size_t i = 0; i < n; i++) {
		below[i] = upper[i] < with;
		any |= upper[i] == with;
	}
	*equal = any;
}
FC_SIMD_KERNEL(static void, compare,
    (uint8_t * below, const uint32_t *upper, uint32_t with, size_t n, uint32_t *equal),
    (below, upper, with, n, equal))

void varm_random_by_index_below(uint8_t *below, uint64_t key, uint64_t first, size_t n, double p)
{
	enum { PART = 512 };
	uint32_t upper[PART], equal;
	if (!(p > 0) || p >= 1) {
		memset(below, p >= 1, n);
		return;
	}
	for (size_t at = 0; at < n; at += PART) {
		size_t m = n - at < PART ? n - at : PART;
		varm_random_by_index_fill_upper(upper, key, first + at, m);
		compare(below + at, upper, (uint32_t)(p * 0x1p32), m, &equal);
		for (size_t i = at; equal && i < at + m; i++)
			below[i] = random_by_index(key, first + i) < p;
	}
}
