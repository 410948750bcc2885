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

/* Eight states as one vector, which go on by addition: a product of 64 bits is dear. */
typedef uint64_t eight_states __attribute__((vector_size(64)));
typedef uint32_t eight_numbers __attribute__((vector_size(32)));

static FC_SIMD_BODY void varm_random_by_index_fill_upper_body(
    uint32_t *restrict out, uint64_t key, uint64_t first, size_t n)
{
	eight_states state = {0, 1, 2, 3, 4, 5, 6, 7}, z;
	state = key + (first + state) * RANDOM_BY_INDEX_STEP;
	for (size_t i = 0; i < n; i += 8) {
		RANDOM_BY_INDEX_MIX(z, state);
		eight_numbers upper = __builtin_convertvector(z >> 32, eight_numbers);
		memcpy(out + i, &upper, (n - i < 8 ? n - i : 8) * sizeof *out);
		state += 8 * RANDOM_BY_INDEX_STEP;
	}
}
FC_SIMD_KERNEL(void, varm_random_by_index_fill_upper,
    (uint32_t * out, uint64_t key, uint64_t first, size_t n), (out, key, first, n))
