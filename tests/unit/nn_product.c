/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
/* Products of many rows by tiles, by every instruction set that has them, also where another is
 * faster: against double precision, with factors that end where memory does; every element alone
 * against the same one in company, and by other numbers of threads. */
#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/isa.h"
#include "base/rng.h"
#include "nn/cpu/product.h"
#include "nn_oracle.h"
#include "tensor/dtype.h"

enum { GAP = 3 };
#define UNTOUCHED 12345.0f

static struct fc_rng rng;

/* A factor in memory of its own, right before a page that may not be read. */
struct owned {
	struct fc_factor f;
	void *map;
	size_t size;
};

static struct owned factor_new(size_t n, size_t K, enum fc_dtype t, bool by_depth)
{
	struct owned o = {{NULL, t, n, (by_depth ? n : K) + GAP, by_depth}, NULL, 0};
	const size_t page = (size_t)sysconf(_SC_PAGESIZE), rows = by_depth ? K : n,
		     numbers = rows * o.f.ld - GAP, bytes = numbers * fc_dtype_size(t);
	const size_t whole = (bytes + page - 1) / page * page;
	float *x = FC_ARRAY(float, numbers);
	for (size_t i = 0; i < numbers; i++)
		x[i] = (float)fc_rng_normal(&rng);
	o.size = whole + page;
	o.map = mmap(NULL, o.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (o.map == MAP_FAILED || mprotect((char *)o.map + whole, page, PROT_NONE))
		abort();
	o.f.p = (char *)o.map + whole - bytes;
	fc_from_f32((char *)o.map + whole - bytes, t, x, numbers);
	free(x);
	return o;
}

/* Element (i, k), rounded to bfloat16. */
static double element(const struct fc_factor *f, size_t i, size_t k)
{
	const size_t at = f->by_depth ? k * f->ld + i : i * f->ld + k;
	if (f->t == FC_BF16)
		return (double)fc_bf16_to_f32(((const uint16_t *)f->p)[at]);
	return (double)fc_bf16_to_f32(fc_f32_to_bf16(((const float *)f->p)[at]));
}

/* Error as a share of what rounding can do; before: what was added to. */
static double share(const struct fc_factor *a, const struct fc_factor *b, size_t K, size_t m,
    size_t n, float before, float c)
{
	double sum = (double)before, size = fabs(sum) + 1e-30;
	for (size_t k = 0; k < K; k++) {
		const double p = element(a, m, k) * element(b, n, k);
		sum += p;
		size += fabs(p);
	}
	const double e = fabs((double)c - sum) / ((double)(K + 1) * T_U * size);
	return isnan(e) ? INFINITY : e;
}

/* c [M, N + GAP], with what the product added to in all of it. */
static float *result_new(size_t M, size_t N, float before)
{
	float *c = FC_ARRAY(float, M *(N + GAP));
	for (size_t i = 0; i < M * (N + GAP); i++)
		c[i] = i % (N + GAP) < N ? before : UNTOUCHED;
	return c;
}

/* Of some elements of every row, and the gap beside it. */
static double worst_share(
    const struct fc_factor *a, const struct fc_factor *b, size_t K, const float *c, float before)
{
	double worst = 0;
	for (size_t m = 0; m < a->n; m++) {
		const float *row = c + m * (b->n + GAP);
		for (size_t n = m % 7; n < b->n; n += 7)
			worst = fmax(worst, share(a, b, K, m, n, before, row[n]));
		for (size_t g = 0; g < GAP; g++)
			worst = row[b->n + g] == UNTOUCHED ? worst : INFINITY;
	}
	return worst;
}

/* Rows [m, m + M) and columns [n, n + N) by themselves: how many have other bits than in all. */
static size_t n_other(const struct fc_products *p, struct fc_cpu *cpu, struct fc_factor a,
    struct fc_factor b, size_t K, const float *all, size_t m, size_t M, size_t n, size_t N)
{
	const size_t ld = b.n + GAP;
	const size_t at_a = a.by_depth ? m : m * a.ld, at_b = b.by_depth ? n : n * b.ld;
	size_t other = 0;
	a.p = (const char *)a.p + at_a * fc_dtype_size(a.t);
	b.p = (const char *)b.p + at_b * fc_dtype_size(b.t);
	a.n = M;
	b.n = N;
	float *c = result_new(M, N, 0);
	const struct fc_product_side side = {b, c, N + GAP};
	p->product(cpu, &a, K, &side, 1, false);
	for (size_t r = 0; r < M; r++)
		other += memcmp(c + r * (N + GAP), all + (m + r) * ld + n, N * sizeof *c) != 0;
	free(c);
	return other;
}

static void test_shape(
    const struct fc_products *p, struct fc_cpu *cpu, size_t M, size_t N, size_t K, int form)
{
	const struct owned a = factor_new(M, K, form & 1 ? FC_BF16 : FC_F32, form & 4),
			   b = factor_new(N, K, form & 2 ? FC_BF16 : FC_F32, form & 8),
			   b2 = factor_new(N / 2 + 1, K, form & 2 ? FC_BF16 : FC_F32, form & 8);
	float *c = result_new(M, N, 0), *c2 = result_new(M, N / 2 + 1, 0),
	      *sum = result_new(M, N, 2.5f), *one = result_new(M, N, 0);
	const struct fc_product_side side[] = {{b.f, c, N + GAP}, {b2.f, c2, N / 2 + 1 + GAP}},
				     added = {b.f, sum, N + GAP}, single = {b.f, one, N + GAP};
	p->product(cpu, &a.f, K, side, 2, false);
	p->product(cpu, &a.f, K, &added, 1, true);
	const double worst =
	    fmax(fmax(worst_share(&a.f, &b.f, K, c, 0), worst_share(&a.f, &b2.f, K, c2, 0)),
		worst_share(&a.f, &b.f, K, sum, 2.5f));
	T_OK(worst <= 1, "%s, %zu x %zu x %zu, form %d: %.2f of the bound", p->name, M, N, K, form,
	    worst);
	fc_par_init(1);
	p->product(cpu, &a.f, K, &single, 1, false);
	fc_par_init(2);
	T_OK(!memcmp(one, c, M * (N + GAP) * sizeof *c), "... the same bits by one thread");
	const size_t m = M / 3, n = N / 3;
	T_EQ(n_other(p, cpu, a.f, b.f, K, c, m, 1, n, N - n) +
		n_other(p, cpu, a.f, b.f, K, c, m, M - m, n, 1) +
		n_other(p, cpu, a.f, b.f, K, c, 0, m + 1, 0, n + 1),
	    0, "... rows and columns that have other bits alone");
	free(c);
	free(c2);
	free(sum);
	free(one);
	munmap(a.map, a.size);
	munmap(b.map, b.size);
	munmap(b2.map, b2.size);
}

/* What is not a number in one row stays there. */
static void test_company(const struct fc_products *p, struct fc_cpu *cpu)
{
	enum { M = 37, N = 50, K = 70 };
	const struct owned a = factor_new(M, K, FC_F32, false),
			   b = factor_new(N, K, FC_BF16, false);
	float *clean = result_new(M, N, 0), *dirty = result_new(M, N, 0),
	      *x = (float *)(uintptr_t)a.f.p;
	const struct fc_product_side before = {b.f, clean, N + GAP}, after = {b.f, dirty, N + GAP};
	size_t other = 0, finite = 0;
	p->product(cpu, &a.f, K, &before, 1, false);
	x[3 * a.f.ld + 7] = NAN;
	x[36 * a.f.ld] = INFINITY;
	p->product(cpu, &a.f, K, &after, 1, false);
	for (size_t m = 0; m < M; m++)
		for (size_t n = 0; n < N; n++)
			if (m == 3 || m == 36)
				finite += isfinite(dirty[m * (N + GAP) + n]);
			else
				other += clean[m * (N + GAP) + n] != dirty[m * (N + GAP) + n];
	T_OK(finite == 0, "%s: a row with NaN, and one with an infinity, are so throughout",
	    p->name);
	T_OK(other == 0, "%s: ... and no other row", p->name);
	free(clean);
	free(dirty);
	munmap(a.map, a.size);
	munmap(b.map, b.size);
}

/* The gated network against the products and the unit one by one. */
static void test_glu(const struct fc_products *p, struct fc_nn *nn, size_t M, size_t F, size_t K,
    size_t N, enum fc_act act)
{
	struct fc_cpu *cpu = fc_cpu_of(nn);
	const struct owned x = factor_new(M, K, FC_F32, false);
	struct owned gate = factor_new(F, K, FC_BF16, false), up = factor_new(F, K, FC_F32, false),
		     down = factor_new(N, F, FC_BF16, false);
	float *g = FC_ARRAY(float, M *F), *u = FC_ARRAY(float, M *F), *y = result_new(M, N, 0),
	      *want = result_new(M, N, 0);
	const struct fc_product_side side[] = {{gate.f, g, F}, {up.f, u, F}},
				     out = {down.f, want, N + GAP};
	p->product(cpu, &x.f, K, side, 2, false);
	fc_glu_fwd(nn, g, g, u, act, M, F);
	const struct fc_factor middle = {g, FC_F32, M, F, false};
	p->product(cpu, &middle, F, &out, 1, false);
	p->glu(cpu, &x.f, K, &(struct fc_glu){gate.f, up.f, down.f, act}, y, N + GAP);
	T_OK(!memcmp(y, want, M * (N + GAP) * sizeof *y),
	    "%s: a gated network of %zu rows, %zu to %zu to %zu, has the bits of its parts",
	    p->name, M, K, F, N);
	free(g);
	free(u);
	free(y);
	free(want);
	munmap(x.map, x.size);
	munmap(gate.map, gate.size);
	munmap(up.map, up.size);
	munmap(down.map, down.size);
}

static void test_products(const struct fc_products *p, struct fc_nn *nn)
{
	static const size_t shape[][3] = {{1, 1, 1}, {33, 16, 32}, {16, 33, 31}, {64, 64, 64},
	    {8, 17, 65}, {100, 70, 100}, {600, 40, 129}, {40, 1100, 300}, {35, 50, 1536},
	    {70, 47, 1600}, {17, 19, 4000}};
	struct fc_cpu *cpu = fc_cpu_of(nn);
	for (size_t s = 0; s < sizeof shape / sizeof *shape; s++)
		for (int form = 0; form < 16; form++)
			test_shape(p, cpu, shape[s][0], shape[s][1], shape[s][2], form);
	test_company(p, cpu);
	test_glu(p, nn, 1, 1, 1, 1, FC_ACT_SILU);
	test_glu(p, nn, 33, 70, 40, 21, FC_ACT_GELU_TANH);
	test_glu(p, nn, 97, 600, 130, 64, FC_ACT_SILU);
	test_glu(p, nn, 700, 1700, 64, 33, FC_ACT_SILU);
	test_glu(p, nn, 40, 300, 1700, 50, FC_ACT_GELU);
}

int main(void)
{
	fc_par_init(2);
	fc_rng_seed(&rng, 1);
	struct fc_nn *nn = fc_cpu_open(FC_COMPUTE_BF16);
#if defined(__x86_64__)
	if (fc_isa() >= FC_ISA_AVX512_BF16)
		test_products(&fc_products_avx512_bf16, nn);
	if (fc_cpu_of(nn)->products == &fc_products_amx)
		test_products(&fc_products_amx, nn);
#endif
	if (fc_isa() < FC_ISA_AVX512_BF16)
		t_skip("products by tiles: the processor, or FC_ISA, has no bfloat16");
	fc_nn_close(nn);
	return t_done();
}
