/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of few rows, as when answers are generated, against what this machine can do at all: of
 * one row against reading memory, of eight against the multiplications of its best instruction for
 * them. All by as many threads as there are; each product has weights of its own, which no cache
 * holds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/isa.h"
#include "base/mem.h"
#include "base/par.h"
#include "nn/nn.h"

enum { O = 4096, I = 2048, MOST = 8, TRIES = 7, TURNS = 1 << 22, CHAINS = 12 };
#define WEIGHTS ((size_t)256 << 20)

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Bytes a second that are read and added up. */
static double read_rate(const uint64_t *p, size_t n)
{
	double best = 1e9;
	uint64_t all = 0;
	for (int i = 0; i < TRIES; i++) {
		const double t = now();
#pragma omp parallel for reduction(+ : all)
		for (size_t at = 0; at < n; at += 8) {
			uint64_t sum = 0;
			for (size_t j = 0; j < 8; j++)
				sum += p[at + j];
			all += sum;
		}
		best = now() - t < best ? now() - t : best;
	}
	if (all == 1)
		printf(" "); /* so that it is computed */
	return (double)(n * sizeof *p) / best;
}

#if defined(__x86_64__)
/* CHAINS sums that do not wait for one another, in registers. */
__attribute__((target("avx512f,avx512vnni"))) static int vnni_turns(void)
{
	__m512i sum[CHAINS], q = _mm512_set1_epi8(3), x = _mm512_set1_epi8(5);
#pragma GCC unroll 12
	for (int c = 0; c < CHAINS; c++)
		sum[c] = _mm512_set1_epi32(c);
	for (int i = 0; i < TURNS; i++)
#pragma GCC unroll 12
		for (int c = 0; c < CHAINS; c++)
			__asm__ volatile("vpdpbusd %2, %1, %0" : "+v"(sum[c]) : "v"(q), "v"(x));
#pragma GCC unroll 12
	for (int c = 1; c < CHAINS; c++)
		sum[0] = _mm512_add_epi32(sum[0], sum[c]);
	return _mm512_reduce_add_epi32(sum[0]);
}

__attribute__((target("avx2"))) static int avx2_turns(void)
{
	__m256i sum[CHAINS], q = _mm256_set1_epi16(3), x = _mm256_set1_epi16(5);
#pragma GCC unroll 12
	for (int c = 0; c < CHAINS; c++)
		sum[c] = _mm256_set1_epi32(c);
	for (int i = 0; i < TURNS; i++) {
#pragma GCC unroll 12
		for (int c = 0; c < CHAINS; c++) {
			__m256i two;
			__asm__ volatile("vpmaddwd %2, %1, %0" : "=x"(two) : "x"(q), "x"(x));
			__asm__ volatile("vpaddd %1, %0, %0" : "+x"(sum[c]) : "x"(two));
		}
	}
#pragma GCC unroll 12
	for (int c = 1; c < CHAINS; c++)
		sum[0] = _mm256_add_epi32(sum[0], sum[c]);
	return _mm256_extract_epi32(sum[0], 0);
}
#endif

/* Products of a weight and a number of 16 bits a second, by the instruction that the packed
 * weights' products are made of; 0: it is not known here. */
static double product_rate(const char **name)
{
	double best = 1e9, each = 0;
	(void)name;
#if defined(__x86_64__)
	const bool vnni = fc_isa() >= FC_ISA_AVX512_BF16;
	if (fc_isa() < FC_ISA_AVX2)
		return 0;
	*name = vnni ? "vpdpbusd" : "vpmaddwd";
	each = vnni ? 64 / 2 : 16; /* a number is two bytes */
	for (int i = 0; i < TRIES; i++) {
		const double t = now();
		int some = 0;
#pragma omp parallel reduction(+ : some)
		some += vnni ? vnni_turns() : avx2_turns();
		best = now() - t < best ? now() - t : best;
		if (some == 1)
			printf(" ");
	}
#endif
	return each ? each * TURNS * CHAINS * fc_par_threads() / best : 0;
}

/* Of a product of N rows. */
static double seconds(
    struct fc_nn *nn, enum fc_dtype type, const char *weights, const float *x, float *y, size_t N)
{
	const size_t size = fc_dtype_bytes(type, (size_t)O * I), n = WEIGHTS / size;
	double best = 1e9;
	for (int i = 0; i < TRIES; i++) {
		const double t = now();
		for (size_t k = 0; k < n; k++) {
			const struct fc_weight w = {weights + k * size, type, O, I};
			fc_linear_fwd(nn, y, x, &w, N);
		}
		best = now() - t < best ? now() - t : best;
	}
	return best / (double)n;
}

int main(void)
{
	static const enum fc_dtype types[] = {FC_BF16, FC_Q8_0, FC_Q4_0, FC_Q4_K, FC_Q6_K};
	struct fc_nn *nn;
	struct fc_err e;
	const char *name = NULL;
	fc_par_init(0);
	if (fc_nn_open(&nn, "cpu", FC_COMPUTE_BF16, &e))
		return 1;
	unsigned char *weights = fc_malloc_aligned(WEIGHTS, 1);
	float *x = FC_ARRAY(float, MOST *I), *y = FC_ARRAY(float, MOST *O);
	for (size_t i = 0; i < WEIGHTS; i++) /* halves below 2 */
		weights[i] = (unsigned char)((i * 2654435761u) >> 26 & 0x3f);
	for (size_t i = 0; i < (size_t)MOST * I; i++)
		x[i] = (float)(i % 17) / 16;
	const double bytes = read_rate((const uint64_t *)weights, WEIGHTS / 8),
		     products = product_rate(&name);
	printf("products with [%d, %d]: of 1 row, of the rate at which %d threads read memory "
	       "(%.3g GB/s)",
	    O, I, fc_par_threads(), bytes * 1e-9);
	if (products > 0)
		printf(";\n  of 8, of what they multiply by %s, numbers of 16 bits (%.3g G/s)",
		    name, products * 1e-9);
	printf("\n%-10s %8s %8s\n", "", "1 row", products > 0 ? "8 rows" : "");
	for (size_t t = 0; t < FC_LEN(types); t++) {
		const double one = seconds(nn, types[t], (const char *)weights, x, y, 1);
		printf("%-10s %6.0f %%", fc_dtype_name(types[t]),
		    100 * (double)fc_dtype_bytes(types[t], (size_t)O * I) / one / bytes);
		if (products > 0 && types[t] != FC_BF16)
			printf(" %6.0f %%",
			    100 * (double)MOST * O * I /
				seconds(nn, types[t], (const char *)weights, x, y, MOST) /
				products);
		printf("\n");
	}
	free(weights);
	free(x);
	free(y);
	fc_nn_close(nn);
	return 0;
}
