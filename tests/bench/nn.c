/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Speed of the compute layer, relative to the matrix library's rate on the same shapes in the same
 * run.  Build and run:
 *   make build/libfc.a
 *   cc -O2 -std=c11 -D_POSIX_C_SOURCE=200809L -fopenmp -Itools/lib -Itests/unit tests/bench/nn.c \
 *       build/libfc.a -lopenblas -lxxhash -lm -o build/bench-nn
 *   build/bench-nn [threads] [f32|bf16]
 */
#include <time.h>

#include "nn/cpu/sgemm.h"
#include "nn_oracle.h"

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Best of several runs, in seconds. */
#define BEST(statement)                                                                            \
	({                                                                                         \
		double best_ = 1e9;                                                                \
		for (int i_ = 0; i_ < 5; i_++) {                                                   \
			const double t_ = now();                                                   \
			statement;                                                                 \
			best_ = fmin(best_, now() - t_);                                           \
		}                                                                                  \
		best_;                                                                             \
	})

static struct fc_rng rng;

static void row(const char *what, double seconds, double flops, double reference)
{
	printf("%-44s %8.2f ms %7.0f GFLOP/s %6.0f %%\n", what, seconds * 1e3,
	    flops / seconds * 1e-9, 100 * reference / seconds);
	fflush(stdout);
}

/* Time of the product [N,I] x [O,I]^T as fc_linear_fwd() does it on float32 weights. */
static double product_time(struct fc_nn *nn, size_t N, size_t O, size_t I)
{
	float *x = random_floats(&rng, N * I, 1), *w = random_floats(&rng, O * I, 1);
	float *y = random_floats(&rng, N * O, 1);
	uint16_t *narrow = fc_calloc(O * I, 2);
	fc_from_f32(narrow, FC_BF16, w, O * I);
	const bool bf16 = fc_nn_compute(nn) == FC_COMPUTE_BF16;
	const struct fc_weight weight = {bf16 ? (void *)narrow : w, bf16 ? FC_BF16 : FC_F32, O, I};
	const double t = BEST(fc_linear_fwd(nn, y, x, &weight, N));
	free(x);
	free(w);
	free(y);
	free(narrow);
	return t;
}

static void bench_linear(struct fc_nn *nn, size_t N, size_t O, size_t I)
{
	char name[99];
	float *x = random_floats(&rng, N * I, 1), *w = random_floats(&rng, O * I, 1);
	float *y = random_floats(&rng, N * O, 1);
	uint16_t *narrow = fc_calloc(O * I, 2);
	fc_from_f32(narrow, FC_BF16, w, O * I);
	const double flops = 2.0 * (double)N * (double)O * (double)I;
	const struct fc_weight wide = {w, FC_F32, O, I}, half = {narrow, FC_BF16, O, I};
	const double whole = BEST(fc_sgemm(FC_NT, N, O, I, x, I, w, I, 0, y, O));
	snprintf(name, sizeof name, "N %zu O %zu I %zu: library, f32", N, O, I);
	row(name, whole, flops, whole);
	row("    forward, f32 weights", BEST(fc_linear_fwd(nn, y, x, &wide, N)), flops, whole);
	row("    forward, bf16 weights", BEST(fc_linear_fwd(nn, y, x, &half, N)), flops, whole);
	if (N > 16) {
		row("    dx, f32 weights", BEST(fc_linear_bwd_x(nn, x, y, &wide, N, false)), flops,
		    whole);
		row("    dx, bf16 weights", BEST(fc_linear_bwd_x(nn, x, y, &half, N, false)), flops,
		    whole);
		row("    dw", BEST(fc_linear_bwd_w(nn, w, y, x, N, O, I)), flops, whole);
	}
	free(x);
	free(w);
	free(y);
	free(narrow);
}

