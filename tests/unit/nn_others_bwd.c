/* SPDX-License-Identifier: Apache-2.0 */
/* The way back through layers of the families beyond Llama's, against differences in double
 * precision: LayerNorm, activations without a gate, clipping; and products of rows, a factor. */
#include "nn_oracle.h"

/* sum of dy * layernorm(x) */
struct norm {
	size_t N, C;
	double *x, *w, *bias;
	const float *dy;
};

static double norm_loss(void *arg, size_t moved)
{
	(void)moved;
	const struct norm *t = arg;
	const double C = (double)t->C;
	double loss = 0;
	for (size_t n = 0; n < t->N; n++) {
		const double *x = t->x + n * t->C;
		double sum = 0, squares = 0;
		for (size_t i = 0; i < t->C; i++)
			sum += x[i];
		for (size_t i = 0; i < t->C; i++)
			squares += (x[i] - sum / C) * (x[i] - sum / C);
		for (size_t i = 0; i < t->C; i++)
			loss += (double)t->dy[n * t->C + i] *
			    ((x[i] - sum / C) / sqrt(squares / C + (double)1e-5f) * t->w[i] +
				t->bias[i]);
	}
	return loss;
}

/* What dx, dw and dbias have in them already stays: results are added. */
static void test_layernorm(
    struct fc_nn *nn, struct fc_rng *r, size_t N, size_t C, double mean, bool biased)
{
	float *x = random_floats(r, N * C, 1), *w = random_floats(r, C, 1);
	float *bias = random_floats(r, C, 1), *dy = random_floats(r, N * C, 1);
	float *dx = FC_ARRAY(float, N *C), *dw = FC_ARRAY(float, C), *dbias = FC_ARRAY(float, C);
	for (size_t i = 0; i < N * C; i++)
		x[i] += (float)mean;
	for (size_t i = 0; i < C; i++)
		dw[i] = dbias[i] = dx[(N - 1) * C + i] = 8;
	fc_layernorm_bwd(nn, OUT(nn, dx, N * C), OUT(nn, dw, C), biased ? OUT(nn, dbias, C) : NULL,
	    IN(nn, dy, N * C), IN(nn, x, N * C), IN(nn, w, C), N, C, 1e-5f);
	device_back(nn);
	float *alone = FC_ARRAY(float, N *C);
	for (size_t i = 0; i < C; i++)
		alone[(N - 1) * C + i] = 8;
	fc_layernorm_bwd(nn, OUT(nn, alone, N * C), NULL, NULL, IN(nn, dy, N * C), IN(nn, x, N * C),
	    IN(nn, w, C), N, C, 1e-5f);
	device_back(nn);
	T_OK(!memcmp(alone, dx, N * C * sizeof *dx), "layernorm N %zu C %zu: the same dx alone", N,
	    C);
	free(alone);
	for (size_t i = 0; i < C; i++) {
		dw[i] -= 8;
		dbias[i] -= biased ? 8 : 0;
		dx[(N - 1) * C + i] -= 8;
	}
	struct norm t = {N, C, doubles(x, N * C), doubles(w, C), doubles(bias, C), dy};
	/* 8 was added: eps of that; sums are doubles; differences are off by a millionth */
	const double most = (16 + 8 * (double)N) * T_U + 1e-5;
	const double ex = gradient_error(dx, t.x, N * C, 60, norm_loss, &t);
	const double ew = gradient_error(dw, t.w, C, 60, norm_loss, &t);
	T_OK(ex < most && ew < most, "layernorm N %zu C %zu mean %g: dx %.1e, dw %.1e", N, C, mean,
	    ex, ew);
	bool same = true;
	for (size_t i = 0; !biased && i < C; i++)
		same = same && dbias[i] == 8;
	T_OK(biased ? gradient_error(dbias, t.bias, C, 60, norm_loss, &t) < most : same,
	    "layernorm N %zu C %zu: %s", N, C, biased ? "dbias" : "without bias");
	float *all[] = {x, w, bias, dy, dx, dw, dbias};
	for (size_t i = 0; i < FC_LEN(all); i++)
		free(all[i]);
	free(t.x);
	free(t.w);
	free(t.bias);
}

