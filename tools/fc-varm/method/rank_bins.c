/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/rank_bins.h"

#include <math.h>
#include <string.h>

#include "base/ahead.h"
#include "fc-varm/method/eight.h"
#include "tensor/dtype.h"
#include "tensor/half.h"
#include "tensor/simd.h"

/* Of a float's bits, those that make its bin. */
#define BIN_SHIFT 16
#define MANTISSA_BITS 23
/* How far, in powers of two, what is added to magnitudes lies below the largest of a sample. */
#define SAMPLE_OCTAVES ((uint32_t)6)
/* The sample: so many stretches of so many entries. */
#define STRETCHES ((size_t)4)
#define STRETCH ((size_t)32)
/* Entries that are placed between what is asked of memory. */
#define PART ((size_t)512)

static inline uint16_t short_bits(const char *p, size_t i)
{
	uint16_t x;
	memcpy(&x, p + 2 * i, 2);
	return x;
}

static inline float load_bf16(const char *p, size_t i)
{
	return fc_bf16_to_f32(short_bits(p, i));
}

static inline float load_f32(const char *p, size_t i)
{
	float x;
	memcpy(&x, p + 4 * i, 4);
	return x;
}

static inline bool same_bf16(const char *x, const char *base, size_t i)
{
	return short_bits(x, i) == short_bits(base, i);
}

static inline bool same_f32(const char *x, const char *base, size_t i)
{
	return load_f32(x, i) == load_f32(base, i);
}

/* The bits of the largest magnitude, which order as magnitudes do, among stretches that begin
 * "apart" entries from each other, a multiple of a stretch or anything more than it. */
#define LARGEST(NAME, LOAD)                                                                        \
	static FC_SIMD_BODY void NAME##_body(const char *restrict x, const char *restrict base,    \
	    size_t n, size_t apart, uint32_t *restrict most)                                       \
	{                                                                                          \
		uint32_t largest[STRETCH] = {0};                                                   \
		size_t at = 0;                                                                     \
		for (; at + STRETCH <= n; at += apart) {                                           \
			for (size_t j = 0; j < STRETCH; j++) {                                     \
				float change = LOAD(x, at + j) - LOAD(base, at + j);               \
				uint32_t bits = fc_f32_to_bits(fabsf(change));                     \
				largest[j] = bits > largest[j] ? bits : largest[j];                \
			}                                                                          \
		}                                                                                  \
		for (size_t j = 0; at + j < n; j++) {                                              \
			float change = LOAD(x, at + j) - LOAD(base, at + j);                       \
			uint32_t bits = fc_f32_to_bits(fabsf(change));                             \
			largest[j] = bits > largest[j] ? bits : largest[j];                        \
		}                                                                                  \
		*most = 0;                                                                         \
		for (size_t j = 0; j < STRETCH; j++)                                               \
			*most = largest[j] > *most ? largest[j] : *most;                           \
	}                                                                                          \
	FC_SIMD_KERNEL(static void, NAME,                                                          \
	    (const char *x, const char *base, size_t n, size_t apart, uint32_t *most),             \
	    (x, base, n, apart, most))
LARGEST(find_largest_bf16, load_bf16)
LARGEST(find_largest_f32, load_f32)

/* The bits of what is added to the magnitudes of a row: some powers of two below the largest of a
 * sample, or of all where the sample has nothing but zeros. */
static uint32_t find_least(
    void (*find_largest)(const char *x, const char *base, size_t n, size_t apart, uint32_t *most),
    const char *x, const char *base, size_t n)
{
	const size_t apart = n / STRETCHES;
	uint32_t most;
	find_largest(x, base, n, apart > STRETCH ? apart : STRETCH, &most);
	if (!most)
		find_largest(x, base, n, STRETCH, &most);
	most >>= MANTISSA_BITS;
	return (most > SAMPLE_OCTAVES ? most - SAMPLE_OCTAVES : 1) << MANTISSA_BITS;
}

/* What the upper bits of a sum are lessened by, so that the least are those of the first bin that
 * is not of zeros. */
static inline uint16_t offset_of(uint32_t least)
{
	return (uint16_t)((least >> BIN_SHIFT) - RANK_FINE);
}

#define PLACE_ONE(BIN, LOAD, SAME, I, TURN)                                                        \
	do {                                                                                       \
		float sum = fabsf(LOAD(x, I) - LOAD(base, I)) + added;                             \
		uint16_t upper = (uint16_t)(fc_f32_to_bits(sum) >> BIN_SHIFT);                     \
		uint16_t step = (uint16_t)(upper - offset);                                        \
		step = step < RANK_BINS - 1 ? step : (uint16_t)(RANK_BINS - 1);                    \
		step = (uint16_t)((step & (RANK_FINE - 1)) << 6 | step >> 4);                      \
		(BIN) = SAME(x, base, I) ? (uint16_t)((TURN)*RANK_GROUPS) : step;                  \
	} while (0)
