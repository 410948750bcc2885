/* SPDX-License-Identifier: Apache-2.0 */
#include "nn_oracle.h"

/* Norms, rotary embedding, activations, embeddings against double precision. */

struct norm {
	size_t N, C;
	double *x, *w, *y;
	const float *dy;
	double eps, one;
};

static double norm_loss(void *arg, size_t moved)
{
	(void)moved;
	struct norm *t = arg;
	double loss = 0;
	for (size_t n = 0; n < t->N; n++) {
		double sum = 0;
		for (size_t i = 0; i < t->C; i++)
			sum += t->x[n * t->C + i] * t->x[n * t->C + i];
		for (size_t i = 0; i < t->C; i++) {
			const size_t at = n * t->C + i;
			t->y[at] =
			    t->x[at] / sqrt(sum / (double)t->C + t->eps) * (t->w[i] + t->one);
			loss += t->y[at] * (double)t->dy[at];
		}
	}
	return loss;
}

static void bwd(
    struct fc_nn *nn, const struct norm *t, float *dx, float *dw, const float *x, const float *w)
{
	const size_t N = t->N, C = t->C;
	fc_rmsnorm_bwd(nn, OUT(nn, dx, N * C), OUT(nn, dw, C), IN(nn, t->dy, N * C),
	    IN(nn, x, N * C), IN(nn, w, C), N, C, 1e-6f, t->one > 0);
	device_back(nn);
}

static void test_norm(
    struct fc_nn *nn, struct fc_rng *r, size_t N, size_t C, double size, bool plus_one)
{
	float *x = random_floats(r, N * C, size), *w = random_floats(r, C, 1);
	float *dy = random_floats(r, N * C, 1), *y = FC_ARRAY(float, N *C);
	float *dx = FC_ARRAY(float, N *C), *dw = FC_ARRAY(float, C);
	struct norm t = {N, C, doubles(x, N * C), doubles(w, C), FC_ARRAY(double, N *C), dy,
	    (double)1e-6f, plus_one ? 1 : 0};
	fc_rmsnorm_fwd(
	    nn, OUT(nn, y, N * C), IN(nn, x, N * C), IN(nn, w, C), N, C, 1e-6f, plus_one);
	device_back(nn);
	norm_loss(&t, 0);
	/* Squares are added up in blocks of 1024 over at least four lanes, with their own rounding
	 * and at most 5 to join lanes; the root halves that.  Its inverse, w + one and two products
	 * round once each. */
	const double most = ((fmin((double)C, 1024) / 4 + 1 + 5) / 2 + 4) * T_U;
	double e = 0;
	for (size_t i = 0; i < N * C; i++) {
		const double off = fabs((double)y[i] - t.y[i]);
		e = off <= most * fabs(t.y[i]) ? fmax(e, off / fabs(t.y[i])) : INFINITY;
	}
	T_OK(e <= most, "rmsnorm N %zu C %zu size %g: error %.1e of %.1e", N, C, size, e, most);
	bwd(nn, &t, dx, dw, x, w);
	e = gradient_error(dx, t.x, N * C, 50, norm_loss, &t);
	e = fmax(e, gradient_error(dw, t.w, C, 50, norm_loss, &t));
	/* two such sums; central differences are off by a millionth */
	T_OK(e < 2 * (1024.0 / 4 + 8) * T_U + 1e-6, "rmsnorm backward: error %.1e", e);
	float *dx2 = FC_ARRAY(float, N *C), *dw2 = FC_ARRAY(float, C);
	fc_par_init(1);
	bwd(nn, &t, dx2, dw2, x, w);
	fc_par_init(2);
	T_OK(!memcmp(dx, dx2, N * C * sizeof *dx) && !memcmp(dw, dw2, C * sizeof *dw),
	    "rmsnorm backward: one thread and two give the same bits");
	bwd(nn, &t, dx2, NULL, x, w);
	double worst = 0, largest = 0; /* one addition; the product before it may be fused */
	for (size_t i = 0; i < N * C; i++) {
		worst = fmax(worst, fabs((double)dx2[i] - 2 * (double)dx[i]));
		largest = fmax(largest, fabs((double)dx[i]));
	}
	T_OK(worst < 16 * T_U * fmax(1, largest),
	    "rmsnorm backward: dx is added to, dw may be missing");
	float *all[] = {x, w, dy, y, dx, dw, dx2, dw2};
	double *more[] = {t.x, t.w, t.y};
	for (size_t i = 0; i < FC_LEN(all); i++)
		free(all[i]);
	for (size_t i = 0; i < FC_LEN(more); i++)
		free(more[i]);
}

