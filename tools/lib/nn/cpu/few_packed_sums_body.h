/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of the products of x with weights that have been taken apart; included by few_packed_vnni.c, so
 * without a guard. */

/* The rows of x at one step, ld steps apart. */
struct rows {
	const struct step *x;
	size_t ld, N;
	struct tiles *tiles; /* NULL: without them */
};

/* 32 weights of LANES outputs, q[i] those at 4 i to 4 i + 3; every group's scale and min. */
struct part {
	__m512i q[STEP / 4];
	__m512 scale[2], min[2];
};

/* sum += the products of four numbers of x, the same for all lanes, with those of q.  Compilers
 * make two instructions of the intrinsic, and wait for the first. */
INLINE __m512i four_added(__m512i sum, __m512i q, const int8_t *x)
{
	__asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(q), "m"(*(const int8_t(*)[4])x));
	return sum;
}

/* Sums of the products of a group of n * 4 numbers, plus "first" of every lane. */
INLINE __m512i products(
    const int8_t *high, const int8_t *low, const __m512i *q, int n, __m512i first)
{
	/* Two of each, since one chain after the other waits: sums of integers have no order. */
	__m512i a[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
	__m512i b[2] = {first, _mm512_setzero_si512()};
	for (int i = 0; i < n; i++) {
		a[i % 2] = four_added(a[i % 2], q[i], high + 4 * i);
		b[i % 2] = four_added(b[i % 2], q[i], low + 4 * i);
	}
	return _mm512_add_epi32(
	    _mm512_slli_epi32(_mm512_add_epi32(a[0], a[1]), 8), _mm512_add_epi32(b[0], b[1]));
}

/* - sum(X) times what q was moved up by */
INLINE __m512i moved(const struct step *s, int part, unsigned up)
{
	return up ? _mm512_slli_epi32(_mm512_set1_epi32(s->minus[part]), up)
		  : _mm512_setzero_si512();
}

/* A row's sums with those of a group. */
INLINE __m512 with_group(__m512 all, __m512i exact, const struct step *s, const struct part *w,
    int g, int part, bool has_min)
{
	const __m512 scale = _mm512_mul_ps(w->scale[g], _mm512_set1_ps(s->scale));
	all = _mm512_fmadd_ps(_mm512_cvtepi32_ps(exact), scale, all);
	return has_min ? _mm512_fnmadd_ps(w->min[g], _mm512_set1_ps(s->sum[part]), all) : all;
}

/*
 * Sums of integers by tiles, of all rows at once (Intel SDM, TDPBSUD), which is faster
 * from so many rows on.  Since it takes long until a tile is in memory, what is done with its sums
 * is done a part later.
 */
enum { TILES_FROM = 12 };

struct sums {
	__m512i q[STEP / 4];
	__m512i high[2][MOST_ROWS], low[2][MOST_ROWS]; /* of every group and row */
	__m512 scale[2], min[2];
	const struct step *x;
};

struct tiles {
	struct sums of[2];
	size_t n; /* parts begun */
};

/* Tiles 0 to 3 are sums of the high and low bytes of two times 16 rows, 4 and 5 these bytes, 6 the
 * weights. */
static void tiles_configure(size_t group)
{
	/* palette 1: of every tile the bytes of a row and the rows (SDM, LDTILECFG) */
	struct {
		uint8_t palette, start_row, reserved[14];
		uint16_t row_bytes[16];
		uint8_t rows[16];
	} config = {.palette = 1,
	    .row_bytes = {64, 64, 64, 64, (uint16_t)group, (uint16_t)group, 64},
	    .rows = {LANES, LANES, LANES, LANES, LANES, LANES, (uint8_t)(group / 4)}};
	_tile_loadconfig(&config);
}

/* Memory at p is read or written behind the compiler's back. */
INLINE void settle(const void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

INLINE void tiles_begin(struct sums *t, const struct rows *x, const struct part *w, int groups)
{
	const size_t row = x->ld * sizeof *x->x;
	memcpy(t->q, w->q, sizeof t->q);
	memcpy(t->scale, w->scale, sizeof t->scale);
	memcpy(t->min, w->min, sizeof t->min);
	t->x = x->x;
	settle(t);
	for (int g = 0; g < groups; g++) {
		_tile_zero(0);
		_tile_zero(1);
		_tile_loadd(6, t->q + 4 * g, 64);
		_tile_loadd(4, x->x->high + 16 * g, row);
		_tile_dpbsud(0, 4, 6);
		_tile_loadd(5, x->x->low + 16 * g, row);
		_tile_dpbsud(1, 5, 6);
		if (x->N > LANES) {
			const struct step *more = x->x + LANES * x->ld;
			_tile_zero(2);
			_tile_zero(3);
			_tile_loadd(4, more->high + 16 * g, row);
			_tile_dpbsud(2, 4, 6);
			_tile_loadd(5, more->low + 16 * g, row);
			_tile_dpbsud(3, 5, 6);
			_tile_stored(2, t->high[g] + LANES, 64);
			_tile_stored(3, t->low[g] + LANES, 64);
		}
		_tile_stored(0, t->high[g], 64);
		_tile_stored(1, t->low[g], 64);
	}
	settle(t);
}

INLINE void tiles_end(
    float *sum, const struct sums *t, size_t ld, size_t N, int groups, bool has_min, unsigned up)
{
	struct part w;
	const struct step *s = t->x;
	memcpy(w.scale, t->scale, sizeof w.scale);
	memcpy(w.min, t->min, sizeof w.min);
	for (size_t r = 0; r < N; r++, s += ld, sum += LANES) {
		__m512 all = _mm512_loadu_ps(sum);
		for (int g = 0; g < groups; g++) {
			const int part = groups == 1 ? 2 : g;
			const __m512i exact =
			    _mm512_add_epi32(_mm512_slli_epi32(t->high[g][r], 8), t->low[g][r]);
			all = with_group(all, _mm512_add_epi32(exact, moved(s, part, up)), s, &w, g,
			    part, has_min);
		}
		_mm512_storeu_ps(sum, all);
	}
}

/* What is left of the part before. */
INLINE void tiles_flush(float *sum, const struct rows *x, int groups, bool has_min, unsigned up)
{
	struct tiles *t = x->tiles;
	if (t && t->n)
		tiles_end(sum, &t->of[(t->n - 1) % 2], x->ld, x->N, groups, has_min, up);
}

/* sum [N, LANES] += x w, of one group of 32 or two of 16 */
INLINE void add_up(
    float *sum, const struct rows *x, const struct part *w, int groups, bool has_min, unsigned up)
{
	const int n = STEP / 4 / groups;
	const struct step *s = x->x;
	if (x->tiles) {
		tiles_begin(&x->tiles->of[x->tiles->n % 2], x, w, groups);
		tiles_flush(sum, x, groups, has_min, up);
		x->tiles->n++;
		return;
	}
	for (size_t r = 0; r < x->N; r++, s += x->ld, sum += LANES) {
		__m512 all = _mm512_loadu_ps(sum);
		for (int g = 0; g < groups; g++) {
			const int part = groups == 1 ? 2 : g;
			const __m512i exact = products(s->high + 4 * n * g, s->low + 4 * n * g,
			    w->q + n * g, n, moved(s, part, up));
			all = with_group(all, exact, s, w, g, part, has_min);
		}
		_mm512_storeu_ps(sum, all);
	}
}