#define PLACE(NAME, LOAD, SAME)                                                                    \
	static FC_SIMD_BODY void NAME##_body(const char *restrict x, const char *restrict base,    \
	    size_t n, uint32_t least, uint16_t *restrict bin)                                      \
	{                                                                                          \
		const float added = fc_bits_to_f32(least);                                         \
		const uint16_t offset = offset_of(least);                                          \
		size_t at = 0;                                                                     \
		for (; at + RANK_FINE <= n; at += RANK_FINE)                                       \
			for (uint32_t j = 0; j < RANK_FINE; j++)                                   \
				PLACE_ONE(bin[at + j], LOAD, SAME, at + j, j);                     \
		for (uint32_t j = 0; at + j < n; j++)                                              \
			PLACE_ONE(bin[at + j], LOAD, SAME, at + j, j);                             \
	}
PLACE(place_bf16, load_bf16, same_bf16)
PLACE(place_f32, load_f32, same_f32)
_Static_assert(RANK_FINE == 1 << 4 && RANK_GROUPS == 1 << 6, "what steps are shifted by");

#if defined(__x86_64__)
/* The upper halves of |x - base| + added of the low or the high halves of each 128 bits. */
#define UPPER_HALVES(UNPACK)                                                                       \
	_mm512_srli_epi32(_mm512_castps_si512(_mm512_add_ps(                                       \
			      _mm512_abs_ps(_mm512_sub_ps(_mm512_castsi512_ps(UNPACK(none, some)), \
				  _mm512_castsi512_ps(UNPACK(none, from)))),                       \
			      added)),                                                             \
	    BIN_SHIFT)

#define PLACE_32(I, HERE)                                                                          \
	do {                                                                                       \
		__m512i some = _mm512_maskz_loadu_epi16(HERE, x + 2 * (I));                        \
		__m512i from = _mm512_maskz_loadu_epi16(HERE, base + 2 * (I));                     \
		__m512i step = _mm512_packus_epi32(                                                \
		    UPPER_HALVES(_mm512_unpacklo_epi16), UPPER_HALVES(_mm512_unpackhi_epi16));     \
		step = _mm512_min_epu16(_mm512_sub_epi16(step, offset), top);                      \
		/* (a & b) | c */                                                                  \
		step = _mm512_ternarylogic_epi32(                                                  \
		    _mm512_slli_epi16(step, 6), fine, _mm512_srli_epi16(step, 4), 0xea);           \
		step = _mm512_mask_mov_epi16(step, _mm512_cmpeq_epi16_mask(some, from), turns);    \
		_mm512_mask_storeu_epi16(bin + (I), HERE, step);                                   \
	} while (0)
FC_SIMD_AVX512 static void place_bf16_avx512(
    const char *x, const char *base, size_t n, uint32_t least, uint16_t *bin)
{
	const __m512i none = _mm512_setzero_si512(), top = _mm512_set1_epi16(RANK_BINS - 1);
	const __m512i offset = _mm512_set1_epi16((short)offset_of(least));
	const __m512i fine = _mm512_set1_epi16((RANK_FINE - 1) << 6);
	const __m512 added = _mm512_set1_ps(fc_bits_to_f32(least));
	const __m512i turns = _mm512_broadcast_i64x4(_mm256_slli_epi16(
	    _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), 6));
	EACH_32(PLACE_32, n);
}
#endif
FC_SIMD_KERNEL_BUT_AVX512(static void, place_bf16,
    (const char *x, const char *base, size_t n, uint32_t least, uint16_t *bin),
    (x, base, n, least, bin))
FC_SIMD_KERNEL(static void, place_f32,
    (const char *x, const char *base, size_t n, uint32_t least, uint16_t *bin),
    (x, base, n, least, bin))

/* A part at a time, and before it what lies as far into the next row. */
void varm_rank_bins_bf16(
    const char *x, const char *base, const struct rank_next *next, size_t n, uint16_t *bin)
{
	const uint32_t least = find_least(find_largest_bf16, x, base, n);
	for (size_t at = 0; at < n; at += PART) {
		size_t m = n - at < PART ? n - at : PART;
		if (next->x)
			fc_ahead((uintptr_t)next->x + 2 * at, 2 * m);
		if (next->base)
			fc_ahead((uintptr_t)next->base + 2 * at, 2 * m);
		place_bf16(x + 2 * at, base + 2 * at, m, least, bin + at);
	}
}

