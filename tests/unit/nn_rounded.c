/* SPDX-License-Identifier: Apache-2.0 */
/* A device may remember what it has rounded for a product, or write it beside a norm's result: a
 * product reads what is there now, whoever wrote it. */
#include "nn_oracle.h"

#include "tensor/dtype.h"

enum { MOST = 70 /* not few */, C = 32, ROW = C * sizeof(float) };
static size_t N; /* rows, at most MOST */
#define ALL (N * ROW)

/* On the device. */
static struct set {
	float *a, *other, *copy, *z, *dw; /* [N,C], dw [C,C] */
	float *gain;                      /* [C] */
	struct fc_weight w;               /* [C,C] */
} s;
static float *host; /* [N,C] */

static void write_nothing(struct fc_nn *nn)
{
	(void)nn;
}
static void write_put(struct fc_nn *nn)
{
	fc_nn_put(nn, s.a, host, ALL);
}
static void write_last_row(struct fc_nn *nn)
{
	fc_nn_put(nn, s.a + (N - 1) * C, host, ROW);
}
static void write_copy(struct fc_nn *nn)
{
	fc_nn_copy(nn, s.a, s.other, ALL);
}
static void write_zero(struct fc_nn *nn)
{
	fc_nn_zero(nn, s.a, ROW);
}
static void write_add(struct fc_nn *nn)
{
	fc_add(nn, s.a, s.other, N * C);
}
static void write_scale(struct fc_nn *nn)
{
	fc_scale(nn, s.a, 3, N * C);
}
static void write_clip(struct fc_nn *nn)
{
	fc_clip(nn, s.a, 0.125f, N * C);
}
static void write_bias(struct fc_nn *nn)
{
	fc_bias_fwd(nn, s.a, s.gain, N, C);
}
static void write_bias_of_the_last_row(struct fc_nn *nn)
{
	fc_bias_fwd(nn, s.a + (N - 1) * C, s.gain, 1, C);
}
static void write_bias_elsewhere(struct fc_nn *nn)
{
	fc_bias_fwd(nn, s.other, s.gain, N, C);
}
static void write_gain(struct fc_nn *nn)
{
	fc_gain_fwd(nn, s.a, s.other, s.gain, N, C);
}
static void write_rmsnorm(struct fc_nn *nn)
{
	fc_rmsnorm_fwd(nn, s.a, s.other, s.gain, N, C, 1e-5f, false);
}
static void write_rmsnorm_of_less(struct fc_nn *nn)
{
	fc_rmsnorm_fwd(nn, s.a, s.other, s.gain, N - 2, C, 1e-5f, true);
}
static void write_layernorm(struct fc_nn *nn)
{
	fc_layernorm_fwd(nn, s.a, s.other, s.gain, NULL, N, C, 1e-5f);
}
static void write_glu(struct fc_nn *nn)
{
	fc_glu_fwd(nn, s.a, s.other, s.a, FC_ACT_SILU, N, C);
}
static void write_act(struct fc_nn *nn)
{
	fc_act_fwd(nn, s.a, s.other, FC_ACT_GELU_TANH, N, C);
}
static void write_product(struct fc_nn *nn)
{
	fc_linear_fwd(nn, s.a, s.other, &s.w, N);
}
static void write_product_of_few(struct fc_nn *nn)
{
	fc_linear_fwd(nn, s.a + C, s.other, &s.w, 3);
}
static void write_gradient(struct fc_nn *nn)
{
	fc_linear_bwd_x(nn, s.a, s.other, &s.w, N, true);
}
static void write_rows(struct fc_nn *nn)
{
	uint32_t row[MOST];
	for (uint32_t i = 0; i < N; i++)
		row[i] = (uint32_t)N - 1 - i;
	fc_gather_rows(nn, s.a, s.other, row, N, C);
}

/* Sequences of n[] rows one behind the other, to N; last_first: in the other order. */
static void attend(struct fc_nn *nn, const size_t *n, bool last_first)
{
	const struct fc_attn a = {.H = 2, .G = 2, .D = C / 2, .scale = 0.25f};
	struct fc_attn_seq seq[MOST];
	size_t n_seq = 0;
	for (size_t at = 0; at < N; at += seq[n_seq++].n_q) {
		const size_t left = N - at, n_q = *n && *n < left ? *n : left;
		seq[n_seq] = (struct fc_attn_seq){s.other + at * C, s.other + at * C,
		    s.other + at * C, s.a + at * C, NULL, n_q, n_q};
		n += *n != 0 && n[1] != 0;
	}
	for (size_t i = 0; last_first && i < n_seq / 2; i++) {
		const struct fc_attn_seq other = seq[i];
		seq[i] = seq[n_seq - 1 - i];
		seq[n_seq - 1 - i] = other;
	}
	fc_attn_fwd(nn, &a, seq, n_seq);
}
static void write_attention(struct fc_nn *nn)
{
	attend(nn, (const size_t[]){11, 0}, false);
}
static void write_attention_of_few(struct fc_nn *nn)
{
	attend(nn, (const size_t[]){1, 0}, false);
}
static void write_attention_of_both(struct fc_nn *nn)
{
	attend(nn, (const size_t[]){3, 10, 2, 0}, false);
}
static void write_attention_last_first(struct fc_nn *nn)
{
	attend(nn, (const size_t[]){9, 0}, true);
}

