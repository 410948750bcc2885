/* SPDX-License-Identifier: Apache-2.0 */
/* Products and transposition of matrices in the cache; included by kern_body.h, so without a guard.
 */

/* y[r] += the sum of n rows of v times p[r], "rows" r, "vectors" * VL columns.  Four sums of each
 * are in flight, for every fourth row of v. */
INLINE void sums_tile(float *y, size_t ldy, const float *p, size_t ldp, const float *v, size_t ldv,
    size_t n, const int rows, const int vectors)
{
	vf sum[3][2][4] = {{{{0}}}}, row[2];
	for (int r = 0; r < rows; r++)
		for (int w = 0; w < vectors; w++)
			sum[r][w][0] = vload(y + (size_t)r * ldy + w * VL);
	size_t j = 0;
#define SUMS_ROW(c)                                                                                \
	do {                                                                                       \
		for (int w = 0; w < vectors; w++)                                                  \
			row[w] = vkept(vload(v + (j + (c)) * ldv + w * VL));                       \
		for (int r = 0; r < rows; r++)                                                     \
			for (int w = 0; w < vectors; w++)                                          \
				sum[r][w][c] = vfma(                                               \
				    vset(p[(size_t)r * ldp + j + (c)]), row[w], sum[r][w][c]);     \
	} while (0)
	for (; j + 4 <= n; j += 4) {
		SUMS_ROW(0);
		SUMS_ROW(1);
		SUMS_ROW(2);
		SUMS_ROW(3);
	}
	for (; j < n; j++)
		SUMS_ROW(0);
#undef SUMS_ROW
	for (int r = 0; r < rows; r++)
		for (int w = 0; w < vectors; w++) {
			const vf *s = sum[r][w];
			vstore(y + (size_t)r * ldy + w * VL, (s[0] + s[1]) + (s[2] + s[3]));
		}
}

/* Rows of p share what is read of v. */
INLINE void sums_columns(float *y, size_t ldy, const float *p, size_t ldp, const float *v,
    size_t ldv, size_t R, size_t n, const int vectors)
{
	size_t r = 0;
#define SUMS_STEP(rows) sums_tile(y + r * ldy, ldy, p + r * ldp, ldp, v, ldv, n, rows, vectors)
	for (; R - r == 3 || R - r > 4; r += 3)
		SUMS_STEP(3);
	for (; R - r >= 2; r += 2)
		SUMS_STEP(2);
	if (r < R)
		SUMS_STEP(1);
#undef SUMS_STEP
}

static void kern_weighted_sums(float *y, size_t ldy, const float *p, size_t ldp, const float *v,
    size_t ldv, size_t R, size_t n, size_t D)
{
	enum { VECTORS = REGISTERS == 32 ? 2 : 1 }; /* four sums of each, of up to three rows */
	size_t d = 0;
	for (; d + VECTORS * VL <= D; d += VECTORS * VL)
		sums_columns(y + d, ldy, p, ldp, v + d, ldv, R, n, VECTORS);
	for (; d + VL <= D; d += VL)
		sums_columns(y + d, ldy, p, ldp, v + d, ldv, R, n, 1);
	for (size_t r = 0; r < R; r++)
		for (size_t c = d; c < D; c++) {
			float sum = y[r * ldy + c];
			for (size_t j = 0; j < n; j++)
				sum += p[r * ldp + j] * v[j * ldv + c];
			y[r * ldy + c] = sum;
		}
}

/* rows * vectors sums in registers; part: floats of a last, partial vector, else VL */
INLINE void mm_tile(float *c, size_t ldc, const float *a, size_t a_row, size_t a_k, const float *b,
    size_t ldb, size_t K, bool accumulate, const int rows, const int vectors, size_t part)
{
	vf sum[MM_ROWS][2];
	for (int r = 0; r < rows; r++)
		for (int v = 0; v < vectors; v++) {
			const float *p = c + (size_t)r * ldc + v * VL;
			sum[r][v] = !accumulate ? vset(0)
			    : part < VL         ? vload_part(p, part, 0)
						: vload(p);
		}
	for (size_t k = 0; k < K; k++) {
		vf bv[2];
		for (int v = 0; v < vectors; v++) {
			const float *p = b + k * ldb + v * VL;
			bv[v] = part < VL ? vload_part(p, part, 0) : vload(p);
		}
		for (int r = 0; r < rows; r++)
			for (int v = 0; v < vectors; v++)
				sum[r][v] =
				    vfma(vset(a[(size_t)r * a_row + k * a_k]), bv[v], sum[r][v]);
	}
	for (int r = 0; r < rows; r++)
		for (int v = 0; v < vectors; v++) {
			float *p = c + (size_t)r * ldc + v * VL;
			if (part < VL)
				vstore_part(p, sum[r][v], part);
			else
				vstore(p, sum[r][v]);
		}
}

INLINE void mm_columns(float *c, size_t ldc, const float *a, size_t a_row, size_t a_k,
    const float *b, size_t ldb, size_t M, size_t K, bool accumulate, const int vectors, size_t part)
{
	size_t m = 0;
#define MM_STEP(rows)                                                                              \
	for (; m + (rows) <= M; m += (rows))                                                       \
	mm_tile(c + m * ldc, ldc, a + m * a_row, a_row, a_k, b, ldb, K, accumulate, rows, vectors, \
	    part)
	MM_STEP(MM_ROWS);
	MM_STEP(4);
	MM_STEP(1);
#undef MM_STEP
}