static void bench_attention(struct fc_nn *nn, size_t T, size_t n_seq, size_t H, size_t G, size_t D)
{
	char name[99];
	const struct fc_attn a = {H, G, D, 0.1f, 0, 0, NULL, NULL};
	struct fc_attn_seq s[64];
	struct fc_attn_grad d[64];
	for (size_t i = 0; i < n_seq; i++) {
		s[i] = (struct fc_attn_seq){random_floats(&rng, T * H * D, 1),
		    random_floats(&rng, T * G * D, 1), random_floats(&rng, T * G * D, 1),
		    random_floats(&rng, T * H * D, 1), random_floats(&rng, T * H, 1), T, T};
		d[i] = (struct fc_attn_grad){random_floats(&rng, T * H * D, 1),
		    random_floats(&rng, T * H * D, 1), random_floats(&rng, T * G * D, 1),
		    random_floats(&rng, T * G * D, 1)};
	}
	const double flops = 2.0 * (double)n_seq * (double)(H * D) * (double)T * (double)(T + 1);
	/* the same number of operations as one big product */
	float *big = random_floats(&rng, 3 * 512 * 512, 1);
	const double rate = 2.0 * 512 * 512 * 512 /
	    BEST(fc_sgemm(
		FC_NT, 512, 512, 512, big, 512, big + 512 * 512, 512, 0, big + 2 * 512 * 512, 512));
	snprintf(name, sizeof name, "attention, %zu x T %zu, H %zu G %zu D %zu", n_seq, T, H, G, D);
	row(name, BEST(fc_attn_fwd(nn, &a, s, n_seq)), flops, flops / rate);
	row("    backward", BEST(fc_attn_bwd(nn, &a, s, d, n_seq)), 2.5 * flops,
	    2.5 * flops / rate);
	free(big);
}

static void bench_head(struct fc_nn *nn, size_t N, size_t V, size_t C)
{
	enum { K = 64 };
	char name[99];
	float *x = random_floats(&rng, N * C, 1), *w = random_floats(&rng, V * C, 0.1);
	uint16_t *narrow = fc_calloc(V * C, 2);
	fc_from_f32(narrow, FC_BF16, w, V * C);
	const bool bf16 = fc_nn_compute(nn) == FC_COMPUTE_BF16;
	const struct fc_head h = {{bf16 ? (void *)narrow : w, bf16 ? FC_BF16 : FC_F32, V, C}, V, 0};
	uint32_t *target = FC_ARRAY(uint32_t, N), *id = FC_ARRAY(uint32_t, N * K);
	float *lp = FC_ARRAY(float, N *K), *truth = FC_ARRAY(float, N),
	      *weight = FC_ARRAY(float, N);
	float *dx = FC_ARRAY(float, N *C), *dw = FC_ARRAY(float, V *C);
	struct fc_loss loss = {0};
	for (size_t n = 0; n < N; n++)
		weight[n] = 1;
	const double flops = 2.0 * (double)N * (double)V * (double)C,
		     product = product_time(nn, N, V, C);
	snprintf(name, sizeof name, "head, N %zu V %zu C %zu: product alone", N, V, C);
	row(name, product, flops, product);
	row("    top 64", BEST(fc_head_topk(nn, &h, x, target, N, K, id, lp, truth)), flops,
	    product);
	row("    loss and gradients",
	    BEST(fc_head_loss(nn, &h, x, target, weight, weight, NULL, N, dx, dw, &loss)),
	    3 * flops, 3 * product);
	free(x);
	free(w);
	free(narrow);
	free(target);
	free(id);
	free(lp);
	free(truth);
	free(weight);
	free(dx);
	free(dw);
}

/* Both computes on one weight of bfloat16; what both operands' rounding costs, or gains. */
static void bench_bf16(size_t N, size_t O, size_t I)
{
	static const enum fc_compute compute[] = {FC_COMPUTE_F32, FC_COMPUTE_BF16};
	float *x = random_floats(&rng, N * I, 1), *w = random_floats(&rng, O * I, 1);
	float *y = random_floats(&rng, N * O, 1);
	uint16_t *narrow = fc_calloc(O * I, 2);
	fc_from_f32(narrow, FC_BF16, w, O * I);
	const struct fc_weight half = {narrow, FC_BF16, O, I};
	struct fc_nn *nn[2] = {open_nn(compute[0]), open_nn(compute[1])};
	double fwd[2] = {1e9, 1e9}, dx[2] = {1e9, 1e9}, dw[2] = {1e9, 1e9};
	for (int i = 0; i < 8; i++) { /* in turns: other programs slow down both */
		struct fc_nn *c = nn[i % 2];
		fwd[i % 2] = fmin(fwd[i % 2], BEST(fc_linear_fwd(c, y, x, &half, N)));
		dx[i % 2] = fmin(dx[i % 2], BEST(fc_linear_bwd_x(c, x, y, &half, N, false)));
		dw[i % 2] = fmin(dw[i % 2], BEST(fc_linear_bwd_w(c, w, y, x, N, O, I)));
	}
	fc_nn_close(nn[0]);
	fc_nn_close(nn[1]);
	printf("N %4zu O %5zu I %4zu: bf16 against f32, speed: forward %5.2f, dx %5.2f, dw %5.2f\n",
	    N, O, I, fwd[0] / fwd[1], dx[0] / dx[1], dw[0] / dw[1]);
	fflush(stdout);
	free(x);
	free(w);
	free(y);
	free(narrow);
}

