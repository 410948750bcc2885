/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of few rows with packed weights; included by kern_body.h, so without a guard.  A weight
 * is the float that fc_to_f32() makes of it, and a sum runs over columns in the same order whatever
 * the number of rows, so that a row's results have the same bits alone and among others.
 */
#include "tensor/quant_unpack.h"

/* Columns whose products are summed up in lanes before the lanes are. */
enum { PACKED_COLS = 1024 };

#define FOR_PACKED(DO)                                                                             \
	DO(Q4_0)                                                                                   \
	DO(Q4_1) DO(Q5_0) DO(Q5_1) DO(Q8_0) DO(Q2_K) DO(Q3_K) DO(Q4_K) DO(Q5_K) DO(Q6_K) DO(IQ4_NL)

/* Values [i, i + VL) of a block. */
INLINE vf unpacked_lanes(const struct unpacked *u, size_t i, size_t group, bool has_min)
{
	const vf v = load_i8(u->q + i) * vset(u->scale[i / group]);
	return has_min ? v - vset(u->min[i / group]) : v;
}

/* XR rows of x times WR rows of w, n columns, taken apart in registers; "ask": for the rows ahead,
 * all their columns. */
#define PACKED_TILE(TYPE)                                                                          \
	INLINE void tile_##TYPE(float *y, size_t ldy, const float *x, size_t ldx, const char *w,   \
	    size_t row, size_t n, bool add, bool ask, const int XR, const int WR)                  \
	{                                                                                          \
		const size_t rows_bytes = (size_t)WR * row;                                        \
		const size_t asked = ask ? (rows_bytes * TYPE##_BLOCK + n - 1) / n : 0;            \
		uintptr_t ahead = ask ? (uintptr_t)w + fc_ahead_bytes(rows_bytes) : 0;             \
		vf sum[4][4] = {{{0}}};                                                            \
		for (size_t at = 0; at < n; at += TYPE##_BLOCK, w += TYPE##_BYTES) {               \
			struct unpacked u[4];                                                      \
			fc_ahead(ahead, asked);                                                    \
			ahead += asked;                                                            \
			for (int b = 0; b < WR; b++) {                                             \
				const char *p = w + (size_t)b * row;                               \
				unpack_##TYPE(&u[b], (const uint8_t *)p);                          \
			}                                                                          \
			for (size_t i = 0; i < TYPE##_BLOCK; i += VL) {                            \
				vf wv[4];                                                          \
				for (int b = 0; b < WR; b++)                                       \
					wv[b] = unpacked_lanes(                                    \
					    &u[b], i, TYPE##_GROUP, TYPE##_HAS_MIN);               \
				for (int a = 0; a < XR; a++) {                                     \
					const vf xv = vload(x + (size_t)a * ldx + at + i);         \
					for (int b = 0; b < WR; b++)                               \
						sum[a][b] = vfma(xv, wv[b], sum[a][b]);            \
				}                                                                  \
			}                                                                          \
		}                                                                                  \
		for (int a = 0; a < XR; a++)                                                       \
			for (int b = 0; b < WR; b++) {                                             \
				float *to = y + (size_t)a * ldy + (size_t)b;                       \
				*to = (add ? *to : 0) + vsum(sum[a][b]);                           \
			}                                                                          \
	}

/* M rows of x times WR rows of w. */
#define PACKED_ROWS(TYPE)                                                                          \
	INLINE void rows_##TYPE(float *y, size_t ldy, const float *x, size_t ldx, const char *w,   \
	    size_t row, size_t M, size_t n, bool add, const int WR)                                \
	{                                                                                          \
		size_t m = 0;                                                                      \
		for (; m + 4 <= M; m += 4)                                                         \
			tile_##TYPE(y + m * ldy, ldy, x + m * ldx, ldx, w, row, n, add,            \
			    !add && m == 0, 4, WR);                                                \
		if (M - m >= 2) {                                                                  \
			tile_##TYPE(y + m * ldy, ldy, x + m * ldx, ldx, w, row, n, add,            \
			    !add && m == 0, 2, WR);                                                \
			m += 2;                                                                    \
		}                                                                                  \
		if (m < M)                                                                         \
			tile_##TYPE(y + m * ldy, ldy, x + m * ldx, ldx, w, row, n, add,            \
			    !add && m == 0, 1, WR);                                                \
	}