static void test_rope(struct fc_nn *nn, struct fc_rng *r, bool interleaved)
{
	enum { N = 9, HEADS = 3, D = 10, R = 6, ROW = HEADS * D };
	static const uint32_t pos[N] = {0, 1, 2, 100, 4095, 131071, 0, 7, 1000000};
	float freq[R / 2];
	const struct fc_rope rope = {R, freq, 1.25f, interleaved};
	const char *name = interleaved ? "interleaved" : "halves";
	const int next = interleaved ? 1 : R / 2, step = interleaved ? 2 : 1;
	for (int i = 0; i < R / 2; i++)
		freq[i] = (float)pow(10000, -2.0 * i / R);
	float *x = random_floats(r, N * ROW, 1), *y = random_floats(r, N * ROW, 1);
	double *expect = doubles(x, (size_t)N * ROW), before = 0, after = 0;
	for (int n = 0; n < N; n++)
		for (int h = 0; h < HEADS; h++)
			for (int i = 0; i < R / 2; i++) {
				double *v = expect + (n * HEADS + h) * D + step * i,
				       angle = (double)pos[n] * (double)freq[i];
				const double a = v[0], b = v[next];
				v[0] = 1.25 * (a * cos(angle) - b * sin(angle));
				v[next] = 1.25 * (b * cos(angle) + a * sin(angle));
			}
	float *rotated = FC_ARRAY(float, N *ROW);
	memcpy(rotated, x, sizeof(float) * N * ROW);
	fc_rope_apply(nn, OUT(nn, rotated, N * ROW), IN(nn, pos, N), N, HEADS, D, &rope, false);
	device_back(nn);
	/* cosine and sine 4, scaled by 1.25; two products of at most 5, their sum */
	T_OK(max_error(rotated, expect, (size_t)N * ROW) < 2 * 5 * (4 * 1.25 + 2) * T_U,
	    "rope: rotation, also far out (%s)", name);
	/* the inverse is the transposed map: <R x, y> = <x, R' y> */
	for (int i = 0; i < N * ROW; i++)
		before += (double)rotated[i] * (double)y[i];
	fc_rope_apply(nn, OUT(nn, y, N * ROW), IN(nn, pos, N), N, HEADS, D, &rope, true);
	device_back(nn);
	for (int i = 0; i < N * ROW; i++)
		after += (double)x[i] * (double)y[i];
	/* both sides N ROW products of two values off by 7; their sizes add up to below 2 N ROW */
	T_OK(t_near(after, before, 2 * 7 * T_U * 2 * N * ROW),
	    "rope: inverse is the transposed map (%s)", name);
	free(x);
	free(y);
	free(expect);
	free(rotated);
}

static double act_oracle(enum fc_act act, double x)
{
	if (act == FC_ACT_SILU)
		return x / (1 + exp(-x));
	if (act == FC_ACT_GELU)
		return 0.5 * x * erfc(-x * sqrt(0.5));
	return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
}

static void test_glu(struct fc_nn *nn, struct fc_rng *r, enum fc_act act, const char *name)
{
	enum { F = 1003, N = 7, SIZE = F * N };
	float *g = random_floats(r, SIZE, 3), *u = random_floats(r, SIZE, 1);
	float *dy = random_floats(r, SIZE, 1), *y = FC_ARRAY(float, SIZE);
	const float extremes[] = {
	    0, -0.0f, 1e-30f, -1e-30f, 88, -88, 104, -104, 1e4f, -1e4f, 1e37f, -1e37f};
	memcpy(g, extremes, sizeof extremes);
	double e_y = 0, e_g = 0, e_u = 0;
	fc_glu_fwd(nn, OUT(nn, y, SIZE), IN(nn, g, SIZE), IN(nn, u, SIZE), act, N, F);
	device_back(nn);
	float *dg = FC_ARRAY(float, SIZE), *du = FC_ARRAY(float, SIZE);
	memcpy(dg, g, SIZE * sizeof *g);
	memcpy(du, u, SIZE * sizeof *u);
	fc_glu_bwd(nn, OUT(nn, dg, SIZE), OUT(nn, du, SIZE), IN(nn, dy, SIZE), IN(nn, dg, SIZE),
	    IN(nn, du, SIZE), act, N, F);
	device_back(nn);
	for (int i = 0; i < SIZE; i++) {
		const double x = (double)g[i], h = 1e-5 * fmax(1, fabs(x));
		const double a = act_oracle(act, x), size = fmax(1, fabs(a));
		const double slope = (act_oracle(act, x + h) - act_oracle(act, x - h)) / (2 * h);
		const double ey =
		    fabs((double)y[i] - a * (double)u[i]) / size / fmax(1, fabs((double)u[i]));
		const double eg = fabs((double)dg[i] - slope * (double)u[i] * (double)dy[i]);
		const double eu = fabs((double)du[i] - a * (double)dy[i]) / size;
		e_y = isnan(ey) ? INFINITY : fmax(e_y, ey);
		e_g = isnan(eg) ? INFINITY : fmax(e_g, eg);
		e_u = isnan(eu) ? INFINITY : fmax(e_u, eu);
	}
	/* kern.h: 8 and 16 of max(|x|, 1), here relative to the result; one or two products */
	T_OK(e_y < (8 + 1) * T_U * 4, "%s: error %.1e", name, e_y);
	T_OK(e_g < (16 + 2) * T_U * 16 && e_u < (8 + 1) * T_U * 4,
	    "%s: gradient in place: errors %.1e %.1e", name, e_g, e_u);
	float *all[] = {g, u, dy, y, dg, du};
	for (size_t i = 0; i < FC_LEN(all); i++)
		free(all[i]);
}

