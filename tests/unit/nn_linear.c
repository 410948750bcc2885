/* SPDX-License-Identifier: Apache-2.0 */
#include "nn_oracle.h"

#include "tensor/dtype.h"

struct shape {
	size_t N, O, I;
};

/* Rounds x [n] to a type and back. */
static void rounded(float *y, const float *x, enum fc_dtype t, size_t n)
{
	char *stored = fc_calloc(n, fc_dtype_size(t));
	fc_from_f32(stored, t, x, n);
	fc_to_f32(y, stored, t, n);
	free(stored);
}

struct problem {
	struct shape s;
	float *x, *dy, *w;   /* as the backend is meant to see them */
	float *x_in, *dy_in; /* as they are handed over */
	struct fc_weight weight;
};

static struct problem problem_new(
    struct fc_rng *r, struct shape s, enum fc_dtype t, enum fc_compute compute)
{
	struct problem p = {.s = s};
	const enum fc_dtype operand = compute == FC_COMPUTE_BF16 ? FC_BF16 : FC_F32;
	float *w = random_floats(r, s.O * s.I, 1);
	p.x_in = random_floats(r, s.N * s.I, 1);
	p.dy_in = random_floats(r, s.N * s.O, 1);
	p.x = fc_calloc(s.N * s.I + 1, sizeof(float));
	p.dy = fc_calloc(s.N * s.O + 1, sizeof(float));
	p.w = fc_calloc(s.O * s.I + 1, sizeof(float));
	rounded(p.x, p.x_in, operand, s.N * s.I);
	rounded(p.dy, p.dy_in, operand, s.N * s.O);
	rounded(p.w, w, t, s.O * s.I);
	rounded(p.w, p.w, operand, s.O * s.I);
	/* an odd multiple of the element: mapped files promise no more */
	char *stored = fc_malloc_aligned(s.O * s.I + 1, fc_dtype_size(t));
	fc_from_f32(stored + fc_dtype_size(t), t, w, s.O * s.I);
	p.weight = (struct fc_weight){stored + fc_dtype_size(t), t, s.O, s.I};
	free(w);
	return p;
}

static void problem_release(struct problem *p)
{
	free((char *)(uintptr_t)p->weight.p - fc_dtype_size(p->weight.dtype));
	free(p->x);
	free(p->dy);
	free(p->w);
	free(p->x_in);
	free(p->dy_in);
}

/* Largest |c - (init + sum_k a b)| as a share of what rounding can do: (K + 1) T_U times the sum of
 * |a b|. */
static double share(const float *c, float init, const float *a, size_t a_row, size_t a_k,
    const float *b, size_t b_col, size_t b_k, size_t M, size_t N, size_t K)
{
	double worst = 0;
	for (size_t m = 0; m < M; m++)
		for (size_t n = 0; n < N; n++) {
			double sum = (double)init, size = fabs((double)init) + 1e-30;
			for (size_t k = 0; k < K; k++) {
				const double t =
				    (double)a[m * a_row + k * a_k] * (double)b[n * b_col + k * b_k];
				sum += t;
				size += fabs(t);
			}
			const double e =
			    fabs((double)c[m * N + n] - sum) / ((double)(K + 1) * size * T_U);
			worst = isnan(e) ? INFINITY : fmax(worst, e);
		}
	return worst;
}

static const char *compute_name(enum fc_compute c)
{
	return c == FC_COMPUTE_BF16 ? "BF16" : "F32";
}

