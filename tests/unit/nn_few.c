/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
/* Products of few rows in bfloat16, by every instruction set: against double precision, and every
 * row alone against the same row in company. */
#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/isa.h"
#include "base/mem.h"
#include "base/par.h"
#include "base/rng.h"
#include "nn/cpu/few.h"
#include "nn/cpu/narrow.h"
#include "t.h"

enum { N_MAX = 65, O_MAX = 100, I_MAX = 512, GAP = 3 };
#define UNTOUCHED 12345.0f

static float x[N_MAX * I_MAX], y[N_MAX * (O_MAX + GAP)], alone[O_MAX + GAP];

static float normal_bf16(struct fc_rng *r)
{
	return fc_bf16_to_f32(fc_f32_to_bf16((float)fc_rng_normal(r)));
}

/* Memory for n numbers, right before a page that may not be read. */
static uint16_t *at_the_edge(size_t n, void **map, size_t *size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t whole = (n * sizeof(uint16_t) + page - 1) / page * page;
	*size = whole + page;
	*map = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (*map == MAP_FAILED || mprotect((char *)*map + whole, page, PROT_NONE))
		abort();
	return (uint16_t *)(void *)((char *)*map + whole) - n;
}

static void product(const struct fc_few *f, float *to, size_t ldy, const float *from,
    const uint16_t *w, size_t N, size_t O, size_t I)
{
	void *pack = fc_malloc_aligned(f->pack_bytes(N, I), 1);
	for (size_t n = 0; n < N; n += f->pack_rows)
		f->pack(pack, from, n, N - n < f->pack_rows ? N - n : f->pack_rows, I);
	f->dot(to, ldy, pack, w, FC_BF16, N, O, I);
	free(pack);
}

/* Largest error as a share of what rounding can do; infinite where a float beside a row of y has
 * been written to. */
static double worst_share(const uint16_t *w, size_t N, size_t O, size_t I)
{
	double worst = 0;
	for (size_t n = 0; n < N; n++) {
		const float *row = y + n * (O + GAP);
		for (size_t o = 0; o < O; o++) {
			double sum = 0, size = 1e-30;
			for (size_t i = 0; i < I; i++) {
				const double p =
				    (double)x[n * I + i] * (double)fc_bf16_to_f32(w[o * I + i]);
				sum += p;
				size += fabs(p);
			}
			const double e =
			    fabs((double)row[o] - sum) / ((double)(I + 1) * T_U * size);
			worst = isnan(e) ? INFINITY : fmax(worst, e);
		}
		for (size_t o = O; o < O + GAP; o++)
			worst = row[o] == UNTOUCHED ? worst : INFINITY;
	}
	return worst;
}

static void clear(float *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = UNTOUCHED;
}

/* Every number of rows: errors, and bits that differ from those of the row alone. */
static void test_shape(const struct fc_few *f, size_t O, size_t I, struct fc_rng *r)
{
	void *map;
	size_t size, other = 0;
	double worst = 0;
	uint16_t *w = at_the_edge(O * I, &map, &size);
	for (size_t i = 0; i < O * I; i++)
		w[i] = fc_f32_to_bf16((float)fc_rng_normal(r));
	for (size_t i = 0; i < N_MAX * I; i++)
		x[i] = normal_bf16(r);
	for (size_t N = 1; N <= N_MAX; N += N < 34 ? 1 : N == 34 ? 13 : N < 63 ? 16 : 1) {
		clear(y, N * (O + GAP));
		product(f, y, O + GAP, x, w, N, O, I);
		worst = fmax(worst, worst_share(w, N, O, I));
		for (size_t n = N > 4 ? N - 4 : 0; n < N; n++) {
			product(f, alone, O, x + n * I, w, 1, O, I);
			other += memcmp(alone, y + n * (O + GAP), O * sizeof *y) != 0;
		}
	}
	T_OK(worst <= 1, "%s, %zu outputs of %zu: %.2f of the bound", f->name, O, I, worst);
	T_OK(other == 0, "%s, %zu outputs of %zu: %zu rows have other bits in company", f->name, O,
	    I, other);
	munmap(map, size);
}

