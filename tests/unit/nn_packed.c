/* SPDX-License-Identifier: Apache-2.0 */
/* Products and embeddings with packed weights against the same weights as float32. */
#include "base/mem.h"
#include "base/rng.h"
#include "nn/cpu/kern.h"
#include "device.h"
#include "nn/nn.h"
#include "t.h"

enum { O = 37, I = 768, N_MAX = 70 };

static const enum fc_dtype types[] = {FC_Q4_0, FC_Q4_1, FC_Q5_0, FC_Q5_1, FC_Q8_0, FC_Q2_K, FC_Q3_K,
    FC_Q4_K, FC_Q5_K, FC_Q6_K, FC_IQ4_NL};
static float x[N_MAX * I], wide[O * I], y[N_MAX * O];

/* Random bytes of which the halves are moderate: every byte below 0x40 makes halves below 2. */
static void *blocks(enum fc_dtype t, struct fc_rng *r)
{
	const size_t n = fc_dtype_bytes(t, (size_t)O * I);
	unsigned char *p = fc_malloc(n);
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(fc_rng_u64(r) & 0x3f);
	return p;
}

/*
 * Largest |y[n,o] - sum_k x[n,k] w[o,k]| as a share of what rounding can do: (K + 1) T_U times the
 * sum of |x w|; at and below 1 it is right.
 */
static double share(const float *a, size_t a_row, const float *b, size_t b_col, size_t b_k,
    const float *c, size_t N, size_t n_out, size_t K)
{
	double most = 0;
	for (size_t n = 0; n < N; n++)
		for (size_t o = 0; o < n_out; o++) {
			double sum = 0, size = 0;
			for (size_t k = 0; k < K; k++) {
				const double t =
				    (double)a[n * a_row + k] * (double)b[o * b_col + k * b_k];
				sum += t;
				size += fabs(t);
			}
			const double e =
			    fabs((double)c[n * n_out + o] - sum) / ((double)(K + 1) * T_U * size);
			most = isnan(e) ? INFINITY : fmax(most, e);
		}
	return most;
}

static const float *rounded(float *to, const float *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = fc_bf16_to_f32(fc_f32_to_bf16(from[i]));
	return to;
}

/* In BF16 both operands are rounded; of few rows, only where that is faster. */
static void test_linear(struct fc_nn *nn, enum fc_dtype t, const void *p)
{
	static const size_t rows[] = {1, 2, 5, 33, N_MAX};
	static float x_bf16[FC_LEN(x)], w_bf16[FC_LEN(wide)];
	const struct fc_weight packed = {p, t, O, I};
	const bool bf16 = fc_nn_compute(nn) == FC_COMPUTE_BF16;
	rounded(x_bf16, x, FC_LEN(x));
	rounded(w_bf16, wide, FC_LEN(wide));
	double most = 0;
	for (size_t k = 0; k < FC_LEN(rows); k++) {
		const bool few = rows[k] <= fc_linear_few_rows(nn);
		const struct fc_weight w = device_weight(nn, &packed);
		fc_linear_fwd(nn, OUT(nn, y, rows[k] * O), IN(nn, x, rows[k] * I), &w, rows[k]);
		device_back(nn);
		const double exact = share(x, I, wide, I, 1, y, rows[k], O, I),
			     narrow = share(x_bf16, I, w_bf16, I, 1, y, rows[k], O, I);
		most = fmax(most, !bf16 ? exact : few ? fmin(exact, narrow) : narrow);
	}
	T_OK(most <= 1, "%s: products as with %s: %.2f of the bound", fc_dtype_name(t),
	    bf16 ? "bfloat16" : "float32", most);
}

