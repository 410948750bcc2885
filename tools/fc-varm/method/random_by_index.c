/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/random_by_index.h"

#include <math.h>
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
typedef uint8_t eight_marks __attribute__((vector_size(8)));

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

/* Numbers are multiples of 2^-52, and so compared as integers: with "most", 2^52 p rounded up. */
static FC_SIMD_BODY void below_body(
    uint8_t *restrict below, uint64_t key, uint64_t first, size_t n, uint64_t most)
{
	eight_states state = {0, 1, 2, 3, 4, 5, 6, 7}, z;
	state = key + (first + state) * RANDOM_BY_INDEX_STEP;
	for (size_t i = 0; i < n; i += 8) {
		RANDOM_BY_INDEX_MIX(z, state);
		eight_states is_below = (eight_states)(z >> 12 < most) & 1;
		eight_marks marks = __builtin_convertvector(is_below, eight_marks);
		memcpy(below + i, &marks, n - i < 8 ? n - i : 8);
		state += 8 * RANDOM_BY_INDEX_STEP;
	}
}
FC_SIMD_KERNEL(static void, below,
    (uint8_t * below, uint64_t key, uint64_t first, size_t n, uint64_t most),
    (below, key, first, n, most))

void varm_random_by_index_below(uint8_t *mark, uint64_t key, uint64_t first, size_t n, double p)
{
	below(mark, key, first, n, p > 0 ? (uint64_t)ceil(fmin(p, 1) * 0x1p52) : 0);
}