/* What surrounds the products of a layer, against the time of its products. */
static void bench_layers(struct fc_nn *nn, size_t N, size_t C, size_t F, size_t D)
{
	float *x = random_floats(&rng, N * F, 1), *y = random_floats(&rng, N * F, 1);
	float *z = random_floats(&rng, N * F, 1), *dw = random_floats(&rng, F, 1);
	uint32_t *pos = FC_ARRAY(uint32_t, N);
	float freq[64];
	const struct fc_rope rope = {D, freq, 1, false};
	for (size_t i = 0; i < D / 2; i++)
		freq[i] = powf(10000, -2 * (float)i / (float)D);
	for (size_t n = 0; n < N; n++)
		pos[n] = (uint32_t)n;
	const double product = 4 * product_time(nn, N, C, C) + 3 * product_time(nn, N, F, C);
	const double flops = 2.0 * (double)N * (4.0 * (double)(C * C) + 3.0 * (double)(C * F));
	printf("N %zu C %zu F %zu; percentages: of the layer's products, forward\n", N, C, F);
	row("    products", product, flops, product);
#define SHARE(what, statement)                                                                     \
	do {                                                                                       \
		const double t = BEST(statement);                                                  \
		printf("    %-40s %8.2f ms %23.1f %%\n", what, t * 1e3, 100 * t / product);        \
	} while (0)
	SHARE("rmsnorm", fc_rmsnorm_fwd(nn, y, x, dw, N, C, 1e-5f, false));
	SHARE("rmsnorm backward", fc_rmsnorm_bwd(nn, y, dw, z, x, z, N, C, 1e-5f, false));
	SHARE("rope", fc_rope_apply(nn, x, pos, N, C / D, D, &rope, false));
	SHARE("silu * up", fc_glu_fwd(nn, z, x, y, FC_ACT_SILU, N, F));
	SHARE("silu * up backward", fc_glu_bwd(nn, x, y, z, x, y, FC_ACT_SILU, N, F));
	SHARE("gelu_tanh * up", fc_glu_fwd(nn, z, x, y, FC_ACT_GELU_TANH, N, F));
	SHARE("residual", fc_add(nn, x, y, N * C));
	SHARE("bias", fc_bias_fwd(nn, x, dw, N, C));
	SHARE("bias backward", fc_bias_bwd(nn, dw, x, N, C));
	SHARE("embedding backward", fc_embed_bwd(nn, z, x, pos, N, C, 1));
	free(x);
	free(y);
	free(z);
	free(dw);
	free(pos);
}

int main(int argc, char **argv)
{
	const bool bf16 = argc > 2 && !strcmp(argv[2], "bf16");
	fc_rng_seed(&rng, 1);
	fc_par_start(argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0);
	struct fc_nn *nn = open_nn(bf16 ? FC_COMPUTE_BF16 : FC_COMPUTE_F32);
	bench_bf16(4, 1536, 576);
	bench_bf16(40, 1536, 576);
	bench_bf16(512, 1536, 576);
	bench_bf16(2048, 576, 1536);
	bench_bf16(512, 5632, 2048);
	bench_linear(nn, 512, 1536, 576);
	bench_linear(nn, 512, 576, 1536);
	bench_linear(nn, 2000, 256, 256);
	bench_linear(nn, 512, 5632, 2048);
	bench_linear(nn, 1, 5632, 2048);
	bench_linear(nn, 4, 5632, 2048);
	bench_linear(nn, 8, 5632, 2048);
	bench_linear(nn, 16, 5632, 2048);
	bench_linear(nn, 32, 5632, 2048);
	bench_attention(nn, 256, 8, 8, 8, 32);
	bench_attention(nn, 512, 4, 9, 3, 64);
	bench_attention(nn, 2048, 1, 9, 3, 64);
	bench_attention(nn, 40, 50, 4, 2, 32);
	bench_head(nn, 1024, 4096, 256);
	bench_head(nn, 1024, 32000, 576);
	bench_head(nn, 128, 151936, 896);
	bench_layers(nn, 2048, 256, 688, 32);
	bench_layers(nn, 2048, 576, 1536, 64);
	fc_nn_close(nn);
	return 0;
}
