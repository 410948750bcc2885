/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/attention.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#ifdef __clang__
#pragma clang attribute push(                                                                      \
    __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512dq,avx512bf16"))),    \
    apply_to = function)
#else
#pragma GCC target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")
#endif

#include "nn/cpu/tile_amx_config_body.h"
#include "nn/cpu/tile_pack_body.h"

/*
 * attention.c's tiles by AMX.  A number is the sum of two bfloat16, itself rounded and the rest
 * rounded, which leaves 2^-17 of it; of a product of two the rests' is left out, another 2^-17.  So
 * scores and outputs are off by about 2^-15 of the sum of |products|, a hundredth of what rounding
 * the operands alone would do, for three products where there was one.
 *
 * Packed: tiles in pairs, rounded and rest.  Keys [G][keys / TILE][D / DEPTH], right tiles of a
 * score; values [G][keys / DEPTH][D / TILE], right tiles of an output.
 */
enum { PAIR = 2 * NUMBERS, KEYS = 4 * TILE /* of a score's four sums */ };

struct halves {
	__m512i v[2][TILE];
};

INLINE __m512 wide(__m256i x)
{
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

INLINE void halve(struct halves *h, int at, __m512 low, __m512 high)
{
	const __m512i near = rounded(low, high);
	h->v[0][at] = near;
	h->v[1][at] = rounded(low - wide(_mm512_castsi512_si256(near)),
	    high - wide(_mm512_extracti64x4_epi64(near, 1)));
}

INLINE __m512 some(const float *p, size_t n)
{
	return _mm512_maskz_loadu_ps((__mmask16)first(n, TILE), p);
}

/* DEPTH numbers, n of them there, of n_row rows. */
INLINE void rows_halves(struct halves *h, const float *x, size_t ld, size_t n_row, size_t n)
{
	for (size_t r = 0; r < TILE; r++) {
		const size_t here = r < n_row ? n : 0, rest = here > TILE ? here - TILE : 0;
		halve(h, (int)r, here ? some(x + r * ld, here) : _mm512_setzero_ps(),
		    rest ? some(x + r * ld + TILE, rest) : _mm512_setzero_ps());
	}
}

INLINE void put_halves(uint16_t *to, const struct halves *h)
{
	for (size_t i = 0; i < 2 * TILE; i++)
		_mm512_store_si512(to + i * DEPTH, h->v[i / TILE][i % TILE]);
}

/* Left tiles of up to TILE rows of n numbers, one pair behind the other. */
static void pack_left(uint16_t *to, const float *x, size_t ld, size_t n_row, size_t n)
{
	struct halves h;
	for (size_t k = 0; k < n; k += DEPTH, to += PAIR) {
		rows_halves(&h, x + k, ld, n_row, n - k);
		put_halves(to, &h);
	}
}

static void pack_keys(uint16_t *to, const float *x, size_t ld, size_t n_row, size_t D)
{
	struct halves h;
	for (size_t k = 0; k < D; k += DEPTH, to += PAIR) {
		rows_halves(&h, x + k, ld, n_row, D - k);
		transpose(h.v[0]);
		transpose(h.v[1]);
		put_halves(to, &h);
	}
}

/* Of DEPTH keys, n_key of them there. */
static void pack_values(uint16_t *to, const float *x, size_t ld, size_t n_key, size_t D)
{
	const __m512i order = pairs();
	struct halves h;
	for (size_t d = 0; d < D; d += TILE, to += PAIR) {
		for (size_t j = 0; j < TILE; j++) {
			const float *p = x + 2 * j * ld + d;
			halve(&h, (int)j, 2 * j < n_key ? _mm512_loadu_ps(p) : _mm512_setzero_ps(),
			    2 * j + 1 < n_key ? _mm512_loadu_ps(p + ld) : _mm512_setzero_ps());
			for (int part = 0; part < 2; part++)
				h.v[part][j] = _mm512_permutexvar_epi16(order, h.v[part][j]);
		}
		put_halves(to, &h);
	}
}

/* Numbers of a key head's keys, and with its values. */
static size_t keys_numbers(const struct fc_attn *a, const struct fc_attn_seq *s)
{
	const size_t n = fc_attn_n_block(s->n_k, FC_ATTN_K) * FC_ATTN_K;
	return n / TILE * tiles(a->D, DEPTH) * PAIR;
}

static size_t head_numbers(const struct fc_attn *a, const struct fc_attn_seq *s)
{
	const size_t n = fc_attn_n_block(s->n_k, FC_ATTN_K) * FC_ATTN_K;
	return keys_numbers(a, s) + n / DEPTH * (a->D / TILE) * PAIR;
}

static size_t amx_size(const struct fc_attn *a, const struct fc_attn_seq *s)
{
	return a->G * head_numbers(a, s) / 2;
}

static void amx_pack(
    const struct fc_kern *kern, const struct fc_attn *a, const struct fc_attn_seq *s, float *to)
{
	const size_t D = a->D, GD = a->G * D, deep = tiles(D, DEPTH) * PAIR;
	const size_t n_k = fc_attn_n_block(s->n_k, FC_ATTN_K) * FC_ATTN_K;
	(void)kern;
#pragma omp parallel for collapse(2) if (s->n_k * GD > FC_PAR_ELEMENTS)
	for (size_t k = 0; k < n_k; k += DEPTH)
		for (size_t g = 0; g < a->G; g++) {
			uint16_t *keys = (uint16_t *)(void *)to + g * head_numbers(a, s);
			const size_t n = k < s->n_k ? fc_min_size(DEPTH, s->n_k - k) : 0;
			const size_t at = n ? k * GD + g * D : 0, rest = n > TILE ? n - TILE : 0;
			pack_keys(keys + k / TILE * deep, s->k + at, GD, fc_min_size(n, TILE), D);
			pack_keys(keys + (k / TILE + 1) * deep, s->k + at + (rest ? TILE * GD : 0),
			    GD, rest, D);
			pack_values(keys + keys_numbers(a, s) + k / DEPTH * (D / TILE) * PAIR,
			    s->v + at, GD, n, D);
		}
}

/* One thread's: scores, output, and its packed queries and weights. */
struct work {
	float *p, *o;
	uint16_t *q, *w;
};

static size_t amx_scratch(const struct fc_attn *a)
{
	const size_t q = FC_ATTN_Q / TILE * tiles(a->D, DEPTH) * PAIR;
	return (size_t)TILE * FC_ATTN_K + FC_ATTN_Q * a->D + (q + FC_ATTN_K / DEPTH * PAIR) / 2;
}

static struct work work_at(const struct fc_attn *a, float *scratch)
{
	struct work w = {.p = scratch, .o = scratch + (size_t)TILE * FC_ATTN_K};
	w.q = (uint16_t *)(void *)(w.o + FC_ATTN_Q * a->D);
	w.w = w.q + FC_ATTN_Q / TILE * tiles(a->D, DEPTH) * PAIR;
	return w;
}

#define TAKE(i)                                                                                    \
	do {                                                                                       \
		if ((i) >= n)                                                                      \
			break;                                                                     \
		_tile_loadd(6, b + (i)*b_col, 64);                                                 \
		_tile_dpbf16ps(i, 4, 6);                                                           \
		_tile_dpbf16ps(i, 5, 6);                                                           \
		_tile_loadd(7, b + (i)*b_col + NUMBERS, 64);                                       \
		_tile_dpbf16ps(i, 4, 7);                                                           \
	} while (0)

/* Sums 0 to n - 1 += n_k pairs of left tiles times n columns of right ones, which are b_k and b_col
 * numbers apart. */
static void multiply(
    const uint16_t *a, const uint16_t *b, size_t n_k, size_t b_k, size_t b_col, size_t n)
{
	for (size_t k = 0; k < n_k; k++, a += PAIR, b += b_k) {
		_tile_loadd(4, a, 64);
		_tile_loadd(5, a + NUMBERS, 64);
		TAKE(0);
		TAKE(1);
		TAKE(2);
		TAKE(3);
	}
}

#define FOUR(DO, p, ld, n)                                                                         \
	do {                                                                                       \
		DO(0, p, (ld) * sizeof(float));                                                    \
		if ((n) > 1)                                                                       \
			DO(1, (p) + TILE, (ld) * sizeof(float));                                   \
		if ((n) > 2)                                                                       \
			DO(2, (p) + 2 * TILE, (ld) * sizeof(float));                               \
		if ((n) > 3)                                                                       \
			DO(3, (p) + 3 * TILE, (ld) * sizeof(float));                               \
	} while (0)

/* p = scores of TILE queries with the keys [v.lo, v.hi) of tile k0, whole groups of KEYS */
static void scores(const struct fc_attn *a, const uint16_t *q, const uint16_t *keys,
    struct fc_attn_span v, float *p)
{
	const size_t n_k = tiles(a->D, DEPTH);
	for (size_t k = v.lo; k < v.hi; k += KEYS) {
		_tile_zero(0);
		_tile_zero(1);
		_tile_zero(2);
		_tile_zero(3);
		multiply(q, keys + k / TILE * n_k * PAIR, n_k, PAIR, n_k * PAIR, 4);
		FOUR(_tile_stored, p + k, FC_ATTN_K, 4);
	}
	settle(p);
}

/* o [TILE, D] += p times values of tile k0 */
static void add_values(const struct fc_attn *a, const uint16_t *w, const uint16_t *values,
    struct fc_attn_span v, float *o)
{
	const size_t D = a->D, n_col = D / TILE, n_k = (v.hi - v.lo) / DEPTH;
	settle(o);
	for (size_t d = 0; d < n_col; d += 4) {
		const size_t n = fc_min_size(4, n_col - d);
		float *to = o + d * TILE;
		FOUR(_tile_loadd, to, D, n);
		multiply(w, values + (v.lo / DEPTH * n_col + d) * PAIR, n_k, n_col * PAIR, PAIR, n);
		FOUR(_tile_stored, to, D, n);
	}
	settle(o);
}

static void scale_row(float *o, float x, size_t D)
{
	for (size_t d = 0; d < D; d++)
		o[d] *= x;
}

/* TILE queries from row r0 on against one tile of keys. */
static void group(const struct fc_kern *kern, const struct fc_attn_tile *t, size_t r0, size_t k0,
    size_t n, const struct work *w, struct fc_attn_running *run)
{
	const struct fc_attn *a = t->a;
	const size_t n_row = fc_min_size(TILE, t->n_row - r0), first_q = t->query + r0;
	const size_t deep = tiles(a->D, DEPTH) * PAIR;
	struct fc_attn_span all = fc_attn_span(a, t->s, first_q, first_q + n_row - 1, k0, n);
	const uint16_t *keys =
	    (const uint16_t *)(const void *)t->kt + t->head / (a->H / a->G) * head_numbers(a, t->s);
	float *o = w->o + r0 * a->D;
	if (all.lo == all.hi)
		return;
	all.lo = all.lo / KEYS * KEYS;
	all.hi = (all.hi + KEYS - 1) / KEYS * KEYS;
	scores(a, w->q + r0 / TILE * deep, keys + k0 / TILE * deep, all, w->p);
	for (size_t i = 0; i < n_row; i++) {
		const struct fc_attn_span v =
		    fc_attn_span(a, t->s, first_q + i, first_q + i, k0, n);
		const float shrink =
		    fc_attn_row_softmax(kern, t, r0 + i, k0, v, all, w->p + i * FC_ATTN_K, run);
		if (shrink != 1)
			scale_row(o + i * a->D, shrink, a->D);
	}
	pack_left(w->w, w->p + all.lo, FC_ATTN_K, n_row, all.hi - all.lo);
	add_values(
	    a, w->w, keys + keys_numbers(a, t->s) + k0 / DEPTH * (a->D / TILE) * PAIR, all, o);
}

static void amx_tile(const struct fc_kern *kern, const struct fc_attn_tile *t, float *scratch)
{
	const struct fc_attn *a = t->a;
	const struct fc_attn_seq *s = t->s;
	const size_t D = a->D, HD = a->H * D, at = (t->query * a->H + t->head) * D;
	const size_t end = fc_attn_end(s, t->query + t->n_row - 1), deep = tiles(D, DEPTH) * PAIR;
	const size_t begin = fc_attn_first(a, s, t->query) / FC_ATTN_K * FC_ATTN_K;
	const struct work w = work_at(a, scratch);
	struct fc_attn_running run;
	for (size_t i = 0; i < t->n_row; i++)
		fc_attn_begin_row(t, i, &run);
	memset(w.o, 0, FC_ATTN_Q * D * sizeof *w.o);
	for (size_t r = 0; r < t->n_row; r += TILE)
		pack_left(w.q + r / TILE * deep, s->q + at + r * HD, HD,
		    fc_min_size(TILE, t->n_row - r), D);
	configure();
	for (size_t k0 = begin; k0 < end; k0 += FC_ATTN_K)
		for (size_t r = 0; r < t->n_row; r += TILE)
			group(kern, t, r, k0, fc_min_size(FC_ATTN_K, end - k0), &w, &run);
	release();
	for (size_t i = 0; i < t->n_row; i++) {
		float *o = s->o + at + i * HD;
		for (size_t d = 0; d < D; d++)
			o[d] = w.o[i * D + d] * (1 / run.sum[i]);
		if (s->lse)
			s->lse[at / D + i * a->H] = run.max[i] + logf(run.sum[i]);
	}
}

const struct fc_attn_way fc_attn_way_amx = {amx_size, amx_pack, amx_scratch, amx_tile};

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