static void test_backward(struct fc_nn *nn, enum fc_dtype t, const void *p)
{
	static float dx[3 * I];
	const struct fc_weight packed = {p, t, O, I};
	const struct fc_weight w = device_weight(nn, &packed);
	fc_linear_bwd_x(nn, OUT(nn, dx, 3 * I), IN(nn, x, 3 * O), &w, 3, false);
	device_back(nn);
	const double most = share(x, O, wide, 1, I, dx, 3, I, O);
	T_OK(most <= 1, "%s: gradient of the input: %.2f of the bound", fc_dtype_name(t), most);
}

static void test_embedding(struct fc_nn *nn, enum fc_dtype t, const void *p)
{
	static const uint32_t tok[] = {36, 0, 17};
	const struct fc_weight packed = {p, t, O, I};
	bool same = true;
	const struct fc_weight w = device_weight(nn, &packed);
	fc_embed_fwd(nn, OUT(nn, y, 3 * I), &w, tok, 3, 1);
	device_back(nn);
	for (size_t n = 0; n < 3; n++)
		same = same && !memcmp(y + n * I, wide + tok[n] * I, I * sizeof *y);
	T_OK(same, "%s: rows of an embedding", fc_dtype_name(t));
}

/* Every instruction set's own kernel, with a tail of columns. */
static void test_kernels(enum fc_dtype t, const void *p)
{
	const struct fc_kern *all[FC_KERN_MAX];
	const size_t n = fc_kern_all(all), cols = I - 256;
	for (size_t k = 0; k < n; k++) {
		all[k]->dot_rows(y, O, x, I, p, I, t, 3, O, cols);
		const double most = share(x, I, wide, I, 1, y, 3, O, cols);
		T_OK(most <= 1, "%s: %s: %.2f of the bound", fc_dtype_name(t), all[k]->name, most);
	}
}

/* Sums longer than a chunk of columns; a row alone and among others. */
static void test_rows_alone(enum fc_dtype t, struct fc_rng *r)
{
	enum { ROWS = 13, COLS = 2304, OUT = 6 };
	static float in[ROWS * COLS], all_rows[ROWS * OUT], one[OUT];
	const struct fc_kern *all[FC_KERN_MAX];
	const size_t n = fc_kern_all(all);
	unsigned char *p = fc_malloc(fc_dtype_bytes(t, OUT * COLS));
	for (size_t i = 0; i < fc_dtype_bytes(t, OUT * COLS); i++)
		p[i] = (unsigned char)(fc_rng_u64(r) & 0x3f);
	for (size_t i = 0; i < FC_LEN(in); i++)
		in[i] = (float)fc_rng_normal(r);
	for (size_t k = 0; k < n; k++) {
		bool same = true;
		for (size_t rows = 1; rows <= ROWS; rows++) {
			all[k]->dot_rows(all_rows, OUT, in, COLS, p, COLS, t, rows, OUT, COLS);
			for (size_t m = 0; m < rows; m++) {
				all[k]->dot_rows(
				    one, OUT, in + m * COLS, COLS, p, COLS, t, 1, OUT, COLS);
				same = same && !memcmp(one, all_rows + m * OUT, sizeof one);
			}
		}
		T_OK(same, "%s: %s: the same bits alone and among others", fc_dtype_name(t),
		    all[k]->name);
	}
	free(p);
}

int main(void)
{
	struct fc_nn *nn = open_nn(FC_COMPUTE_F32), *narrow = open_nn(FC_COMPUTE_BF16);
	struct fc_rng r;
	fc_rng_seed(&r, 3);
	for (size_t i = 0; i < FC_LEN(x); i++)
		x[i] = (float)fc_rng_normal(&r);
	for (size_t i = 0; i < FC_LEN(types); i++) {
		void *p = blocks(types[i], &r);
		fc_to_f32(wide, p, types[i], (size_t)O * I);
		test_linear(nn, types[i], p);
		test_linear(narrow, types[i], p);
		test_backward(nn, types[i], p);
		test_embedding(nn, types[i], p);
		test_kernels(types[i], p);
		test_rows_alone(types[i], &r);
		free(p);
	}
	fc_nn_close(nn);
	fc_nn_close(narrow);
	return t_done();
}
