/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/marked.h"

#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "tensor/simd.h"

/* Eight marks as the bits of one byte, the first the lowest: the highest byte of a product whose
 * factor moves mark i by 56 - 7 i bits. */
static inline uint64_t pack_eight(const uint8_t *mark)
{
	uint64_t eight;
	memcpy(&eight, mark, 8);
	return eight * UINT64_C(0x0102040810204080) >> 56;
}

/* 64 marks as bits, the first the lowest. */
static inline uint64_t pack_marks(const uint8_t *mark)
{
	uint64_t bits = 0;
#if defined(__SSE2__)
	for (size_t i = 0; i < 64; i += 16) {
		__m128i ones = _mm_loadu_si128((const __m128i *)(mark + i));
		/* the highest bit of each byte, to which the lowest is moved */
		bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_slli_epi64(ones, 7)) << i;
	}
#else
	for (size_t i = 0; i < 64; i += 8)
		bits |= pack_eight(mark + i) << i;
#endif
	return bits;
}

/* 64 bits that lie in 8 bytes, the first the lowest. */
static inline uint64_t load_bits(const uint8_t *bits)
{
	uint64_t all;
	memcpy(&all, bits, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	all = __builtin_bswap64(all);
#endif
	return all;
}

/* where[]: the places of 64 bits, "at" and on; returns how many.  They are written MARKED_AT_ONCE
 * at a time, more than there are: which of 64 entries are marked, few as a rule, is nothing that a
 * processor could foresee. */
static FC_SIMD_BODY size_t list_word(uint64_t bits, size_t at, uint16_t *where)
{
	const uint64_t last = (uint64_t)1 << 63;
	size_t left = (size_t)__builtin_popcountll(bits), m = 0, some;
	do {
		for (size_t j = 0; j < MARKED_AT_ONCE; j++) {
			where[m + j] = (uint16_t)(at + (size_t)__builtin_ctzll(bits | last));
			bits &= bits - 1;
		}
		some = left < MARKED_AT_ONCE ? left : MARKED_AT_ONCE;
		m += some;
		left -= some;
	} while (left);
	return m;
}

static FC_SIMD_BODY void list_bits_body(
    const uint8_t *restrict bits, size_t n, uint16_t *restrict where, size_t *restrict n_where)
{
	size_t m = 0;
	for (size_t at = 0; at < n; at += 64)
		m += list_word(load_bits(bits + at / 8), at, where + m);
	*n_where = m;
}
FC_SIMD_KERNEL(static void, list_bits,
    (const uint8_t *bits, size_t n, uint16_t *where, size_t *n_where), (bits, n, where, n_where))

size_t varm_marked_list_bits(const uint8_t *bits, size_t n, uint16_t *where)
{
	size_t m;
	list_bits(bits, n, where, &m);
	return m;
}

void varm_marked_pack(const uint8_t *mark, size_t n, uint8_t *bits)
{
	size_t at = 0;
	for (; at + 64 <= n; at += 64) {
		const uint64_t all = pack_marks(mark + at);
		for (size_t i = 0; i < 8; i++)
			bits[at / 8 + i] = (uint8_t)(all >> 8 * i);
	}
	for (; at < n; at += 8)
		bits[at / 8] = (uint8_t)pack_eight(mark + at);
}

size_t varm_marked_list(const uint8_t *mark, size_t n, uint16_t *where)
{
	uint8_t bits[MARKED_MOST / 8];
	varm_marked_pack(mark, (n + 63) / 64 * 64, bits);
	return varm_marked_list_bits(bits, n, where);
}

void varm_marked_append(uint8_t *bits, size_t at, const uint8_t *more, size_t n)
{
	const unsigned shift = at % 8;
	bits += at / 8;
	if (!shift) {
		memcpy(bits, more, (n + 7) / 8);
		return;
	}
	bits[0] &= (uint8_t)((1u << shift) - 1);
	for (size_t i = 0; 8 * i < n; i++) {
		bits[i] |= (uint8_t)(more[i] << shift);
		if (8 * i + 8 - shift < n)
			bits[i + 1] = (uint8_t)(more[i] >> (8 - shift));
	}
}
