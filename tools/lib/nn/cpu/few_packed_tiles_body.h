/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums of integers by tiles, of all rows at once (Intel SDM, TDPBSUD), which is faster
 * from so many rows on.  Since it takes long until a tile is in memory, what is done with its sums
 * is done a part later.  Included by few_packed_vnni.c, so without a guard.
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
		_tile_loadd(4, x->x->numbers.high + 16 * g, row);
		_tile_dpbsud(0, 4, 6);
		_tile_loadd(5, x->x->numbers.low + 16 * g, row);
		_tile_dpbsud(1, 5, 6);
		if (x->N > LANES) {
			const struct step *more = x->x + LANES * x->ld;
			_tile_zero(2);
			_tile_zero(3);
			_tile_loadd(4, more->numbers.high + 16 * g, row);
			_tile_dpbsud(2, 4, 6);
			_tile_loadd(5, more->numbers.low + 16 * g, row);
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
	const struct tiles *t = x->tiles;
	if (t->n)
		tiles_end(sum, &t->of[(t->n - 1) % 2], x->ld, x->N, groups, has_min, up);
}

INLINE void add_up(
    float *sum, const struct rows *x, const struct part *w, int groups, bool has_min, unsigned up)
{
	if (!x->tiles) {
		add_rows(sum, x, w, groups, has_min, up);
		return;
	}
	tiles_begin(&x->tiles->of[x->tiles->n % 2], x, w, groups);
	tiles_flush(sum, x, groups, has_min, up);
	x->tiles->n++;
}

/* After the last part. */
INLINE void add_rest(float *sum, const struct rows *x, int groups, bool has_min, unsigned up)
{
	if (!x->tiles)
		return;
	tiles_flush(sum, x, groups, has_min, up);
	x->tiles->n = 0;
}
