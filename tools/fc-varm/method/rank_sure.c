/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/rank_sure.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "fc-varm/method/random_by_index.h"
#include "tensor/simd.h"

/* The upper 32 bits of a probability, as of a number that is drawn. */
static inline uint32_t upper_bits(double p)
{
	p *= 0x1p32;
	p = p > 0 ? p : 0;
	p = p < 0xffffffff ? p : 0xffffffff;
	return (uint32_t)(int64_t)p;
}

/* *most: members of the largest bin. */
static FC_SIMD_BODY void find_least_body(const uint32_t *restrict from, uint32_t n_bin, double low,
    double step, uint32_t *restrict least, uint32_t *most)
{
	uint32_t largest = 0;
	for (size_t b = 0; b < n_bin; b++) {
		uint32_t members = b >= RANK_ZERO_BINS ? from[b + 1] - from[b] : 1;
		largest = members > largest ? members : largest;
		least[b] = upper_bits(low + step * (double)(int32_t)from[b]);
	}
	*most = largest;
}
FC_SIMD_KERNEL(static void, find_least,
    (const uint32_t *from, uint32_t n_bin, double low, double step, uint32_t *least,
	uint32_t *most),
    (from, n_bin, low, step, least, most))

static void find_coarse(
    struct rank_sure *s, const uint32_t *from, uint32_t n_bin, double low, double step)
{
	for (uint32_t c = 0; c < n_bin / RANK_COARSE; c++) {
		uint32_t b = c ? c * RANK_COARSE : RANK_ZERO_BINS, next = (c + 1) * RANK_COARSE;
		s->coarse_least[c] = (uint16_t)(upper_bits(low + step * (double)from[b]) >> 16);
		s->coarse_most[c] = (uint16_t)(upper_bits(low + step * (double)from[next]) >> 16);
	}
}

void varm_rank_sure_find(
    struct rank_sure *s, const uint32_t *from, uint32_t n_bin, double low, double step)
{
	uint32_t most;
	if (fc_isa() >= FC_ISA_AVX512) {
		find_coarse(s, from, n_bin, low, step);
		return;
	}
	find_least(from, n_bin, low, step, s->least, &most);
	/* between the lowest and the highest rank of the largest bin, and some for rounding */
	s->width = upper_bits(step * (double)(most - 1) + 4 * 0x1p-32);
}

static FC_SIMD_BODY void compare_body(const struct rank_sure *restrict s,
    const uint16_t *restrict bin, const uint32_t *restrict number, size_t n, uint8_t *restrict kept,
    uint8_t *restrict close)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t least = s->least[bin[i]];
		kept[i] = number[i] < least;
		close[i] = number[i] - least <= s->width;
	}
}
FC_SIMD_KERNEL(static void, compare,
    (const struct rank_sure *s, const uint16_t *bin, const uint32_t *number, size_t n,
	uint8_t *kept, uint8_t *close),
    (s, bin, number, n, kept, close))

static void draw(const struct rank_sure *s, const uint16_t *bin, uint64_t key, uint64_t first,
    size_t n, uint8_t *kept, uint8_t *close)
{
	uint32_t number[MARKED_MOST];
	uint8_t mark[MARKED_MOST + MARKED_ROOM];
	varm_random_by_index_fill_upper(number, key, first, n);
	compare(s, bin, number, n, kept, mark);
	memset(mark + n, 0, MARKED_ROOM);
	varm_marked_pack(mark, (n + 63) / 64 * 64, close);
}

#if defined(__x86_64__)
/* Eight states, which go on, mixed as far as their upper bits go. */
typedef uint64_t eight_states __attribute__((vector_size(64)));
FC_SIMD_AVX512 static inline __m512i next_eight(eight_states *state)
{
	eight_states z;
	RANDOM_BY_INDEX_MIX_UPPER(z, *state);
	*state += 8 * RANDOM_BY_INDEX_STEP;
	return (__m512i)z;
}

/* The upper 16 bits of the numbers of 32 entries. */
FC_SIMD_AVX512 static inline __m512i next_numbers(eight_states *state)
{
	/* the last of the four words of each of eight and eight states, twice */
	const __m512i last = _mm512_broadcast_i64x4(
	    _mm256_setr_epi16(3, 7, 11, 15, 19, 23, 27, 31, 35, 39, 43, 47, 51, 55, 59, 63));
	__m512i a = next_eight(state), b = next_eight(state);
	__m512i low = _mm512_permutex2var_epi16(a, last, b);
	a = next_eight(state);
	b = next_eight(state);
	return _mm512_mask_mov_epi16(low, 0xffff0000, _mm512_permutex2var_epi16(a, last, b));
}

FC_SIMD_AVX512 static void draw_avx512(const struct rank_sure *s, const uint16_t *bin, uint64_t key,
    uint64_t first, size_t n, uint8_t *kept, uint8_t *close)
{
	const __m512i *least = (const void *)s->coarse_least, *most = (const void *)s->coarse_most;
	const __m512i least_low = _mm512_loadu_si512(least);
	const __m512i least_high = _mm512_loadu_si512(least + 1);
	const __m512i most_low = _mm512_loadu_si512(most);
	const __m512i most_high = _mm512_loadu_si512(most + 1);
	eight_states state = {0, 1, 2, 3, 4, 5, 6, 7};
	state = key + (first + state) * RANDOM_BY_INDEX_STEP;
	for (size_t i = 0; i < n; i += 32) {
		__mmask32 here = n - i < 32 ? (1u << (n - i)) - 1 : UINT32_MAX, stays, goes;
		__m512i bins = _mm512_maskz_loadu_epi16(here, bin + i);
		__m512i coarse = _mm512_srli_epi16(bins, RANK_COARSE_BITS);
		__m512i number = next_numbers(&state);
		stays = _mm512_cmplt_epu16_mask(
		    number, _mm512_permutex2var_epi16(least_low, coarse, least_high));
		goes = _mm512_cmpgt_epu16_mask(
		    number, _mm512_permutex2var_epi16(most_low, coarse, most_high));
		goes |= _mm512_cmplt_epu16_mask(bins, _mm512_set1_epi16(RANK_ZERO_BINS));
		const uint32_t open = ~(stays | goes) & here;
		_mm256_storeu_si256((__m256i *)(kept + i), _mm256_maskz_set1_epi8(stays, 1));
		memcpy(close + i / 8, &open, sizeof open);
	}
	if (n % 64 > 0 && n % 64 <= 32)
		memset(close + n / 64 * 8 + 4, 0, 4);
}
#endif

void varm_rank_sure_draw(const struct rank_sure *s, const uint16_t *bin, uint64_t key,
    uint64_t first, size_t n, uint8_t *kept, uint8_t close[MARKED_MOST / 8])
{
#if defined(__x86_64__)
	if (fc_isa() >= FC_ISA_AVX512) {
		draw_avx512(s, bin, key, first, n, kept, close);
		return;
	}
#endif
	draw(s, bin, key, first, n, kept, close);
}