void varm_rank_bins_f32(const char *x, const char *base, size_t n, uint16_t *bin)
{
	place_f32(x, base, n, find_least(find_largest_f32, x, base, n), bin);
}

/* Counts of AT_ONCE groups, as they are counted and as they are added up. */
#define AT_ONCE 16
typedef uint16_t short_counts __attribute__((vector_size(2 * AT_ONCE)));
typedef uint32_t long_counts __attribute__((vector_size(4 * AT_ONCE)));

/* Counts become 0 again.  Written with vectors so that sums stay in registers. */
static FC_SIMD_BODY void add_up_body(struct rank_counts *restrict c, uint32_t *restrict in_group)
{
	const short_counts none = {0};
	for (uint32_t at = 0; at < RANK_GROUPS; at += AT_ONCE) {
		long_counts sum = {0};
		for (uint32_t b = at; b < RANK_BINS; b += RANK_GROUPS) {
			short_counts some, others;
			memcpy(&some, &c->n[0][b], sizeof some);
			memcpy(&others, &c->n[1][b], sizeof others);
			memcpy(&in_group[b], &sum, sizeof sum);
			memcpy(&c->n[0][b], &none, sizeof none);
			memcpy(&c->n[1][b], &none, sizeof none);
			sum += __builtin_convertvector(some + others, long_counts);
		}
		memcpy(&in_group[RANK_BINS + at], &sum, sizeof sum);
	}
}
FC_SIMD_KERNEL(static void, add_up, (struct rank_counts * c, uint32_t *in_group), (c, in_group))

static void count_part(struct rank_counts *c, const uint16_t *bin, size_t n)
{
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		uint64_t four[2];
		memcpy(four, bin + i, sizeof four);
		for (int shift = 0; shift < 64; shift += 16) {
			c->n[0][four[0] >> shift & 0xffff]++;
			c->n[1][four[1] >> shift & 0xffff]++;
		}
	}
	for (; i < n; i++)
		c->n[0][bin[i]]++;
}

/* A long row has more parts than one, since counts are short. */
void varm_rank_bins_count(
    struct rank_counts *c, const uint16_t *bin, size_t n, struct rank_edges *e)
{
	uint32_t part[RANK_BINS + RANK_GROUPS], sum = 0;
	count_part(c, bin, n < UINT16_MAX ? n : UINT16_MAX);
	add_up(c, e->in_group);
	for (size_t at = UINT16_MAX; at < n; at += UINT16_MAX) {
		count_part(c, bin + at, n - at < UINT16_MAX ? n - at : UINT16_MAX);
		add_up(c, part);
		for (uint32_t b = 0; b < RANK_BINS + RANK_GROUPS; b++)
			e->in_group[b] += part[b];
	}
	for (uint32_t g = 0; g < RANK_GROUPS; g++) {
		e->before[g] = sum;
		sum += e->in_group[RANK_BINS + g];
	}
	e->before[RANK_GROUPS] = sum;
}

#if defined(__x86_64__)
#define FIND_MEMBERS(I, HERE)                                                                      \
	do {                                                                                       \
		__m512i bins = _mm512_maskz_loadu_epi16(HERE, bin + (I));                          \
		__m512i own = _mm512_sllv_epi16(one, _mm512_srli_epi16(bins, 6));                  \
		const uint32_t found = _mm512_mask_test_epi16_mask(                                \
		    HERE, own, _mm512_permutex2var_epi16(low, bins, high));                        \
		memcpy(bits + (I) / 8, &found, sizeof found);                                      \
	} while (0)
/* Bits in place of marks. */
FC_SIMD_AVX512 static void find_avx512(
    const uint16_t *bin, const uint16_t of_group[RANK_GROUPS], size_t n, uint8_t *bits)
{
	const __m512i low = _mm512_loadu_si512(of_group);
	const __m512i high = _mm512_loadu_si512(of_group + 32);
	const __m512i one = _mm512_set1_epi16(1);
	memset(bits, 0, (n + 63) / 64 * 8);
	EACH_32(FIND_MEMBERS, n);
}
_Static_assert(RANK_GROUPS == 1 << 6 && RANK_FINE == 16, "of what numbers are made");
#endif

bool varm_rank_bins_find(
    const uint16_t *bin, const uint16_t of_group[RANK_GROUPS], size_t n, uint8_t *bits)
{
#if defined(__x86_64__)
	if (fc_isa() >= FC_ISA_AVX512) {
		find_avx512(bin, of_group, n, bits);
		return true;
	}
#endif
	(void)bin;
	(void)of_group;
	(void)n;
	(void)bits;
	return false;
}