static double act_of(enum fc_act act, double x)
{
	if (act == FC_ACT_SILU)
		return x / (1 + exp(-x));
	if (act == FC_ACT_GELU)
		return 0.5 * x * erfc(-x / sqrt(2));
	return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
}

static void test_act(struct fc_nn *nn, struct fc_rng *r, enum fc_act act)
{
	enum { N = 3, F = 1501 };
	float *x = random_floats(r, N * F, 3), *dy = random_floats(r, N * F, 1);
	float *dx = FC_ARRAY(float, N *F);
	double worst = 0;
	fc_act_bwd(nn, OUT(nn, dx, N * F), IN(nn, dy, N * F), IN(nn, x, N * F), act, N, F);
	device_back(nn);
	for (size_t i = 0; i < N * F; i++) {
		const double h = 1e-4, at = (double)x[i];
		const double slope = (act_of(act, at + h) - act_of(act, at - h)) / (2 * h);
		worst = fmax(worst, fabs((double)dx[i] - (double)dy[i] * slope));
	}
	/* derivatives up to 1.2, of some ten roundings; |dy| below 5 */
	T_OK(worst < 5 * (12 * T_U + 1e-7), "activation %d, the way back: %.1e", (int)act, worst);
	void *at = OUT(nn, dy, N * F);
	fc_act_bwd(nn, at, at, IN(nn, x, N * F), act, N, F);
	device_back(nn);
	T_OK(!memcmp(dx, dy, sizeof *dx * N * F), "activation %d: in place", (int)act);
	free(x);
	free(dy);
	free(dx);
}

static void test_clip(struct fc_nn *nn)
{
	const float x[] = {-6, -5.9f, 0, 5.9f, 6, 3};
	float dx[] = {1, 2, 3, 4, 5, -6};
	const float want[] = {0, 2, 3, 4, 0, -6};
	fc_clip_bwd(nn, OUT(nn, dx, FC_LEN(x)), IN(nn, x, FC_LEN(x)), 6, FC_LEN(x));
	device_back(nn);
	T_OK(!memcmp(dx, want, sizeof want), "what was clipped gets no gradient");
}

static void test_dots(struct fc_nn *nn, struct fc_rng *r)
{
	enum { N = 37, C = 301 };
	float *a = random_floats(r, N * C, 1), *b = random_floats(r, N * C, 1), dot[N];
	double worst = 0;
	fc_dot_rows(nn, IN(nn, a, N * C), IN(nn, b, N * C), N, C, dot);
	device_back(nn);
	for (size_t n = 0; n < N; n++) {
		double want = 0, size = 0;
		for (size_t i = n * C; i < (n + 1) * C; i++) {
			want += (double)a[i] * (double)b[i];
			size += fabs((double)a[i] * (double)b[i]);
		}
		worst = fmax(worst, fabs((double)dot[n] - want) / size);
	}
	T_OK(worst < C * T_U, "products of rows (%.1e)", worst);
	free(a);
	free(b);
}

static void test_scale(struct fc_nn *nn, struct fc_rng *r)
{
	enum { N = 1001 };
	float *x = random_floats(r, N, 1);
	float want[N];
	for (int i = 0; i < N; i++)
		want[i] = x[i] * 0.3f;
	fc_scale(nn, OUT(nn, x, N), 0.3f, N);
	device_back(nn);
	T_OK(!memcmp(x, want, sizeof want), "a factor");
	free(x);
}

int main(void)
{
	struct fc_rng r;
	fc_rng_seed(&r, 8);
	fc_par_init(2);
	struct fc_nn *nn = open_nn(FC_COMPUTE_F32);
	test_layernorm(nn, &r, 1, 2, 0, true);
	test_layernorm(nn, &r, 5, 33, 0.5, false);
	test_layernorm(nn, &r, 130, 64, 0, true);
	test_layernorm(nn, &r, 3, 2051, 10, true);
	test_act(nn, &r, FC_ACT_SILU);
	test_act(nn, &r, FC_ACT_GELU_TANH);
	test_act(nn, &r, FC_ACT_GELU);
	test_clip(nn);
	test_dots(nn, &r);
	test_scale(nn, &r);
	fc_nn_close(nn);
	return t_done();
}