#define PACKED_DOT(TYPE)                                                                           \
	static void dot_##TYPE(float *y, size_t ldy, const float *x, size_t ldx, const char *w,    \
	    size_t row, size_t M, size_t O, size_t n, bool add)                                    \
	{                                                                                          \
		size_t o = 0;                                                                      \
		for (; o + 4 <= O; o += 4)                                                         \
			rows_##TYPE(y + o, ldy, x, ldx, w + o * row, row, M, n, add, 4);           \
		for (; o < O; o++)                                                                 \
			rows_##TYPE(y + o, ldy, x, ldx, w + o * row, row, M, n, add, 1);           \
	}
FOR_PACKED(PACKED_TILE)
FOR_PACKED(PACKED_ROWS)
FOR_PACKED(PACKED_DOT)

static void dot_packed(float *y, size_t ldy, const float *x, size_t ldx, const char *w, size_t row,
    enum fc_dtype t, size_t M, size_t O, size_t n, bool add)
{
	switch (t) {
#define PACKED_CASE(TYPE)                                                                          \
	case FC_##TYPE:                                                                            \
		dot_##TYPE(y, ldy, x, ldx, w, row, M, O, n, add);                                  \
		break;
		FOR_PACKED(PACKED_CASE)
	default:
		break;
	}
}

/* Where there are more rows of x, some rows of w are widened once for all of them and stay in the
 * inner cache. */
static void dot_widened(float *y, size_t ldy, const float *x, size_t ldx, const char *w, size_t row,
    enum fc_dtype t, size_t M, size_t O, size_t n, bool add)
{
	enum { ROWS = 4, BATCH = 32 };
	float wide[ROWS * PACKED_COLS], part[BATCH * ROWS];
	for (size_t o = 0; o < O; o += ROWS) {
		const size_t n_o = O - o < ROWS ? O - o : ROWS;
		for (size_t r = 0; r < n_o; r++)
			fc_to_f32(wide + r * PACKED_COLS, w + (o + r) * row, t, n);
		for (size_t m = 0; m < M; m += BATCH) {
			const size_t n_m = M - m < BATCH ? M - m : BATCH;
			dot_rows_of(part, ROWS, x + m * ldx, ldx, (char *)wide, PACKED_COLS, FC_F32,
			    n_m, n_o, n);
			for (size_t k = 0; k < n_m * n_o; k++) {
				float *to = y + (m + k / n_o) * ldy + o + k % n_o;
				*to = (add ? *to : 0) + part[k / n_o * ROWS + k % n_o];
			}
		}
	}
}

/* Rows of w are whole blocks, ldw values each. */
static void dot_rows_packed(float *y, size_t ldy, const float *x, size_t ldx, const char *w,
    size_t ldw, enum fc_dtype t, size_t M, size_t O, size_t I)
{
	enum { APART = 16 }; /* rows of x for which taking w apart again and again is faster */
	const size_t row = fc_dtype_bytes(t, ldw);
	for (size_t i = 0; i < I; i += PACKED_COLS) {
		const size_t n = I - i < PACKED_COLS ? I - i : PACKED_COLS;
		const char *p = w + fc_dtype_bytes(t, i);
		if (M <= APART)
			dot_packed(y, ldy, x + i, ldx, p, row, t, M, O, n, i > 0);
		else
			dot_widened(y, ldy, x + i, ldx, p, row, t, M, O, n, i > 0);
	}
}

static void kern_dot_rows(float *y, size_t ldy, const float *x, size_t ldx, const void *w,
    size_t ldw, enum fc_dtype t, size_t M, size_t O, size_t I)
{
	if (t == FC_BF16)
		dot_rows_of(y, ldy, x, ldx, w, ldw, FC_BF16, M, O, I);
	else if (t == FC_F16)
		dot_rows_of(y, ldy, x, ldx, w, ldw, FC_F16, M, O, I);
	else if (t == FC_F32)
		dot_rows_of(y, ldy, x, ldx, w, ldw, FC_F32, M, O, I);
	else
		dot_rows_packed(y, ldy, x, ldx, w, ldw, t, M, O, I);
}
