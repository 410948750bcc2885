/* SPDX-License-Identifier: Apache-2.0 */
/* Products of rows of x with packed weights; included by few_packed_vnni.c and few_packed_avx2.c,
 * so without a guard. */

#define FOR_PACKED(DO) FOR_BLOCKS_OF_32(DO) DO(Q2_K) DO(Q3_K) DO(Q4_K) DO(Q5_K) DO(Q6_K)

#define TILE_OF(TYPE)                                                                              \
	INLINE void tile_##TYPE(float *sum, struct rows x, struct tile t, size_t I)                \
	{                                                                                          \
		const size_t row_bytes = I / TYPE##_BLOCK * TYPE##_BYTES;                          \
		const uintptr_t ahead =                                                            \
		    (uintptr_t)t.fourth[0] + fc_ahead_bytes(LANES * row_bytes);                    \
		for (size_t at = 0; at < row_bytes; at += TYPE##_BYTES) {                          \
			fc_ahead(ahead + LANES * at, LANES * TYPE##_BYTES);                        \
			block_##TYPE(sum, &x, &t);                                                 \
			x.x += TYPE##_BLOCK / STEP;                                                \
			t = tile_further(t, TYPE##_BYTES);                                         \
		}                                                                                  \
		add_rest(sum, &x, STEP / TYPE##_GROUP, TYPE##_HAS_MIN, TYPE##_UP);                 \
	}
FOR_PACKED(TILE_OF)

INLINE void tile_sum(
    float *sum, const struct rows *x, const struct tile *t, enum fc_dtype type, size_t I)
{
	switch (type) {
#define TILE_CASE(TYPE)                                                                            \
	case FC_##TYPE:                                                                            \
		tile_##TYPE(sum, *x, *t, I);                                                       \
		break;
		FOR_PACKED(TILE_CASE)
	default:
		break;
	}
}

/* LANES rows of weights, or the first one as often. */
static struct tile tile_at(const char *w, size_t row_bytes, size_t n_o)
{
	struct tile t = {.apart = n_o == LANES ? row_bytes : 0};
	for (size_t k = 0; k < LANES / 4; k++)
		t.fourth[k] = w + 4 * k * t.apart;
	return t;
}

/* Rows of x with n_o outputs from y on. */
INLINE void tile_dot(float *y, size_t ldy, const struct rows *x, const struct tile *t,
    enum fc_dtype type, size_t I, size_t n_o)
{
	float sum[MOST_ROWS * LANES] __attribute__((aligned(64)));
	memset(sum, 0, x->N * LANES * sizeof *sum);
	tile_sum(sum, x, t, type, I);
	for (size_t r = 0; r < x->N; r++)
		memcpy(y + r * ldy, sum + r * LANES, n_o * sizeof *sum);
}

INLINE void dot(float *y, size_t ldy, const struct step *pack, const char *w, enum fc_dtype type,
    size_t N, size_t O, size_t I, struct tiles *tiles)
{
	const size_t row_bytes = fc_dtype_bytes(type, I);
	fc_ahead_begin(w, O * row_bytes, LANES * row_bytes);
	for (size_t o = 0, n_o; o < O; o += n_o) {
		n_o = O - o < LANES ? 1 : LANES;
		const struct tile t = tile_at(w + o * row_bytes, row_bytes, n_o);
		struct rows x = {pack, apart(I), 1, tiles};
		if (N == 1) { /* where it is known, compilers leave out the loops over rows */
			tile_dot(y + o, ldy, &x, &t, type, I, n_o);
			continue;
		}
		for (size_t n = 0; n < N; n += MOST_ROWS) {
			x.x = pack + n * apart(I);
			x.N = fc_min_size(MOST_ROWS, N - n);
			tile_dot(y + n * ldy + o, ldy, &x, &t, type, I, n_o);
		}
	}
}