static void test_products(struct fc_nn *nn, struct fc_rng *r, struct shape s, enum fc_dtype t)
{
	const enum fc_compute compute = fc_nn_compute(nn);
	struct problem p = problem_new(r, s, t, compute);
	const size_t N = s.N, O = s.O, I = s.I;
	float *y = fc_calloc(N * O + 1, sizeof *y), *dx = fc_calloc(N * I + 1, sizeof *dx);
	float *dw = fc_calloc(O * I + 1, sizeof *dw);
	const struct fc_weight w = device_weight(nn, &p.weight);
	fc_linear_fwd(nn, OUT(nn, y, N * O), IN(nn, p.x_in, N * I), &w, N);
	fc_linear_bwd_x(nn, OUT(nn, dx, N * I), IN(nn, p.dy_in, N * O), &w, N, false);
	device_back(nn);
	double e = share(y, 0, p.x, I, 1, p.w, I, 1, N, O, I);
	e = fmax(e, share(dx, 0, p.dy, O, 1, p.w, 1, I, N, I, O));
	for (size_t i = 0; i < N * I; i++)
		dx[i] = 3;
	const struct fc_weight again = device_weight(nn, &p.weight);
	fc_linear_bwd_x(nn, OUT(nn, dx, N * I), IN(nn, p.dy_in, N * O), &again, N, true);
	device_back(nn);
	e = fmax(e, share(dx, 3, p.dy, O, 1, p.w, 1, I, N, I, O));
	for (size_t i = 0; i < O * I; i++)
		dw[i] = -2;
	fc_linear_bwd_w(
	    nn, OUT(nn, dw, O * I), IN(nn, p.dy_in, N * O), IN(nn, p.x_in, N * I), N, O, I);
	device_back(nn);
	e = fmax(e, share(dw, -2, p.dy, 1, O, p.x, 1, I, O, I, N));
	T_OK(e <= 1, "linear %s, weights %s, N %zu O %zu I %zu: %.2f of the bound",
	    compute_name(compute), fc_dtype_name(t), N, O, I, e);
	free(y);
	free(dx);
	free(dw);
	problem_release(&p);
}

/* One thread and two give the same bits in F32. */
static void test_threads(struct fc_nn *nn, struct fc_rng *r, struct shape s, enum fc_dtype t)
{
	struct problem p = problem_new(r, s, t, FC_COMPUTE_F32);
	const size_t n[3] = {s.N * s.O, s.N * s.I, s.O * s.I};
	float *out[2][3];
	for (int run = 0; run < 2; run++) {
		fc_par_init(run + 1);
		for (int i = 0; i < 3; i++)
			out[run][i] = fc_calloc(n[i], sizeof(float));
		const struct fc_weight w = device_weight(nn, &p.weight);
		const float *x = IN(nn, p.x_in, n[1]), *dy = IN(nn, p.dy_in, n[0]);
		fc_linear_fwd(nn, OUT(nn, out[run][0], n[0]), x, &w, s.N);
		fc_linear_bwd_x(nn, OUT(nn, out[run][1], n[1]), dy, &w, s.N, false);
		fc_linear_bwd_w(nn, OUT(nn, out[run][2], n[2]), dy, x, s.N, s.O, s.I);
		device_back(nn);
	}
	bool same = true;
	for (int i = 0; i < 3; i++) {
		same = same && !memcmp(out[0][i], out[1][i], n[i] * sizeof(float));
		free(out[0][i]);
		free(out[1][i]);
	}
	T_OK(same, "linear F32, weights %s, N %zu: one thread and two give the same bits",
	    fc_dtype_name(t), s.N);
	problem_release(&p);
}

/* A gated network of width C and F inside. */
struct gated {
	size_t N, C, F;
	enum fc_act act;
};

static struct fc_weight weight_new(
    struct fc_rng *r, struct fc_nn *nn, enum fc_dtype t, size_t O, size_t I)
{
	float *w = random_floats(r, O * I, 1 / sqrt((double)I));
	char *stored = fc_calloc(O * I, fc_dtype_size(t));
	fc_from_f32(stored, t, w, O * I);
	const struct fc_weight host = {stored, t, O, I};
	void *kept = fc_nn_alloc(nn, O * I, fc_dtype_size(t));
	fc_nn_put(nn, kept, host.p, O * I * fc_dtype_size(t));
	free(w);
	free(stored);
	return (struct fc_weight){kept, t, O, I};
}