static void kern_mm(float *c, size_t ldc, const float *a, size_t a_row, size_t a_k, const float *b,
    size_t ldb, size_t M, size_t N, size_t K, bool accumulate)
{
	size_t n = 0;
	for (; n + 2 * VL <= N; n += 2 * VL)
		mm_columns(c + n, ldc, a, a_row, a_k, b + n, ldb, M, K, accumulate, 2, VL);
	for (; n + VL <= N; n += VL)
		mm_columns(c + n, ldc, a, a_row, a_k, b + n, ldb, M, K, accumulate, 1, VL);
	if (n < N)
		mm_columns(c + n, ldc, a, a_row, a_k, b + n, ldb, M, K, accumulate, 1, N - n);
}

/* Squares of 4 by 4, the rest one by one. */
static void kern_transpose(float *y, size_t ldy, const float *x, size_t ldx, size_t M, size_t N)
{
	typedef float v4 __attribute__((vector_size(16)));
	for (size_t n = 0; n < N; n += 4)
		for (size_t m = 0; m < M; m += 4) {
			if (m + 4 > M || n + 4 > N) {
				for (size_t i = m; i < M && i < m + 4; i++)
					for (size_t j = n; j < N && j < n + 4; j++)
						y[j * ldy + i] = x[i * ldx + j];
				continue;
			}
			v4 r[4], t[4];
			for (int i = 0; i < 4; i++)
				memcpy(&r[i], x + (m + (size_t)i) * ldx + n, sizeof r[i]);
			t[0] = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
			t[1] = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
			t[2] = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
			t[3] = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
			r[0] = __builtin_shufflevector(t[0], t[2], 0, 1, 4, 5);
			r[1] = __builtin_shufflevector(t[0], t[2], 2, 3, 6, 7);
			r[2] = __builtin_shufflevector(t[1], t[3], 0, 1, 4, 5);
			r[3] = __builtin_shufflevector(t[1], t[3], 2, 3, 6, 7);
			for (int i = 0; i < 4; i++)
				memcpy(y + (n + (size_t)i) * ldy + m, &r[i], sizeof r[i]);
		}
}

INLINE vf load_weights(const char *w, enum fc_dtype t)
{
	if (t == FC_BF16)
		return load_bf16(w);
	if (t == FC_F16)
		return load_f16(w);
	vf v;
	memcpy(&v, w, sizeof v);
	return v;
}

INLINE vf load_weights_part(const char *w, enum fc_dtype t, size_t n)
{
	char part[4 * VL] = {0};
	memcpy(part, w, n * (t == FC_F32 ? 4 : 2));
	return load_weights(part, t);
}

/* XR rows of x times WR rows of w: XR * WR sums in registers; "ask": for the weights ahead. */
INLINE void dot_tile(float *y, size_t ldy, const float *x, size_t ldx, const char *w, size_t ldw,
    enum fc_dtype t, size_t I, const int XR, const int WR, bool ask)
{
	const size_t size = t == FC_F32 ? 4 : 2, row = ldw * size;
	const uintptr_t ahead = ask ? (uintptr_t)w + fc_ahead_bytes((size_t)WR * row) : 0;
	vf sum[4][4] = {{{0}}};
	for (size_t i = 0; i < I; i += VL) {
		const bool whole = i + VL <= I;
		vf wv[4], xv;
		if (ask)
			fc_ahead(ahead + (size_t)WR * i * size, (size_t)WR * VL * size);
		for (int b = 0; b < WR; b++) {
			const char *p = w + ((size_t)b * ldw + i) * size;
			wv[b] = whole ? load_weights(p, t) : load_weights_part(p, t, I - i);
		}
		for (int a = 0; a < XR; a++) {
			const float *p = x + (size_t)a * ldx + i;
			xv = whole ? vload(p) : vload_part(p, I - i, 0);
			for (int b = 0; b < WR; b++)
				sum[a][b] = vfma(xv, wv[b], sum[a][b]);
		}
	}
	for (int a = 0; a < XR; a++) {
		if (WR == 4)
			vstore_sums(y + (size_t)a * ldy, sum[a]);
		for (int b = 0; b < WR && WR != 4; b++)
			y[(size_t)a * ldy + (size_t)b] = vsum(sum[a][b]);
	}
}

/* M rows of x times WR rows of w.  Those ahead are asked for where rows follow one another; keys
 * have other heads' between them. */
INLINE void dot_tiles(float *y, size_t ldy, const float *x, size_t ldx, const char *w, size_t ldw,
    enum fc_dtype t, size_t M, size_t I, const int WR)
{
	bool ask = ldw == I;
	size_t m = 0;
	for (; m + 4 <= M; m += 4, ask = false)
		dot_tile(y + m * ldy, ldy, x + m * ldx, ldx, w, ldw, t, I, 4, WR, ask);
	if (M - m == 3 && REGISTERS == 32) {
		dot_tile(y + m * ldy, ldy, x + m * ldx, ldx, w, ldw, t, I, 3, WR, ask);
		return;
	}
	if (M - m >= 2) {
		dot_tile(y + m * ldy, ldy, x + m * ldx, ldx, w, ldw, t, I, 2, WR, ask);
		m += 2;
		ask = false;
	}
	if (m < M)
		dot_tile(y + m * ldy, ldy, x + m * ldx, ldx, w, ldw, t, I, 1, WR, ask);
}

INLINE void dot_rows_of(float *y, size_t ldy, const float *x, size_t ldx, const char *w, size_t ldw,
    enum fc_dtype t, size_t M, size_t O, size_t I)
{
	const size_t row = ldw * (t == FC_F32 ? 4 : 2);
	size_t o = 0;
	for (; o + 4 <= O; o += 4)
		dot_tiles(y + o, ldy, x, ldx, w + o * row, ldw, t, M, I, 4);
	for (; o < O; o++)
		dot_tiles(y + o, ldy, x, ldx, w + o * row, ldw, t, M, I, 1);
}
