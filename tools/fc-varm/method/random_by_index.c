/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/random_by_index.h"

#include <string.h>

#include "base/hash.h"
#include "tensor/simd.h"

uint64_t varm_random_by_index_key(uint64_t seed, const char *tensor, int target)
{
	return fc_hash(tensor, strlen(tensor), fc_hash(&seed, sizeof seed, (uint64_t)target));
}

#define STEP UINT64_C(0x9e3779b97f4a7c15)

/* z: what splitmix64 (Steele, Lea, Flood 2014) makes of its state, after which STEP is added. */
#define MIX(Z, STATE)                                                                              \
	do {                                                                                       \
		Z = (STATE);                                                                       \
		Z = (Z ^ Z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);                                  \
		Z = (Z ^ Z >> 27) * UINT64_C(0x94d049bb133111eb);                                  \
		Z ^= Z >> 31;                                                                      \
	} while (0)

static FC_SIMD_BODY void varm_random_by_index_fill_body(
    double *restrict out, uint64_t key, uint64_t first, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t z, bits;
		double x;
		MIX(z, key + (first + i) * STEP);
		bits = z >> 12 | UINT64_C(0x3ff0000000000000); /* of a double in [1, 2) */
		memcpy(&x, &bits, 8);
		out[i] = x - 1;
	}
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
	state = key + (first + state) * STEP;
	for (size_t i = 0; i < n; i += 8) {
		MIX(z, state);
		eight_numbers upper = __builtin_convertvector(z >> 32, eight_numbers);
		memcpy(out + i, &upper, (n - i < 8 ? n - i : 8) * sizeof *out);
		state += 8 * STEP;
	}
}
FC_SIMD_KERNEL(void, varm_random_by_index_fill_upper,
    (uint32_t * out, uint64_t key, uint64_t first, size_t n), (out, key, first, n))