/* What is computed together has the bits of what is computed one by one. */
static void test_together(struct fc_nn *nn, struct fc_rng *r, struct gated s, enum fc_dtype t)
{
	const size_t N = s.N, C = s.C, F = s.F, n[] = {N * F, N * F, N * F, N * C};
	const struct fc_weight gate = weight_new(r, nn, t, F, C), up = weight_new(r, nn, t, F, C),
			       down = weight_new(r, nn, t, C, F);
	const struct fc_weight *const w[] = {&gate, &up, &down};
	float *x = random_floats(r, N * C, 1), *y[2][4], *host[2][4];
	float *in = fc_nn_alloc(nn, N * C, sizeof *in);
	fc_nn_put(nn, in, x, N * C * sizeof *x);
	for (int i = 0; i < 8; i++)
		y[i / 4][i % 4] = fc_nn_alloc(nn, n[i % 4], sizeof(float));
	fc_linear_fwd(nn, y[0][0], in, &gate, N);
	fc_linear_fwd(nn, y[0][1], in, &up, N);
	fc_glu_fwd(nn, y[0][2], y[0][0], y[0][1], s.act, N, F);
	fc_linear_fwd(nn, y[0][3], y[0][2], &down, N);
	fc_linear_glu_fwd(nn, y[1][3], in, w, s.act, y[1], N);
	fc_linears_fwd(nn, y[1], in, w, 2, N);
	bool same = true;
	for (int i = 0; i < 4; i++) {
		for (int k = 0; k < 2; k++) {
			host[k][i] = fc_calloc(n[i] + 1, sizeof(float));
			fc_nn_get(nn, host[k][i], y[k][i], n[i] * sizeof(float));
			fc_nn_free(nn, y[k][i]);
		}
		same = same && (i == 2 || !memcmp(host[0][i], host[1][i], n[i] * sizeof(float)));
		free(host[0][i]);
		free(host[1][i]);
	}
	T_OK(same, "together %s, weights %s, N %zu C %zu F %zu: the same bits",
	    compute_name(fc_nn_compute(nn)), fc_dtype_name(t), N, C, F);
	for (int i = 0; i < 3; i++)
		fc_nn_free(nn, (void *)(uintptr_t)w[i]->p);
	fc_nn_free(nn, in);
	free(x);
}

static void test_bias(struct fc_nn *nn, struct fc_rng *r)
{
	enum { N = 37, O = 131 };
	float *y = random_floats(r, N * O, 1), *b = random_floats(r, O, 1);
	double *expect = doubles(y, (size_t)N * O), *sum = doubles(b, O);
	for (int i = 0; i < N * O; i++) {
		sum[i % O] += (double)y[i];
		expect[i] += (double)b[i % O];
	}
	float *db = fc_calloc(O, sizeof *db);
	memcpy(db, b, O * sizeof *db);
	fc_bias_bwd(nn, OUT(nn, db, O), IN(nn, y, N * O), N, O);
	device_back(nn);
	T_OK(max_error(db, sum, O) < 2 * T_U, "bias: gradient is the sum over rows, added");
	fc_bias_fwd(nn, OUT(nn, y, N * O), IN(nn, b, O), N, O);
	device_back(nn);
	T_OK(max_error(y, expect, (size_t)N * O) < T_U, "bias: added to every row");
	free(y);
	free(b);
	free(db);
	free(expect);
	free(sum);
}