/* What is not a number in one row stays there. */
static void test_company(const struct fc_few *f, struct fc_rng *r)
{
	enum { N = 17, O = 20, I = 45 };
	static uint16_t w[O * I];
	static float clean[N * O], dirty[N * O];
	size_t other = 0, finite = 0;
	for (size_t i = 0; i < O * I; i++)
		w[i] = fc_f32_to_bf16((float)fc_rng_normal(r));
	for (size_t i = 0; i < N * I; i++)
		x[i] = normal_bf16(r);
	product(f, clean, O, x, w, N, O, I);
	x[3 * I + 7] = NAN;
	x[16 * I] = INFINITY;
	product(f, dirty, O, x, w, N, O, I);
	for (size_t n = 0; n < N; n++)
		for (size_t o = 0; o < O; o++)
			if (n == 3 || n == 16)
				finite += isfinite(dirty[n * O + o]) != 0;
			else
				other += dirty[n * O + o] != clean[n * O + o];
	T_OK(other == 0 && finite == 0, "%s: a NaN and an infinity stay in their rows", f->name);
}

/* Weights of any type through fc_linear_fwd(), whose few rows are as they are alone. */
static void test_linear(enum fc_isa isa, enum fc_dtype t, struct fc_rng *r)
{
	enum { O = 70, I = 160 };
	static float wide[O * I];
	fc_isa_limit(isa);
	struct fc_nn *nn = fc_cpu_open(FC_COMPUTE_BF16);
	const size_t few = fc_linear_few_rows(nn);
	char *stored = fc_malloc(fc_dtype_bytes(t, (size_t)O * I));
	for (size_t i = 0; i < FC_LEN(wide); i++)
		wide[i] = (float)fc_rng_normal(r);
	fc_from_f32(stored, t, wide, FC_LEN(wide));
	for (size_t i = 0; i < few * I; i++)
		x[i] = (float)fc_rng_normal(r);
	const struct fc_weight w = {stored, t, O, I};
	size_t other = 0;
	for (size_t N = 1; N <= few; N++) {
		fc_linear_fwd(nn, y, x, &w, N);
		for (size_t n = N - 1; n < N; n++) {
			fc_linear_fwd(nn, alone, x + n * I, &w, 1);
			other += memcmp(alone, y + n * O, O * sizeof *y) != 0;
		}
	}
	T_OK(few >= 4 && few < N_MAX && other == 0,
	    "%s, weights %s: %zu of up to %zu rows have other bits in company", fc_isa_name(isa),
	    fc_dtype_name(t), other, few);
	free(stored);
	fc_nn_close(nn);
	fc_isa_limit(FC_ISA_N);
}

/* Rounding by two steps of others: to float32, which is exact, and to the nearest bfloat16. */
static void test_narrow(enum fc_isa isa, enum fc_dtype t, struct fc_rng *r)
{
	enum { N = 512 + 7 };
	static float wide[N];
	static uint16_t got[N + 1];
	const size_t n = fc_dtype_is_packed(t) ? 512 : N;
	char *stored = fc_malloc(fc_dtype_bytes(t, n));
	size_t other = 0;
	fc_isa_limit(isa);
	for (size_t i = 0; i < fc_dtype_bytes(t, n); i++)
		stored[i] = (char)fc_rng_u64(r);
	for (size_t i = 0; i < n && !fc_dtype_is_packed(t); i++)
		wide[i] = i == 40 ? -INFINITY : i == 518 ? INFINITY : (float)fc_rng_normal(r);
	if (!fc_dtype_is_packed(t))
		fc_from_f32(stored, t, wide, n);
	fc_to_f32(wide, stored, t, n);
	got[n] = 0x1234;
	fc_narrow(got, stored, t, n);
	for (size_t i = 0; i < n; i++)
		/* a block's scale may be any half */
		other += got[i] != fc_f32_to_bf16(wide[i]) && fabsf(wide[i]) > 0x1p-126f &&
		    !(fc_dtype_is_packed(t) && isnan(wide[i]));
	T_OK(other == 0 && got[n] == 0x1234,
	    "%s, from %s: %zu of %zu numbers are rounded otherwise", fc_isa_name(isa),
	    fc_dtype_name(t), other, n);
	free(stored);
	fc_isa_limit(FC_ISA_N);
}

