/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/random_by_index.h"

#include <string.h>

#include "base/hash.h"
#include "tensor/simd.h"

#define FOUR RANDOM_BY_INDEX_FOUR
/* Entries at a time. */
#define PART ((size_t)512)

uint64_t varm_random_by_index_key(uint64_t seed, const char *tensor, int target)
{
	return fc_hash(tensor, strlen(tensor), fc_hash(&seed, sizeof seed, (uint64_t)target));
}

/* Four entries of each state, the lowest bits those of the first. */
static FC_SIMD_BODY void fill_fours_body(
    uint16_t *restrict out, uint64_t key, uint64_t state, size_t n)
{
	uint64_t next = key + state * RANDOM_BY_INDEX_STEP;
	for (size_t i = 0; i < n; i++, next += RANDOM_BY_INDEX_STEP) {
		uint64_t four = random_by_index_mix(next);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		four =
		    four << 48 | (four & 0xffff0000) << 16 | (four >> 16 & 0xffff0000) | four >> 48;
#endif
		memcpy(out + FOUR * i, &four, sizeof four);
	}
}
FC_SIMD_KERNEL(static void, fill_fours, (uint16_t * out, uint64_t key, uint64_t state, size_t n),
    (out, key, state, n))

const uint16_t *varm_random_by_index_upper(uint16_t *room, uint64_t key, uint64_t first, size_t n)
{
	const size_t skipped = first % FOUR;
	fill_fours(room, key, first / FOUR, (skipped + n + FOUR - 1) / FOUR);
	return room + skipped;
}

static FC_SIMD_BODY void fill_lower_body(
    double *restrict out, const uint16_t *restrict upper, uint64_t key, uint64_t first, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = random_by_index_whole(key, first + i, upper[i]);
}
FC_SIMD_KERNEL(static void, fill_lower,
    (double *out, const uint16_t *upper, uint64_t key, uint64_t first, size_t n),
    (out, upper, key, first, n))

void varm_random_by_index_fill(double *out, uint64_t key, uint64_t first, size_t n)
{
	uint16_t room[PART + RANDOM_BY_INDEX_ROOM];
	for (size_t at = 0; at < n; at += PART) {
		size_t m = n - at < PART ? n - at : PART;
		fill_lower(out + at, varm_random_by_index_upper(room, key, first + at, m), key,
		    first + at, m);
	}
}

/* *equal: not 0 where some upper bits are those that the numbers are compared with. */
static FC_SIMD_BODY void compare_body(uint8_t *restrict below, const uint16_t *restrict upper,
    uint16_t with, size_t n, uint8_t *restrict equal)
{
	uint8_t any = 0;
	for (size_t i = 0; i < n; i++) {
		below[i] = upper[i] < with;
		any |= upper[i] == with;
	}
	*equal = any;
}
FC_SIMD_KERNEL(static void, compare,
    (uint8_t * below, const uint16_t *upper, uint16_t with, size_t n, uint8_t *equal),
    (below, upper, with, n, equal))

void varm_random_by_index_below(uint8_t *below, uint64_t key, uint64_t first, size_t n, double p)
{
	uint16_t room[PART + RANDOM_BY_INDEX_ROOM],
	    with = (uint16_t)(p > 0 && p < 1 ? p * 0x1p16 : 0);
	uint8_t equal;
	if (!(p > 0) || p >= 1) {
		memset(below, p >= 1, n);
		return;
	}
	for (size_t at = 0; at < n; at += PART) {
		size_t m = n - at < PART ? n - at : PART;
		const uint16_t *upper = varm_random_by_index_upper(room, key, first + at, m);
		compare(below + at, upper, with, m, &equal);
		for (size_t i = 0; equal && i < m; i++)
			if (upper[i] == with)
				below[at + i] =
				    random_by_index_whole(key, first + at + i, with) < p;
	}
}
