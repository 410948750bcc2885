/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products with packed weights, few rows at a time as when answers are generated: their speed
 * relative to the same product with float32 weights.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/par.h"
#include "base/rng.h"
#include "nn/nn.h"

enum { O = 8192, I = 2048, MOST = 32 }; /* 64 MiB as float32: more than caches hold */

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double seconds(
    struct fc_nn *nn, float *y, const float *x, const struct fc_weight *w, size_t N)
{
	double best = 1e9;
	for (int i = 0; i < 7; i++) {
		const double t = now();
		fc_linear_fwd(nn, y, x, w, N);
		best = now() - t < best ? now() - t : best;
	}
	return best;
}

int main(void)
{
	static const enum fc_dtype types[] = {FC_F16, FC_BF16, FC_Q4_0, FC_Q4_1, FC_Q5_0, FC_Q5_1,
	    FC_Q8_0, FC_Q2_K, FC_Q3_K, FC_Q4_K, FC_Q5_K, FC_Q6_K, FC_IQ4_NL};
	static const size_t rows[] = {1, 2, 4, 8, 16, 32};
	struct fc_nn *nn;
	struct fc_err e;
	struct fc_rng rng;
	fc_rng_seed(&rng, 1);
	fc_par_init(0);
	if (fc_nn_open(&nn, "cpu", FC_COMPUTE_F32, &e))
		return 1;
	float *w = FC_ARRAY(float, (size_t)O *I), *x = FC_ARRAY(float, MOST *I),
	      *y = FC_ARRAY(float, MOST *O);
	unsigned char *p = fc_malloc((size_t)O * I * 4);
	for (size_t i = 0; i < (size_t)O * I; i++)
		w[i] = (float)fc_rng_normal(&rng);
	for (size_t i = 0; i < (size_t)MOST * I; i++)
		x[i] = (float)fc_rng_normal(&rng);
	for (size_t i = 0; i < (size_t)O * I * 4; i++) /* halves below 2 */
		p[i] = (unsigned char)(fc_rng_u64(&rng) & 0x3f);
	printf("products of N rows with [%d, %d], speed relative to float32 weights\n%-10s", O, I,
	    "N");
	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
		printf("%8zu", rows[r]);
	printf("\n");
	for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
		const struct fc_weight wide = {w, FC_F32, O, I}, packed = {p, types[t], O, I};
		printf("%-10s", fc_dtype_name(types[t]));
		for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
			printf("%8.2f",
			    seconds(nn, y, x, &wide, rows[r]) /
				seconds(nn, y, x, &packed, rows[r]));
		printf("\n");
	}
	free(w);
	free(x);
	free(y);
	free(p);
	fc_nn_close(nn);
	return 0;
}