/* Random blocks, but for their halves: those are below 2. */
static void *random_blocks(enum fc_dtype t, size_t n, struct fc_rng *r)
{
	const bool many = t >= FC_Q2_K && t <= FC_Q6_K;
	const size_t n_bytes = fc_dtype_bytes(t, n), block = fc_dtype_bytes(t, many ? 256 : 32);
	const size_t half = t == FC_Q2_K ? 80 : t == FC_Q3_K ? 108 : t == FC_Q6_K ? 208 : 0;
	const bool two =
	    t == FC_Q4_1 || t == FC_Q5_1 || t == FC_Q2_K || t == FC_Q4_K || t == FC_Q5_K;
	unsigned char *p = fc_malloc(n_bytes);
	for (size_t i = 0; i < n_bytes; i++)
		p[i] = (unsigned char)fc_rng_u64(r);
	for (size_t i = 0; i < n_bytes; i += block) {
		p[i + half + 1] &= 0xbf;
		if (two)
			p[i + half + 3] &= 0xbf;
	}
	return p;
}

static void packed_product(
    const struct fc_few *f, float *to, const float *from, const struct fc_weight *w, size_t N)
{
	void *pack = fc_malloc_aligned(f->pack_bytes(N, w->n_in), 1);
	for (size_t n = 0; n < N; n += f->pack_rows)
		f->pack(pack, from, n, N - n < f->pack_rows ? N - n : f->pack_rows, w->n_in);
	f->dot(to, w->n_out + GAP, pack, w->p, w->dtype, N, w->n_out, w->n_in);
	free(pack);
}

/* Largest error as a share of: 2^-16 of the largest of every 32 numbers of x times the weights'
 * sizes, and what rounding can do to a sum of all groups of 16 and their minima. */
static double worst_packed(const float *wide, size_t N, size_t O, size_t I)
{
	double worst = 0;
	for (size_t n = 0; n < N; n++)
		for (size_t o = 0; o < O; o++) {
			double sum = 0, size = 0, step = 0;
			for (size_t b = 0; b < I; b += 32) {
				double most = 0, weights = 0;
				for (size_t i = b; i < b + 32; i++) {
					const double xi = (double)x[n * I + i],
						     p = xi * (double)wide[o * I + i];
					sum += p;
					most = fmax(most, fabs(xi));
					weights += fabs((double)wide[o * I + i]);
				}
				step += 0x1p-16 * most * weights;
				size += most * weights;
			}
			const double e = fabs((double)y[n * (O + GAP) + o] - sum) /
			    (step + (double)(I / 8 + 8) * T_U * size + 1e-30);
			worst = isnan(e) ? INFINITY : fmax(worst, e);
		}
	return worst;
}

/* Rows that come alone, and the gap after every row of y. */
static size_t n_changed(const struct fc_few *f, const struct fc_weight *w, size_t N)
{
	const size_t O = w->n_out;
	size_t other = 0;
	for (size_t n = 0; n < N; n++) {
		packed_product(f, alone, x + n * w->n_in, w, 1);
		other += memcmp(alone, y + n * (O + GAP), O * sizeof *y) != 0;
		for (size_t o = O; o < O + GAP; o++)
			other += y[n * (O + GAP) + o] != UNTOUCHED;
	}
	return other;
}

/* Packed weights: errors, bits in company, and rows that are no numbers. */
static void test_packed(
    const struct fc_few *f, enum fc_dtype t, size_t O, size_t I, struct fc_rng *r)
{
	static const size_t rows[] = {1, 2, 11, 12, 16, 17, 31, 32, 33, N_MAX};
	static float wide[O_MAX * 512];
	const struct fc_weight w = {random_blocks(t, O * I, r), t, O, I};
	size_t other = 0, finite = 0;
	double worst = 0;
	fc_to_f32(wide, w.p, t, O * I);
	for (size_t i = 0; i < N_MAX * I; i++)
		x[i] = (float)(fc_rng_normal(r) * (i % 37 ? 1 : 100));
	memset(x + I, 0, I * sizeof *x);
	for (size_t k = 0; k < FC_LEN(rows); k++) {
		clear(y, rows[k] * (O + GAP));
		packed_product(f, y, x, &w, rows[k]);
		worst = fmax(worst, worst_packed(wide, rows[k], O, I));
		other += n_changed(f, &w, rows[k]);
	}
	T_OK(worst <= 1, "%s, %s, %zu outputs of %zu: %.2f of the bound", f->name, fc_dtype_name(t),
	    O, I, worst);
	x[3 * I + 7] = NAN;
	x[16 * I + I - 1] = -INFINITY;
	clear(y, 18 * (O + GAP));
	packed_product(f, y, x, &w, 18);
	for (size_t n = 0; n < 18; n++)
		for (size_t o = 0; o < O; o++)
			if (n == 3 || n == 16)
				finite += isfinite(y[n * (O + GAP) + o]) != 0;
			else
				other += !isfinite(y[n * (O + GAP) + o]);
	other += n_changed(f, &w, 3);
	T_OK(other == 0 && finite == 0,
	    "%s, %s, %zu outputs of %zu: %zu rows have other bits in company, %zu are finite",
	    f->name, fc_dtype_name(t), O, I, other, finite);
	free((void *)(uintptr_t)w.p);
}

