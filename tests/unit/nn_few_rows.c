/* SPDX-License-Identifier: Apache-2.0 */
#include "nn_oracle.h"

#include "tensor/dtype.h"

/* Products of so few rows that reading the weights is what takes time, on any device: against
 * double precision; a row has the same bits alone and in company, and twice the same. */

enum { ROWS = 64 };
static const size_t rows[] = {1, 2, 7, 8, 9, 16, 17, 31, 32, 33, 63, ROWS};

struct problem {
	struct fc_weight w;
	float *x, *y, *wide;        /* [ROWS,I], [ROWS,O], [O,I] */
	float *narrow_x, *narrow_w; /* as bfloat16 */
};

/* Random numbers, or blocks of bytes whose halves are below 2. */
static void *weights(struct fc_rng *r, enum fc_dtype t, size_t n)
{
	unsigned char *p = fc_malloc(fc_dtype_bytes(t, n) + 1);
	if (!fc_dtype_is_packed(t)) {
		float *w = random_floats(r, n, 1);
		fc_from_f32(p, t, w, n);
		free(w);
	}
	for (size_t i = 0; fc_dtype_is_packed(t) && i < fc_dtype_bytes(t, n); i++)
		p[i] = (unsigned char)(fc_rng_u64(r) & 0x3f);
	return p;
}

static float *rounded(const float *x, size_t n)
{
	float *y = fc_calloc(n, sizeof *y);
	for (size_t i = 0; i < n; i++)
		y[i] = fc_bf16_to_f32(fc_f32_to_bf16(x[i]));
	return y;
}

static struct problem problem_new(struct fc_rng *r, enum fc_dtype t, size_t O, size_t I)
{
	struct problem p = {.w = {weights(r, t, O * I), t, O, I},
	    .x = random_floats(r, ROWS * I, 1),
	    .y = fc_calloc(ROWS * O, sizeof(float)),
	    .wide = fc_calloc(O * I, sizeof(float))};
	fc_to_f32(p.wide, p.w.p, t, O * I);
	p.narrow_x = rounded(p.x, ROWS * I);
	p.narrow_w = rounded(p.wide, O * I);
	return p;
}

static void problem_release(struct problem *p)
{
	free((void *)(uintptr_t)p->w.p);
	free(p->x);
	free(p->y);
	free(p->wide);
	free(p->narrow_x);
	free(p->narrow_w);
}

/* y [n,O] of the rows from `at` on */
static void linear(struct fc_nn *nn, const struct problem *p, float *y, size_t at, size_t n)
{
	const struct fc_weight on = device_weight(nn, &p->w);
	fc_linear_fwd(
	    nn, OUT(nn, y, n * p->w.n_out), IN(nn, p->x + at * p->w.n_in, n * p->w.n_in), &on, n);
	device_back(nn);
}

/* Largest error of the first n rows of y = x w^T as a share of what rounding can do. */
static double worst_share(const struct problem *p, const float *x, const float *w, size_t n)
{
	const size_t O = p->w.n_out, I = p->w.n_in;
	double worst = 0;
	for (size_t i = 0; i < n * O; i++) {
		const float *a = x + i / O * I, *b = w + i % O * I;
		double sum = 0, size = 1e-30;
		for (size_t k = 0; k < I; k++) {
			sum += (double)a[k] * (double)b[k];
			size += fabs((double)a[k] * (double)b[k]);
		}
		const double e = fabs((double)p->y[i] - sum) / ((double)(I + 1) * T_U * size);
		worst = isnan(e) ? INFINITY : fmax(worst, e);
	}
	return worst;
}

/* Rows of all in products of every number of rows, first and last, that have other bits. */
static size_t n_other(struct fc_nn *nn, const struct problem *p, size_t n_all)
{
	const size_t O = p->w.n_out;
	float *y = fc_calloc(ROWS * O, sizeof *y);
	size_t other = 0;
	for (size_t k = 0; k < FC_LEN(rows) && rows[k] <= n_all; k++)
		for (int last = 0; last < 2; last++) {
			const size_t at = last ? n_all - rows[k] : 0;
			memset(y, 0, ROWS * O * sizeof *y);
			linear(nn, p, y, at, rows[k]);
			for (size_t n = 0; n < rows[k]; n++)
				other += memcmp(y + n * O, p->y + (at + n) * O, O * sizeof *y) != 0;
		}
	free(y);
	return other;
}

