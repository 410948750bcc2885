/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/rank_sure.h"

#include <string.h>

#include "fc-varm/method/eight.h"
#include "tensor/simd.h"

/* The upper 16 bits of a probability, as of a number that is drawn. */
static inline uint32_t upper_bits(double p)
{
	p *= 0x1p16;
	p = p > 0 ? p : 0;
	p = p < 0xffff ? p : 0xffff;
	return (uint32_t)(int32_t)p;
}

/* *most: members of the largest bin, but for those of zeros.  In float, which is off by less than
 * a 40th of the last of 16 bits: less is taken. */
static FC_SIMD_BODY void find_least_body(const struct rank_edges *restrict e, float low, float step,
    uint32_t *restrict least, uint32_t *restrict most)
{
	uint32_t largest = 0;
	for (uint32_t b = 0; b < RANK_BINS; b += RANK_GROUPS) {
		for (uint32_t g = 0; g < RANK_GROUPS; g++) {
			uint32_t first = e->before[g] + e->in_group[b + g];
			uint32_t members = e->in_group[b + RANK_GROUPS + g] - e->in_group[b + g];
			members = g ? members : 1;
			float p = low + step * (float)(int32_t)first;
			largest = members > largest ? members : largest;
			p = p > 0 ? p : 0;
			p = p < 0xffff ? p : 0xffff;
			least[b + g] = g ? (uint32_t)(int32_t)p : 0x10000;
		}
	}
	*most = largest;
}
FC_SIMD_KERNEL(static void, find_least,
    (const struct rank_edges *e, float low, float step, uint32_t *least, uint32_t *most),
    (e, low, step, least, most))

static FC_SIMD_BODY void find_edges_body(
    const uint32_t *restrict before, double low, double step, uint16_t *restrict edge)
{
	for (uint32_t g = 0; g <= RANK_GROUPS; g++)
		edge[g] = (uint16_t)upper_bits(low + step * (double)(int32_t)before[g]);
}
FC_SIMD_KERNEL(static void, find_edges,
    (const uint32_t *before, double low, double step, uint16_t *edge), (before, low, step, edge))

void varm_rank_sure_find(struct rank_sure *s, const struct rank_edges *e, double low, double step)
{
	uint32_t most;
	if (fc_isa() >= FC_ISA_AVX512) {
		find_edges(e->before, low, step, s->edge);
		s->edge[0] = UINT16_MAX; /* zeros stay, whatever their numbers are */
		return;
	}
	find_least(e, (float)(low * 0x1p16 - 0x1p-4), (float)(step * 0x1p16), s->least, &most);
	/* between the lowest and the highest rank of the largest bin, and some for rounding */
	s->width = upper_bits(step * (double)(most - 1) + 2 * 0x1p-16);
}

static FC_SIMD_BODY void compare_body(const struct rank_sure *restrict s,
    const uint16_t *restrict bin, const uint16_t *restrict number, size_t n, uint8_t *restrict kept,
    uint8_t *restrict close)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t least = s->least[bin[i]];
		kept[i] = number[i] < least;
		close[i] = number[i] - least <= s->width;
	}
}
FC_SIMD_KERNEL(static void, compare,
    (const struct rank_sure *s, const uint16_t *bin, const uint16_t *number, size_t n,
	uint8_t *kept, uint8_t *close),
    (s, bin, number, n, kept, close))

static void draw(const struct rank_sure *s, const uint16_t *bin, const uint16_t *number, size_t n,
    uint8_t *kept, uint8_t *close)
{
	uint8_t mark[2][MARKED_MOST + MARKED_ROOM];
	compare(s, bin, number, n, mark[0], mark[1]);
	memset(mark[0] + n, 0, MARKED_ROOM);
	memset(mark[1] + n, 0, MARKED_ROOM);
	varm_marked_pack(mark[0], (n + 63) / 64 * 64, kept);
	varm_marked_pack(mark[1], (n + 63) / 64 * 64, close);
}

#if defined(__x86_64__)
/* The lower bits of a bin, which are its group, say where to look. */
#define DRAW_32(I, HERE)                                                                           \
	do {                                                                                       \
		__m512i bins = _mm512_maskz_loadu_epi16(HERE, bin + (I));                          \
		__m512i some = _mm512_maskz_loadu_epi16(HERE, number + (I));                       \
		__m512i least = _mm512_permutex2var_epi16(least_low, bins, least_high);            \
		__m512i most = _mm512_permutex2var_epi16(most_low, bins, most_high);               \
		const uint32_t stays = _mm512_mask_cmplt_epu16_mask(HERE, some, least);            \
		const uint32_t goes = _mm512_cmpgt_epu16_mask(some, most);                         \
		const uint32_t open = ~(stays | goes) & (HERE);                                    \
		memcpy(kept + (I) / 8, &stays, sizeof stays);                                      \
		memcpy(close + (I) / 8, &open, sizeof open);                                       \
	} while (0)
FC_SIMD_AVX512 static void draw_avx512(const struct rank_sure *s, const uint16_t *bin,
    const uint16_t *number, size_t n, uint8_t *kept, uint8_t *close)
{
	const __m512i least_low = _mm512_loadu_si512(s->edge);
	const __m512i least_high = _mm512_loadu_si512(s->edge + 32);
	const __m512i most_low = _mm512_loadu_si512(s->edge + 1);
	const __m512i most_high = _mm512_loadu_si512(s->edge + 33);
	EACH_32(DRAW_32, n);
	if (n % 64 > 0 && n % 64 <= 32) {
		memset(kept + n / 64 * 8 + 4, 0, 4);
		memset(close + n / 64 * 8 + 4, 0, 4);
	}
}
_Static_assert(RANK_GROUPS == 64, "entries of two vectors of 16-bit numbers");
#endif

void varm_rank_sure_draw(const struct rank_sure *s, const uint16_t *bin, const uint16_t *number,
    size_t n, uint8_t kept[MARKED_MOST / 8], uint8_t close[MARKED_MOST / 8])
{
#if defined(__x86_64__)
	if (fc_isa() >= FC_ISA_AVX512) {
		draw_avx512(s, bin, number, n, kept, close);
		return;
	}
#endif
	draw(s, bin, number, n, kept, close);
}
