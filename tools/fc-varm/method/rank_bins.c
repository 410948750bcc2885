/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/rank_bins.h"

#include <math.h>
#include <string.h>

#include "tensor/dtype.h"
#include "tensor/half.h"
#include "tensor/simd.h"

#define BIN_SHIFT 17
#define BINS_SHORT ((uint32_t)640)
#define LONG_ROW ((size_t)8192)

uint32_t varm_rank_bins(size_t n)
{
	return n < LONG_ROW ? BINS_SHORT : RANK_BINS;
}

static inline float load_bf16(const char *p, size_t i)
{
	uint16_t x;
	memcpy(&x, p + 2 * i, 2);
	return fc_bf16_to_f32(x);
}

static inline float load_f32(const char *p, size_t i)
{
	float x;
	memcpy(&x, p + 4 * i, 4);
	return x;
}

/* The upper bits of a magnitude, rounded up: 0 for 0 alone. */
static inline uint16_t rough_bits(float x, float base)
{
	const uint32_t most_lower = ((uint32_t)1 << BIN_SHIFT) - 1;
	return (uint16_t)((fc_f32_to_bits(fabsf(x - base)) + most_lower) >> BIN_SHIFT);
}

#define ROUGH_BITS(NAME, LOAD)                                                                     \
	static FC_SIMD_BODY void NAME##_body(const char *restrict x, const char *restrict base,    \
	    size_t n, uint16_t *restrict rough, uint16_t *restrict most)                           \
	{                                                                                          \
		uint16_t largest = 0;                                                              \
		for (size_t i = 0; i < n; i++) {                                                   \
			rough[i] = rough_bits(LOAD(x, i), LOAD(base, i));                          \
			largest = rough[i] > largest ? rough[i] : largest;                         \
		}                                                                                  \
		*most = largest;                                                                   \
	}                                                                                          \
	FC_SIMD_KERNEL(static void, NAME,                                                          \
	    (const char *x, const char *base, size_t n, uint16_t *rough, uint16_t *most),          \
	    (x, base, n, rough, most))
ROUGH_BITS(find_rough_bf16, load_bf16)
ROUGH_BITS(find_rough_f32, load_f32)

/* From upper bits to bins, the largest at the last one. */
static FC_SIMD_BODY void place_bins_body(uint16_t *bin, uint16_t offset, size_t n)
{
	const uint16_t least = (uint16_t)(offset + RANK_ZERO_BINS);
	for (size_t i = 0; i < n; i++) {
		uint16_t rough = bin[i], some = rough > least ? rough : least;
		uint16_t zero = (uint16_t)(i % RANK_ZERO_BINS);
		bin[i] = rough ? (uint16_t)(some - offset) : zero;
	}
}
FC_SIMD_KERNEL(
    static void, place_bins, (uint16_t * bin, uint16_t offset, size_t n), (bin, offset, n))

static void place(uint16_t *bin, uint16_t most, size_t n, uint32_t n_bin)
{
	place_bins(bin, (uint16_t)(most > n_bin - 1 ? most - (n_bin - 1) : 0), n);
}

void varm_rank_bins_bf16(const char *x, const char *base, size_t n, uint32_t n_bin, uint16_t *bin)
{
	uint16_t most;
	find_rough_bf16(x, base, n, bin, &most);
	place(bin, most, n, n_bin);
}

void varm_rank_bins_f32(const char *x, const char *base, size_t n, uint32_t n_bin, uint16_t *bin)
{
	uint16_t most;
	find_rough_f32(x, base, n, bin, &most);
	place(bin, most, n, n_bin);
}

/* Two counts each, so that neighbours in one bin do not wait for each other. */
void varm_rank_bins_count(const uint16_t *bin, size_t n, uint32_t n_bin, uint32_t *from)
{
	uint32_t count[2][RANK_BINS], sum = 0;
	size_t i = 0;
	memset(count[0], 0, n_bin * sizeof count[0][0]);
	memset(count[1], 0, n_bin * sizeof count[1][0]);
	for (; i + 8 <= n; i += 8) {
		uint64_t four[2];
		memcpy(four, bin + i, sizeof four);
		for (int shift = 0; shift < 64; shift += 16) {
			count[0][four[0] >> shift & 0xffff]++;
			count[1][four[1] >> shift & 0xffff]++;
		}
	}
	for (; i < n; i++)
		count[0][bin[i]]++;
	for (size_t b = 0; b < n_bin; b++)
		count[0][b] += count[1][b];
	for (size_t b = 0; b < n_bin; b += 8) {
		for (size_t j = 0; j < 8; j++) {
			from[b + j] = sum;
			sum += count[0][b + j];
		}
	}
	from[n_bin] = sum;
}
