/* SPDX-License-Identifier: Apache-2.0 */
/*
 * few_rows DEVICE [small]: how fast weights are read by products of few rows in bfloat16, as in the
 * generation of answers: a line "TYPE [outputs x inputs], N rows", a tab and bytes of weights a
 * second for each.  The weights of one product after the other are other ones, of more memory in
 * all than a cache has.  small: for devices that are none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/par.h"
#include "nn/nn.h"

enum { MOST = 64, COPIES_MOST = 256 };
static const size_t rows[] = {1, 8, 32, MOST};

struct shape {
	enum fc_dtype type;
	size_t O, I;
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(struct fc_nn *nn, int ret, const struct fc_err *e)
{
	if (ret == 0)
		return;
	fprintf(stderr, "few_rows: %s\n", e->msg);
	fc_nn_close(nn);
	exit(1);
}

/* Numbers of all types that are moderate: no byte is above 0x3f. */
static void fill(unsigned char *p, size_t n)
{
	uint32_t u = 1;
	for (size_t i = 0; i < n; i++) {
		u = u * 1664525 + 1013904223;
		p[i] = u >> 26;
	}
}

/* Copies of the weights on the device; their number. */
static size_t copies_of(
    struct fc_nn *nn, const struct shape *s, size_t n_bytes, struct fc_weight w[COPIES_MOST])
{
	const size_t size = fc_dtype_bytes(s->type, s->O * s->I);
	unsigned char *host = fc_malloc(size);
	size_t n = 0;
	struct fc_err e;
	fill(host, size);
	for (; n < COPIES_MOST && (n < 2 || n * size < n_bytes); n++) {
		void *p = fc_nn_alloc(nn, size, 1);
		must(nn, p ? 0 : fc_nn_check(nn, &e), &e);
		fc_nn_put(nn, p, host, size);
		w[n] = (struct fc_weight){p, s->type, s->O, s->I};
	}
	must(nn, fc_nn_check(nn, &e), &e);
	free(host);
	return n;
}

/* Of a product of N rows, those with all copies being done time and again for so long. */
static double seconds(struct fc_nn *nn, float *y, const float *x, const struct fc_weight *w,
    size_t n_copy, size_t N, double least)
{
	struct fc_err e;
	double took = 0;
	size_t n = 0;
	for (int pass = 0; pass < 2 || took < least; pass++) {
		const double from = now();
		for (size_t i = 0; i < n_copy; i++)
			fc_linear_fwd(nn, y, x, &w[i], N);
		must(nn, fc_nn_check(nn, &e), &e);
		if (pass == 0)
			continue; /* nothing is warm */
		took += now() - from;
		n += n_copy;
	}
	return took / (double)n;
}

static void measure(struct fc_nn *nn, const struct shape *s, size_t n_bytes, double least)
{
	struct fc_weight w[COPIES_MOST];
	const size_t n = copies_of(nn, s, n_bytes, w);
	float *host = fc_calloc(MOST * s->I, sizeof *host);
	for (size_t i = 0; i < MOST * s->I; i++)
		host[i] = (float)(i % 17) / 16;
	float *x = fc_nn_alloc(nn, MOST * s->I, sizeof *x),
	      *y = fc_nn_alloc(nn, MOST * s->O, sizeof *y);
	fc_nn_put(nn, x, host, MOST * s->I * sizeof *x);
	for (size_t r = 0; r < FC_LEN(rows); r++)
		printf("%s [%zu x %zu], %zu rows\t%.4g\n", fc_dtype_name(s->type), s->O, s->I,
		    rows[r],
		    (double)fc_dtype_bytes(s->type, s->O * s->I) /
			seconds(nn, y, x, w, n, rows[r], least));
	fflush(stdout);
	for (size_t i = 0; i < n; i++)
		fc_nn_free(nn, (void *)(uintptr_t)w[i].p);
	fc_nn_free(nn, x);
	fc_nn_free(nn, y);
	free(host);
}

int main(int argc, char **argv)
{
	static const struct shape shapes[] = {{FC_BF16, 4096, 14336}, {FC_BF16, 14336, 4096},
	    {FC_BF16, 4096, 4096}, {FC_BF16, 1024, 4096}, {FC_BF16, 576, 1536},
	    {FC_Q8_0, 4096, 14336}, {FC_Q4_K, 4096, 14336}},
				  small[] = {{FC_BF16, 96, 512}, {FC_Q4_K, 96, 512}};
	const bool is_small = argc > 2 && strcmp(argv[2], "small") == 0;
	struct fc_nn *nn;
	struct fc_err e;
	fc_par_init(0);
	if (argc < 2 || fc_nn_open(&nn, argv[1], FC_COMPUTE_BF16, &e)) {
		fprintf(
		    stderr, "few_rows: %s\n", argc < 2 ? "usage: few_rows DEVICE [small]" : e.msg);
		return 1;
	}
	for (size_t i = 0; is_small && i < FC_LEN(small); i++)
		measure(nn, &small[i], 0, 0);
	for (size_t i = 0; !is_small && i < FC_LEN(shapes); i++)
		measure(nn, &shapes[i], (size_t)512 << 20, 0.05);
	fc_nn_close(nn);
	return 0;
}