/* In BF16 both operands are rounded; with packed weights, of few rows, only where that is faster.
 */
static void test_shape(struct fc_nn *nn, struct fc_rng *r, enum fc_dtype t, size_t O, size_t I)
{
	const bool bf16 = fc_nn_compute(nn) == FC_COMPUTE_BF16;
	const size_t few = fc_linear_few_rows(nn), n = few < ROWS ? few : ROWS;
	struct problem p = problem_new(r, t, O, I);
	linear(nn, &p, p.y, 0, n);
	double error = bf16 ? worst_share(&p, p.narrow_x, p.narrow_w, n) : INFINITY;
	if (!bf16 || fc_dtype_is_packed(t))
		error = fmin(error, worst_share(&p, p.x, p.wide, n));
	const size_t other = n_other(nn, &p, n);
	T_OK(error <= 1 && other == 0,
	    "%s, weights %s, [%zu, %zu]: %.2f of the bound, %zu rows are other in company",
	    fc_compute_words[fc_nn_compute(nn)], fc_dtype_name(t), O, I, error, other);
	problem_release(&p);
}

/* What is no number stays in its row, and in the outputs whose weights it is among. */
static void test_company(struct fc_nn *nn, struct fc_rng *r, size_t O, size_t I)
{
	const size_t few = fc_linear_few_rows(nn), n = few < ROWS ? few : ROWS;
	struct problem p = problem_new(r, FC_BF16, O, I);
	float *dirty = fc_calloc(n * O, sizeof *dirty);
	uint16_t *w = (uint16_t *)(uintptr_t)p.w.p;
	linear(nn, &p, p.y, 0, n);
	p.x[I - 1] = NAN;
	p.x[(n - 1) * I] = INFINITY;
	w[O * I - 1] = 0x7fc0;
	linear(nn, &p, dirty, 0, n);
	size_t other = 0, finite = 0;
	for (size_t i = 0; i < n * O; i++)
		if (i / O == 0 || i / O == n - 1 || i % O == O - 1)
			finite += isfinite(dirty[i]) != 0;
		else
			other += memcmp(dirty + i, p.y + i, sizeof *dirty) != 0;
	T_OK(other == 0 && finite == 0,
	    "%s, [%zu, %zu]: what is no number stays in its row and output (%zu, %zu)",
	    fc_compute_words[fc_nn_compute(nn)], O, I, other, finite);
	free(dirty);
	problem_release(&p);
}

int main(void)
{
	/* The second: 1, 2, 4 and 8 parts of a device that sums up in parts, whole ones or not. */
	static const size_t shapes[][2] = {{1, 1}, {33, 65}, {129, 40}, {17, 193}, {70, 300},
	    {130, 256}, {5, 577}, {150, 1096}, {3000, 72}};
	static const enum fc_dtype types[] = {FC_BF16, FC_F32, FC_F16, FC_Q8_0, FC_Q4_K};
	struct fc_rng r;
	fc_rng_seed(&r, 21);
	fc_par_init(2);
	for (int bf16 = 0; bf16 < 2; bf16++) {
		struct fc_nn *nn = open_nn(bf16 ? FC_COMPUTE_BF16 : FC_COMPUTE_F32);
		for (size_t s = 0; s < FC_LEN(shapes); s++)
			test_shape(nn, &r, FC_BF16, shapes[s][0], shapes[s][1]);
		for (size_t t = 1; t < FC_LEN(types); t++)
			test_shape(nn, &r, types[t], 37, 768);
		test_company(nn, &r, 20, 45);
		test_company(nn, &r, 40, 600);
		fc_nn_close(nn);
	}
	return t_done();
}