static void *random_weights(enum fc_dtype t, size_t n, struct fc_rng *r)
{
	if (fc_dtype_is_packed(t))
		return random_blocks(t, n, r);
	void *p = fc_malloc(fc_dtype_bytes(t, n));
	float *wide = FC_ARRAY(float, n);
	for (size_t i = 0; i < n; i++)
		wide[i] = (float)fc_rng_normal(r);
	fc_from_f32(p, t, wide, n);
	free(wide);
	return p;
}

/* Weights of these types and different sizes together, by threads, have the bits they have one by
 * one. */
static void test_together(
    enum fc_isa isa, enum fc_compute compute, const enum fc_dtype t[3], struct fc_rng *r)
{
	enum { N = 3, I = 512, MOST = 900 };
	static const size_t n_out[] = {MOST, 70, 301};
	static float one[3][N * MOST], together[3][N * MOST];
	float *const to[] = {together[0], together[1], together[2]};
	struct fc_weight w[3];
	fc_isa_limit(isa);
	struct fc_nn *nn = fc_cpu_open(compute);
	for (size_t i = 0; i < N * I; i++)
		x[i] = (float)fc_rng_normal(r);
	bool same = true;
	for (int i = 0; i < 3; i++) {
		void *p = random_weights(t[i], n_out[i] * I, r);
		w[i] = (struct fc_weight){p, t[i], n_out[i], I};
		fc_linear_fwd(nn, one[i], x, &w[i], N);
	}
	fc_linears_fwd(nn, to, x, (const struct fc_weight *const[]){&w[0], &w[1], &w[2]}, 3, N);
	for (int i = 0; i < 3; i++) {
		same = same && !memcmp(one[i], together[i], N * n_out[i] * sizeof(float));
		free((void *)(uintptr_t)w[i].p);
	}
	T_OK(same, "%s, computing in %s, weights %s, %s and %s together: the bits of one by one",
	    fc_isa_name(isa), compute == FC_COMPUTE_F32 ? "float32" : "bfloat16",
	    fc_dtype_name(t[0]), fc_dtype_name(t[1]), fc_dtype_name(t[2]));
	fc_nn_close(nn);
	fc_isa_limit(FC_ISA_N);
}

/* y = x w^T as a program computes that asks for this. */
static void asked_product(
    enum fc_isa isa, enum fc_compute compute, float *to, const struct fc_weight *w, size_t N)
{
	fc_isa_limit(isa);
	struct fc_nn *nn = fc_cpu_open(compute);
	fc_linear_fwd(nn, to, x, w, N);
	fc_nn_close(nn);
	fc_isa_limit(FC_ISA_N);
}

/* Packed weights of few rows are taken as they are unless float32 is asked for, also where all
 * other products are in float32. */
static void test_asked(enum fc_isa isa, struct fc_rng *r)
{
	enum { N = 3, O = 40, I = 96 };
	static float any[N * O], narrow[N * O], exact[N * O], wide[O * I];
	const struct fc_weight w = {random_blocks(FC_Q8_0, O * I, r), FC_Q8_0, O, I},
			       floats = {wide, FC_F32, O, I};
	fc_to_f32(wide, w.p, FC_Q8_0, O * I);
	for (size_t i = 0; i < N * I; i++)
		x[i] = (float)fc_rng_normal(r);
	asked_product(isa, FC_COMPUTE_AUTO, any, &w, N);
	asked_product(isa, FC_COMPUTE_BF16, narrow, &w, N);
	asked_product(isa, FC_COMPUTE_F32, exact, &w, N);
	T_OK(memcmp(any, narrow, sizeof any) == 0, "%s: packed weights, auto as bf16",
	    fc_isa_name(isa));
	T_OK((memcmp(any, exact, sizeof any) == 0) == (isa < FC_ISA_AVX2),
	    "%s: packed weights, float32 where it is asked for", fc_isa_name(isa));
	asked_product(isa, FC_COMPUTE_F32, any, &floats, N);
	T_OK(memcmp(any, exact, sizeof any) == 0, "%s: the bits of float32 weights then",
	    fc_isa_name(isa));
	free((void *)(uintptr_t)w.p);
}

