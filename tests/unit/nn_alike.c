/* SPDX-License-Identifier: Apache-2.0 */
#include "nn_oracle.h"

#include "nn/cpu/kern.h"
#include "tensor/dtype.h"

/* A row's result has the same bits alone and in company, wherever it stands, for every number of
 * rows, in every compute type. */

enum { ROWS = 600 };

static struct fc_weight weight_new(struct fc_rng *r, enum fc_dtype t, size_t O, size_t I)
{
	float *w = random_floats(r, O * I, 1);
	char *stored = fc_calloc(O * I, fc_dtype_size(t));
	fc_from_f32(stored, t, w, O * I);
	free(w);
	return (struct fc_weight){stored, t, O, I};
}

/* Rows of y [n, O] with other bits than those of whole [n, O]. */
static size_t n_other(const float *y, const float *whole, size_t n, size_t O)
{
	size_t other = 0;
	for (size_t r = 0; r < n; r++)
		other += memcmp(y + r * O, whole + r * O, O * sizeof *y) != 0;
	return other;
}

static void linear(struct fc_nn *nn, float *y, const float *x, const struct fc_weight *w, size_t N)
{
	const struct fc_weight on = device_weight(nn, w);
	fc_linear_fwd(nn, OUT(nn, y, N * w->n_out), IN(nn, x, N * w->n_in), &on, N);
	device_back(nn);
}

/* Rows with other bits in a product of n of them, from row "at" on, than in that of all. */
static size_t n_other_in(struct fc_nn *nn, const struct fc_weight *w, const float *x,
    const float *whole, size_t at, size_t n)
{
	float *y = fc_calloc(n * w->n_out, sizeof *y);
	linear(nn, y, x + at * w->n_in, w, n);
	const size_t other = n_other(y, whole + at * w->n_out, n, w->n_out);
	free(y);
	return other;
}

static size_t count_other(struct fc_nn *nn, const struct fc_weight *w, const float *x)
{
	static const size_t n[] = {1, 5, 12, 33, 64, 100, 300, 513}, at[] = {0, 8, 87};
	float *whole = fc_calloc(ROWS * w->n_out, sizeof *whole);
	size_t other = 0;
	linear(nn, whole, x, w, ROWS);
	for (size_t i = 0; i < sizeof n / sizeof *n; i++)
		for (size_t k = 0; k < sizeof at / sizeof *at; k++)
			other += n_other_in(nn, w, x, whole, at[k], n[i]);
	free(whole);
	return other;
}

/* The oracle: the same product in double precision; errors in units of what rounding can do. */
static double worst_error(struct fc_nn *nn, const struct fc_weight *w, const float *x, size_t N)
{
	const bool bf16 = fc_nn_compute(nn) == FC_COMPUTE_BF16;
	const size_t O = w->n_out, I = w->n_in;
	float *y = fc_calloc(N * O, sizeof *y), *a = fc_calloc(N * I, sizeof *a),
	      *b = fc_calloc(O * I, sizeof *b);
	double worst = 0;
	fc_to_f32(b, w->p, w->dtype, O * I);
	memcpy(a, x, N * I * sizeof *a);
	if (bf16) {
		fc_kern()->round_bf16(a, a, N * I);
		fc_kern()->round_bf16(b, b, O * I);
	}
	linear(nn, y, x, w, N);
	for (size_t n = 0; n < N; n++)
		for (size_t o = 0; o < O; o++) {
			double sum = 0, size = 0;
			for (size_t i = 0; i < I; i++) {
				const double p = (double)a[n * I + i] * (double)b[o * I + i];
				sum += p;
				size += fabs(p);
			}
			worst = fmax(worst,
			    fabs(sum - (double)y[n * O + o]) / (size * (double)(I + 1) * T_U));
		}
	free(y);
	free(a);
	free(b);
	return worst;
}

/* Do products of many rows sum in the order of those of few? */
static bool always(const struct fc_nn *nn)
{
	char text[160];
	fc_nn_describe(nn, text, sizeof text);
	return strstr(text, "bf16 products by tiles of AMX,") != NULL;
}

static void test_compute(enum fc_compute compute, enum fc_dtype t)
{
	static const size_t shape[][2] = {{8, 96}, {33, 40}, {128, 128}, {640, 128}, {192, 300},
	    {300, 1000}, {1030, 576}, {130, 2816}, {40000, 8}};
	struct fc_rng r;
	const char *word = fc_compute_words[compute];
	fc_rng_seed(&r, 1);
	struct fc_nn *nn = open_nn(compute);
	for (size_t s = 0; s < sizeof shape / sizeof *shape; s++) {
		const size_t O = shape[s][0], I = shape[s][1];
		struct fc_weight w = weight_new(&r, t, O, I);
		float *x = random_floats(&r, ROWS * I, 1);
		fc_nn_rows_alike(nn, true);
		const size_t alike = count_other(nn, &w, x);
		T_OK(alike == 0, "%s, weights %s, [%zu, %zu]: %zu rows are other in company", word,
		    fc_dtype_name(t), O, I, alike);
		const double error = worst_error(nn, &w, x, 37);
		T_OK(error <= 1, "... with errors of at most what rounding can do (%.2f)", error);
		fc_nn_rows_alike(nn, false);
		if (I == 2816) { /* fewer products may be added up in one order alone */
			const bool same = always(nn) && !fc_dtype_is_packed(t);
			T_OK((count_other(nn, &w, x) == 0) == same, "... which without it they %s",
			    same ? "are not, too" : "are");
		}
		free((void *)(uintptr_t)w.p);
		free(x);
	}
	fc_nn_close(nn);
}

int main(void)
{
	fc_par_init(2);
	test_compute(FC_COMPUTE_F32, FC_F32);
	test_compute(FC_COMPUTE_F32, FC_BF16);
	test_compute(FC_COMPUTE_BF16, FC_BF16);
	test_compute(FC_COMPUTE_BF16, FC_F32);
	return t_done();
}