static const struct {
	const char *name;
	void (*write)(struct fc_nn *nn);
} writers[] = {{"nobody", write_nothing}, {"put", write_put}, {"put of a row", write_last_row},
    {"copy", write_copy}, {"zero", write_zero}, {"add", write_add}, {"scale", write_scale},
    {"clip", write_clip}, {"bias", write_bias}, {"bias of a row", write_bias_of_the_last_row},
    {"bias elsewhere", write_bias_elsewhere}, {"gain", write_gain}, {"rmsnorm", write_rmsnorm},
    {"rmsnorm of fewer rows", write_rmsnorm_of_less}, {"layernorm", write_layernorm},
    {"glu", write_glu}, {"act", write_act}, {"product", write_product},
    {"product of few rows", write_product_of_few}, {"gradient", write_gradient},
    {"gather", write_rows}, {"attention", write_attention},
    {"attention of single queries", write_attention_of_few},
    {"attention of few and many queries", write_attention_of_both},
    {"attention, the last sequence first", write_attention_last_first}};

/* x as it may be remembered, and a copy of it, which is not. */
static bool same_product(struct fc_nn *nn)
{
	fc_linear_fwd(nn, s.z, s.a, &s.w, N);
	float *one = device_read(nn, s.z, ALL);
	fc_nn_copy(nn, s.copy, s.a, ALL);
	fc_linear_fwd(nn, s.z, s.copy, &s.w, N);
	float *two = device_read(nn, s.z, ALL);
	const bool same = memcmp(one, two, ALL) == 0 && one[0] == one[0];
	free(one);
	free(two);
	return same;
}

static float *gradient_of_weight(struct fc_nn *nn, const float *dy, bool after_x)
{
	fc_nn_zero(nn, s.dw, C * ROW);
	if (after_x)
		fc_linear_bwd_x(nn, s.z, dy, &s.w, N, false);
	fc_linear_bwd_w(nn, s.dw, dy, s.other, N, C, C);
	return device_read(nn, s.dw, C * ROW);
}

static bool same_gradient(struct fc_nn *nn)
{
	float *one = gradient_of_weight(nn, s.a, true);
	fc_nn_copy(nn, s.copy, s.a, ALL);
	float *two = gradient_of_weight(nn, s.copy, false);
	const bool same = memcmp(one, two, C * ROW) == 0;
	free(one);
	free(two);
	return same;
}

static void test_writers(struct fc_nn *nn, const char *how)
{
	for (size_t i = 0; i < FC_LEN(writers); i++) {
		bool product = true;
		for (int twice = 0; twice < 2; twice++) {
			/* remembered since the norm, or since a product */
			fc_rmsnorm_fwd(nn, s.a, s.other, s.gain, N, C, 1e-5f, false);
			if (twice)
				fc_linear_fwd(nn, s.z, s.a, &s.w, N);
			writers[i].write(nn);
			product = product && same_product(nn);
		}
		writers[i].write(nn);
		T_OK(product, "%s: a product after %s", how, writers[i].name);
		T_OK(same_gradient(nn), "%s: gradients after %s", how, writers[i].name);
	}
}

static float *on_device(struct fc_nn *nn, const float *x, size_t n)
{
	float *p = fc_nn_alloc(nn, n, sizeof *p);
	fc_nn_put(nn, p, x, n * sizeof *p);
	return p;
}

static void test_type(struct fc_nn *nn, enum fc_dtype t, const float *random)
{
	char how[64], stored[C * C * sizeof(float)];
	struct fc_err e;
	fc_from_f32(stored, t, random, C * C);
	N = MOST;
	s = (struct set){on_device(nn, random, N * C), on_device(nn, random + C, N * C),
	    on_device(nn, random, N * C), on_device(nn, random, N * C),
	    on_device(nn, random, C * C), on_device(nn, random, C),
	    {fc_nn_keep(nn, stored, sizeof stored), t, C, C}};
	for (int alike = 0; alike < 2; alike++) {
		fc_nn_rows_alike(nn, alike);
		for (N = 20; N <= MOST; N += MOST - 20) {
			snprintf(how, sizeof how, "%s weights, %zu rows%s", fc_dtype_name(t), N,
			    alike ? ", alike" : "");
			test_writers(nn, how);
		}
	}
	fc_nn_rows_alike(nn, false);
	const void *all[] = {s.a, s.other, s.copy, s.z, s.dw, s.gain};
	for (size_t i = 0; i < FC_LEN(all); i++)
		fc_nn_free(nn, all[i]);
	if (s.w.p != stored)
		fc_nn_free(nn, s.w.p);
	T_OK(fc_nn_check(nn, &e) == 0, "%s weights: no error", fc_dtype_name(t));
}

int main(void)
{
	struct fc_rng r;
	fc_rng_seed(&r, 11);
	float *random = random_floats(&r, (MOST + 1) * C, 1);
	host = random_floats(&r, (size_t)MOST * C, 1);
	struct fc_nn *nn = open_nn(FC_COMPUTE_BF16);
	test_type(nn, FC_BF16, random);
	test_type(nn, FC_F32, random);
	fc_nn_close(nn);
	free(random);
	free(host);
	return t_done();
}
