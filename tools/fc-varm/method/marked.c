/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/marked.h"

#include <string.h>

#include "tensor/simd.h"

/* Eight marks as the bits of one byte, the first the lowest: the highest byte of a product whose
 * factor moves mark i by 56 - 7 i bits. */
static inline uint64_t pack_eight(const uint8_t *mark)
{
	uint64_t eight;
	memcpy(&eight, mark, 8);
	return eight * UINT64_C(0x0102040810204080) >> 56;
}

static FC_SIMD_BODY void pack_marks_body(
    const uint8_t *restrict mark, size_t n, uint64_t *restrict bits)
{
	for (size_t at = 0; at < n; at += 64) {
		uint64_t b = 0;
		for (size_t i = 0; i < 64; i += 8)
			b |= pack_eight(mark + at + i) << i;
		bits[at / 64] = b;
	}
}
FC_SIMD_KERNEL(
    static void, pack_marks, (const uint8_t *mark, size_t n, uint64_t *bits), (mark, n, bits))

size_t varm_marked_list(const uint8_t *mark, size_t n, uint16_t *where)
{
	uint64_t bits[MARKED_MOST / 64];
	size_t m = 0;
	pack_marks(mark, n, bits);
	for (size_t at = 0; at < n; at += 64)
		for (uint64_t b = bits[at / 64]; b; b &= b - 1)
			where[m++] = (uint16_t)(at + (size_t)__builtin_ctzll(b));
	return m;
}

void varm_marked_pack(const uint8_t *mark, size_t n, uint8_t *bits)
{
	for (size_t at = 0; at < n; at += 8)
		bits[at / 8] = (uint8_t)pack_eight(mark + at);
}