/* Instruction sets give the same bits. */
static void test_packed_sets(
    const struct fc_few *f, const struct fc_few *other, enum fc_dtype t, size_t I, struct fc_rng *r)
{
	enum { O = 37, N = 5 };
	static float of_other[N * (O + GAP)];
	const struct fc_weight w = {random_blocks(t, O * I, r), t, O, I};
	for (size_t i = 0; i < N * I; i++)
		x[i] = (float)(fc_rng_normal(r) * (i % 23 ? 1 : 1000));
	memset(x, 0, 32 * sizeof *x);
	clear(y, N * (O + GAP));
	clear(of_other, N * (O + GAP));
	packed_product(f, y, x, &w, N);
	packed_product(other, of_other, x, &w, N);
	T_OK(memcmp(y, of_other, sizeof of_other) == 0, "%s, %s: the bits of %s", f->name,
	    fc_dtype_name(t), other->name);
	free((void *)(uintptr_t)w.p);
}

/* lowest: of the lowest instruction set that has any, NULL before it was seen */
static void test_packed_types(const struct fc_few **lowest, struct fc_rng *r)
{
	static const enum fc_dtype types[] = {FC_Q4_0, FC_Q4_1, FC_Q5_0, FC_Q5_1, FC_Q8_0,
	    FC_IQ4_NL, FC_Q2_K, FC_Q3_K, FC_Q4_K, FC_Q5_K, FC_Q6_K};
	const struct fc_few *f = fc_few_packed();
	for (size_t t = 0; f && t < FC_LEN(types); t++) {
		const size_t block = types[t] >= FC_Q2_K && types[t] <= FC_Q6_K ? 256 : 32;
		test_packed(f, types[t], 1, block, r);
		test_packed(f, types[t], 37, block + 256, r);
		if (*lowest && *lowest != f)
			test_packed_sets(f, *lowest, types[t], block + 256, r);
	}
	*lowest = *lowest ? *lowest : f;
}

int main(void)
{
	static const size_t shape[][2] = {{1, 1}, {2, 7}, {5, 33}, {15, 64}, {16, 32}, {17, 31},
	    {31, 63}, {32, 96}, {33, 65}, {48, 97}, {70, 160}, {100, 129}};
	static const enum fc_dtype types[] = {FC_F32, FC_F16, FC_BF16, FC_Q4_0, FC_Q4_1, FC_Q5_0,
	    FC_Q5_1, FC_Q8_0, FC_Q2_K, FC_Q3_K, FC_Q4_K, FC_Q5_K, FC_Q6_K, FC_IQ4_NL};
	static const enum fc_dtype mixed[][3] = {{FC_Q8_0, FC_Q4_K, FC_Q6_K},
	    {FC_BF16, FC_BF16, FC_BF16}, {FC_F16, FC_F32, FC_BF16}, {FC_Q4_0, FC_BF16, FC_Q5_0}};
	const struct fc_few *all[FC_FEW_MAX], *lowest_packed = NULL;
	struct fc_rng r;
	fc_rng_seed(&r, 5);
	fc_par_init(2);
	const size_t n = fc_few_all(all);
	for (size_t k = 0; k < n; k++) {
		for (size_t s = 0; s < FC_LEN(shape); s++)
			test_shape(all[k], shape[s][0], shape[s][1], &r);
		test_company(all[k], &r);
	}
	for (enum fc_isa isa = FC_ISA_BASELINE; isa <= fc_isa(); isa++) {
		test_linear(isa, FC_F32, &r);
		test_linear(isa, FC_F16, &r);
		test_linear(isa, FC_BF16, &r);
		test_linear(isa, FC_Q8_0, &r);
		test_linear(isa, FC_Q4_0, &r);
		for (size_t t = 0; t < FC_LEN(types); t++)
			test_narrow(isa, types[t], &r);
		for (size_t t = 0; t < FC_LEN(mixed); t++) {
			test_together(isa, FC_COMPUTE_F32, mixed[t], &r);
			test_together(isa, FC_COMPUTE_BF16, mixed[t], &r);
		}
		test_asked(isa, &r);
		fc_isa_limit(isa);
		test_packed_types(&lowest_packed, &r);
		fc_isa_limit(FC_ISA_N);
	}
	return t_done();
}