static void test_embed(struct fc_nn *nn, struct fc_rng *r, enum fc_dtype t)
{
	enum { V = 50, C = 77, N = 300 };
	float *table = random_floats(r, V * C, 1), *x = FC_ARRAY(float, N *C);
	char *stored = fc_calloc(V * C, fc_dtype_size(t));
	fc_from_f32(stored, t, table, V * C);
	fc_to_f32(table, stored, t, V * C);
	uint32_t tok[N];
	for (int n = 0; n < N; n++)
		tok[n] = (uint32_t)fc_rng_below(r, V);
	const struct fc_weight w = {stored, t, V, C};
	const struct fc_weight on = device_weight(nn, &w);
	fc_embed_fwd(nn, OUT(nn, x, N * C), &on, tok, N, 2.5f);
	device_back(nn);
	bool good = true;
	double *sum = doubles(table, V * C);
	float *dw = FC_ARRAY(float, V *C);
	memcpy(dw, table, V * C * sizeof *dw);
	for (int i = 0; i < N * C; i++) {
		good = good && x[i] == 2.5f * table[tok[i / C] * C + (uint32_t)(i % C)];
		sum[tok[i / C] * C + (uint32_t)(i % C)] += 0.5 * (double)x[i];
	}
	T_OK(good, "embed: rows, scaled, from %s", fc_dtype_name(t));
	fc_embed_bwd(nn, OUT(nn, dw, V * C), IN(nn, x, N * C), tok, N, C, 0.5f);
	device_back(nn);
	/* about N / V rows each, at most 20, whose sizes add up to at most 60 */
	T_OK(max_error(dw, sum, V * C) < 20 * 60 * T_U, "embed: gradient is added up by token");
	free(table);
	free(stored);
	free(x);
	free(sum);
	free(dw);
}

static void test_add(struct fc_nn *nn, struct fc_rng *r)
{
	enum { N = 1001 };
	float *x = random_floats(r, N, 1), *y = random_floats(r, N, 1);
	float z[N];
	bool good = true;
	memcpy(z, y, sizeof z);
	fc_add(nn, OUT(nn, y, N), IN(nn, x, N), N);
	device_back(nn);
	for (int i = 0; i < N; i++)
		good = good && y[i] == z[i] + x[i];
	T_OK(good, "add");
	free(x);
	free(y);
}

int main(void)
{
	struct fc_rng r;
	fc_rng_seed(&r, 5);
	fc_par_init(2);
	struct fc_nn *nn = open_nn(FC_COMPUTE_F32);
	test_norm(nn, &r, 1, 1, 1, false);
	test_norm(nn, &r, 5, 33, 1, true);
	test_norm(nn, &r, 130, 64, 1, false);
	test_norm(nn, &r, 3, 2051, 20, true);
	test_norm(nn, &r, 2, 16, 1e-4, false); /* eps matters */
	test_rope(nn, &r, false);
	test_rope(nn, &r, true);
	test_glu(nn, &r, FC_ACT_SILU, "silu");
	test_glu(nn, &r, FC_ACT_GELU_TANH, "gelu_tanh");
	test_glu(nn, &r, FC_ACT_GELU, "gelu");
	test_embed(nn, &r, FC_F32);
	test_embed(nn, &r, FC_F16);
	test_embed(nn, &r, FC_BF16);
	test_add(nn, &r);
	fc_nn_close(nn);
	return t_done();
}