static void test_gain(struct fc_nn *nn, struct fc_rng *r)
{
	enum { N = 37, C = 131 };
	float *x = random_floats(r, N * C, 1), *dy = random_floats(r, N * C, 1);
	float *gain = random_floats(r, C, 1), *dgain = fc_calloc(C, sizeof *dgain);
	double *expect = doubles(x, (size_t)N * C), *sum = doubles(gain, C);
	for (int i = 0; i < N * C; i++) {
		expect[i] *= (double)gain[i % C];
		sum[i % C] += (double)dy[i] * (double)x[i];
	}
	memcpy(dgain, gain, C * sizeof *dgain);
	fc_gain_bwd(nn, OUT(nn, dgain, C), IN(nn, dy, N * C), IN(nn, x, N * C), N, C);
	device_back(nn);
	T_OK(max_error(dgain, sum, C) < 2 * T_U, "gain: gradient is the sum of products, added");
	float *y = OUT(nn, x, N * C);
	fc_gain_fwd(nn, y, y, IN(nn, gain, C), N, C);
	device_back(nn);
	T_OK(max_error(x, expect, (size_t)N * C) < T_U, "gain: columns by their factors, in place");
	free(x);
	free(dy);
	free(gain);
	free(dgain);
	free(expect);
	free(sum);
}

int main(void)
{
	static const struct shape shapes[] = {{1, 1, 1}, {1, 300, 65}, {2, 64, 129}, {3, 7, 17},
	    {4, 257, 96}, {5, 33, 700}, {8, 130, 64}, {13, 64, 40}, {17, 61, 64}, {33, 129, 31},
	    {64, 96, 128}, {130, 300, 70}, {523, 70, 40}, {34, 50, 1700}, {34, 1700, 50},
	    {1700, 34, 50} /* deeper than a strip */, {40, 1100, 500} /* several panels */,
	    {0, 5, 3}};
	static const enum fc_dtype types[] = {FC_F32, FC_F16, FC_BF16};
	static const enum fc_compute computes[] = {FC_COMPUTE_F32, FC_COMPUTE_BF16};
	struct fc_rng r;
	struct fc_err e;
	struct fc_nn *nn;
	fc_rng_seed(&r, 1);
	fc_par_init(2);
	for (size_t c = 0; c < FC_LEN(computes); c++) {
		nn = open_nn(computes[c]);
		T_OK(fc_nn_compute(nn) == computes[c], "open: the compute asked for");
		for (size_t t = 0; t < FC_LEN(types); t++)
			for (size_t i = 0; i < FC_LEN(shapes); i++)
				test_products(nn, &r, shapes[i], types[t]);
		if (computes[c] == FC_COMPUTE_F32)
			for (size_t t = 0; t < FC_LEN(types); t++) {
				test_threads(nn, &r, (struct shape){3, 500, 100}, types[t]);
				test_threads(nn, &r, (struct shape){600, 300, 400}, types[t]);
			}
		static const struct gated gated[] = {{1, 64, 96, FC_ACT_SILU},
		    {40, 100, 131, FC_ACT_GELU}, {67, 65, 1700, FC_ACT_SILU},
		    {600, 1700, 33, FC_ACT_CLAMPED}, {33, 576, 600, FC_ACT_GELU_TANH}};
		for (size_t i = 0; i < FC_LEN(gated); i++)
			test_together(nn, &r, gated[i], types[i % FC_LEN(types)]);
		fc_par_init(1);
		test_products(nn, &r, shapes[FC_LEN(shapes) - 2], FC_BF16);
		test_together(nn, &r, gated[2], FC_BF16);
		fc_par_init(2);
		if (computes[c] == FC_COMPUTE_BF16)
			test_products(
			    nn, &r, (struct shape){2, 2100, 4000}, FC_F32); /* panels here */
		fc_nn_close(nn);
	}
	nn = open_nn(FC_COMPUTE_AUTO);
	T_OK(fc_nn_compute(nn) != FC_COMPUTE_AUTO, "open: AUTO becomes one of the others");
	test_bias(nn, &r);
	test_gain(nn, &r);
	fc_nn_close(nn);
	T_OK(fc_nn_open(&nn, "abacus", FC_COMPUTE_F32, &e) == -1 && strstr(e.msg, "abacus"),
	    "open: an unknown device is refused by name");
	return t_done();
}
