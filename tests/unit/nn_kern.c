/* SPDX-License-Identifier: Apache-2.0 */
#include "nn_oracle.h"

#include "nn/cpu/kern.h"

/* Every instruction set's kernels against double precision; bounds are those kern.h promises. */

enum { BATCH = 1024 };

static double eps(double units)
{
	return units * 0x1p-24;
}

static double relative(float got, double expect)
{
	const double e = fabs((double)got - expect) / fabs(expect);
	return isnan(e) ? INFINITY : e;
}

/* All floats in [lo, hi] but for a step of 997 in their bits; lo and hi have one sign. */
static size_t next_batch(float *x, uint32_t *bits, uint32_t last)
{
	size_t n = 0;
	for (; n < BATCH && *bits <= last; *bits += 997)
		memcpy(&x[n++], bits, 4);
	return n;
}

static uint32_t bits_of(float f)
{
	uint32_t u;
	memcpy(&u, &f, 4);
	return u;
}

static void test_exp(const struct fc_kern *k)
{
	float x[BATCH], y[BATCH];
	double worst = 0;
	size_t n, n_seen = 0;
	for (int negative = 0; negative < 2; negative++) {
		const uint32_t last = bits_of(negative ? -87.3f : 88.3f);
		for (uint32_t b = (uint32_t)negative << 31; (n = next_batch(x, &b, last));
		     n_seen += n) {
			k->exp_scaled(y, x, 1, 0, 1, n);
			for (size_t i = 0; i < n; i++)
				worst = fmax(worst, relative(y[i], exp((double)x[i])));
		}
	}
	T_OK(worst < eps(4), "%s: exp: %.2f eps at %zu points", k->name, worst / eps(1), n_seen);
	const float ends[] = {-88, -104, -1e30f, -INFINITY, 88.5f, 1e30f, INFINITY, NAN, 0};
	k->exp_scaled(y, ends, 1, 0, 1, FC_LEN(ends));
	T_OK(y[0] == 0 && y[1] == 0 && y[2] == 0 && y[3] == 0, "%s: exp: 0 far below", k->name);
	T_OK(isinf(y[4]) && isinf(y[5]) && isinf(y[6]), "%s: exp: infinite far above", k->name);
	T_OK(isnan(y[7]) && y[8] == 1, "%s: exp: NaN stays, exp(0) is 1", k->name);
}

static void test_tanh(const struct fc_kern *k)
{
	float x[BATCH], y[BATCH];
	double worst = 0;
	size_t n;
	for (uint32_t b = bits_of(1e-30f); (n = next_batch(x, &b, bits_of(100)));) {
		k->cap(y, x, 1, 1, n);
		for (size_t i = 0; i < n; i++)
			worst = fmax(worst, relative(y[i], tanh((double)x[i])));
	}
	T_OK(worst < eps(5), "%s: tanh: %.2f eps", k->name, worst / eps(1));
	const float ends[] = {-INFINITY, INFINITY, -1e30f, -0.3f, 0.3f, 0, NAN};
	k->cap(y, ends, 0.5f, 3, FC_LEN(ends));
	T_OK(y[0] == -3 && y[1] == 3 && y[2] == -3 && y[3] == -y[4] && y[5] == 0 && isnan(y[6]),
	    "%s: cap: ends and symmetry", k->name);
	k->cap(y, ends, 0.5f, 3, 5);
	T_NEAR((double)y[4], 3 * tanh(0.05), 1e-7, "cap: scaled inside and outside");
}

static double act_oracle(enum fc_act act, double x, double *d)
{
	const double pi = acos(-1), a = sqrt(2 / pi);
	if (act == FC_ACT_SILU) {
		const double s = 1 / (1 + exp(-x));
		*d = s * (1 + x * (1 - s));
		return x * s;
	}
	if (act == FC_ACT_GELU) {
		const double p = 0.5 * erfc(-x * sqrt(0.5));
		*d = p + x * exp(-0.5 * x * x) / sqrt(2 * pi);
		return x * p;
	}
	const double t = tanh(a * (x + 0.044715 * x * x * x));
	*d = 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * a * (1 + 3 * 0.044715 * x * x);
	return 0.5 * x * (1 + t);
}

static void test_act(const struct fc_kern *k, enum fc_act act, const char *name)
{
	float x[BATCH], y[BATCH], one[BATCH], dg[BATCH], du[BATCH];
	double worst = 0, worst_d = 0;
	size_t n;
	for (int i = 0; i < BATCH; i++)
		one[i] = 1;
	for (int negative = 0; negative < 2; negative++) {
		const uint32_t sign = (uint32_t)negative << 31;
		for (uint32_t b = sign | bits_of(1e-10f);
		     (n = next_batch(x, &b, sign | bits_of(200)));) {
			k->glu(y, x, one, act, n);
			k->glu_bwd(dg, du, one, x, one, act, n);
			for (size_t i = 0; i < n; i++) {
				double d, a = act_oracle(act, (double)x[i], &d);
				const double size = fmax(fabs((double)x[i]), 1);
				worst = fmax(worst, fabs((double)y[i] - a) / size);
				worst_d = fmax(worst_d, fabs((double)dg[i] - d));
				worst = y[i] == du[i] ? worst : INFINITY;
			}
		}
	}
	T_OK(worst < eps(8) && worst_d < eps(16), "%s: %s: %.2f eps, derivative %.2f eps", k->name,
	    name, worst / eps(1), worst_d / eps(1));
}

/* Lengths around the vector's and the summation block's. */
static void test_sums(const struct fc_kern *k, struct fc_rng *r)
{
	static const size_t lengths[] = {
	    0, 1, 3, 4, 7, 15, 16, 17, 31, 33, 63, 1023, 1024, 1025, 5003};
	double worst = 0;
	bool max_right = true;
	for (size_t l = 0; l < FC_LEN(lengths); l++) {
		const size_t n = lengths[l];
		float *a = random_floats(r, n, 1), *b = random_floats(r, n, 1),
		      *c = random_floats(r, n, 1);
		float *y = fc_calloc(n + 1, sizeof *y), max = -INFINITY;
		double s[5] = {0}, size[5] = {1e-30, 1e-30, 1e-30, 1e-30, 1e-30}, got[5];
		for (size_t i = 0; i < n; i++) {
			const double t[5] = {exp((double)a[i] - 1), 0.5 * exp(2 * (double)a[i] - 1),
			    (double)a[i] * (double)a[i],
			    (double)a[i] * ((double)b[i] + 1) * (double)c[i], (double)a[i] - 3};
			for (int j = 0; j < 5; j++) {
				s[j] += t[j];
				size[j] += fabs(t[j]);
			}
			max = fmaxf(max, a[i]);
		}
		got[0] = k->exp_sum(a, 1, n);
		y[n] = 7;
		got[1] = k->exp_scaled(y, a, 2, 1, 0.5f, n);
		got[2] = k->sum_squares(a, n);
		got[3] = k->dot3(a, b, 1, c, n);
		got[4] = k->sum(a, 3, n);
		for (int j = 0; j < 5; j++)
			worst = fmax(worst, fabs(got[j] - s[j]) / size[j]);
		max_right = max_right && k->max(a, n) == max && y[n] == 7;
		free(a);
		free(b);
		free(c);
		free(y);
	}
	/* at least four lanes, each over blocks of 1024; the terms are off by 5 eps at most */
	T_OK(worst < eps(1024 / 4 + 2 + 5), "%s: sums of any length: %.2f eps", k->name,
	    worst / eps(1));
	T_OK(max_right, "%s: max of any length, nothing written beyond the end", k->name);
}

/* Any length, in place, nothing written beyond the end. */
static void test_elements(const struct fc_kern *k, struct fc_rng *r)
{
	static const size_t lengths[] = {1, 3, 4, 7, 8, 15, 16, 33, 100};
	bool ramp = true, act = true;
	for (size_t l = 0; l < FC_LEN(lengths); l++) {
		const size_t n = lengths[l];
		float *x = random_floats(r, n, 2), *y = fc_calloc(n + 1, sizeof *y);
		memcpy(y, x, n * sizeof *y);
		y[n] = 7;
		k->ramp(y, 0.5f, -0.25f, -90, n);
		for (size_t i = 0; i < n; i++)
			ramp = ramp &&
			    t_near(
				(double)y[i], 0.5 * (double)x[i] - 0.25 * ((double)i - 90), eps(3));
		memcpy(y, x, n * sizeof *y);
		k->act(y, y, FC_ACT_GELU, n);
		for (size_t i = 0; i < n; i++)
			act = act &&
			    fabs((double)y[i] -
				0.5 * (double)x[i] * erfc(-(double)x[i] * sqrt(0.5))) <
				eps(8) * fmax(fabs((double)x[i]), 1);
		ramp = ramp && y[n] == 7;
		free(x);
		free(y);
	}
	T_OK(ramp && act, "%s: slopes and activations of any length", k->name);
}

static void test_groups(const struct fc_kern *k, struct fc_rng *r)
{
	static const size_t lengths[] = {1, 5, 16, 17, 33, 500, 512, 513, 529, 1500};
	bool right = true;
	for (size_t l = 0; l < FC_LEN(lengths); l++) {
		const size_t n = lengths[l], n_group = fc_kern_n_group(n);
		float *x = random_floats(r, n, 1), *got = fc_calloc(n_group, sizeof *got);
		float *expect = fc_calloc(n_group, sizeof *expect), max = -INFINITY;
		for (size_t g = 0; g < n_group; g++)
			expect[g] = -INFINITY;
		for (size_t i = 0; i < n; i++) {
			const size_t g = i / 512 * 16 + i % 16;
			expect[g] = fmaxf(expect[g], x[i]);
			max = fmaxf(max, x[i]);
		}
		right =
		    right && k->group_max(x, n, got) == max && !memcmp(got, expect, n_group * 4);
		free(x);
		free(got);
		free(expect);
	}
	T_OK(right, "%s: maxima of groups", k->name);
}

static void test_mm(const struct fc_kern *k, struct fc_rng *r)
{
	static const size_t sizes[][3] = {
	    {1, 1, 1}, {3, 5, 7}, {8, 32, 64}, {15, 37, 20}, {16, 128, 9}, {23, 49, 33}};
	double worst = 0; /* of the bound */
	for (size_t l = 0; l < FC_LEN(sizes); l++) {
		const size_t M = sizes[l][0], N = sizes[l][1], K = sizes[l][2], ldb = N + 3,
			     ldc = N + 2;
		float *a = random_floats(r, M * K, 1), *at = random_floats(r, M * K, 1);
		float *b = random_floats(r, K * ldb, 1), *c = random_floats(r, M * ldc, 1);
		double *expect = doubles(c, M * ldc), size = 0; /* the largest sum of |a b| */
		for (size_t m = 0; m < M; m++)
			for (size_t n = 0; n < N; n++) {
				double s = fabs(expect[m * ldc + n]);
				for (size_t i = 0; i < K; i++) {
					const double t =
					    (double)a[m * K + i] * (double)b[i * ldb + n];
					expect[m * ldc + n] += t;
					s += fabs(t);
				}
				size = fmax(size, s);
			}
		const double most = eps((double)(K + 1)) * size;
		k->transpose(at, M, a, K, M, K);
		k->mm(c, ldc, a, K, 1, b, ldb, M, N, K, true);
		worst = fmax(worst, max_error(c, expect, M * ldc) / most);
		for (size_t m = 0; m < M; m++)
			for (size_t n = 0; n < N; n++) {
				expect[m * ldc + n] = 0;
				for (size_t i = 0; i < K; i++)
					expect[m * ldc + n] +=
					    (double)a[m * K + i] * (double)b[i * ldb + n];
			}
		k->mm(c, ldc, at, 1, M, b, ldb, M, N, K, false);
		worst = fmax(worst, max_error(c, expect, M * ldc) / most);
		free(a);
		free(at);
		free(b);
		free(c);
		free(expect);
	}
	T_OK(worst <= 1, "%s: products in the cache, also of a transposed: %.2f of the bound",
	    k->name, worst);
}

static void test_rows(const struct fc_kern *k, struct fc_rng *r, enum fc_dtype t)
{
	static const size_t widths[] = {1, 5, 16, 40, 67, 300};
	double worst = 0;
	for (size_t l = 0; l < FC_LEN(widths); l++)
		for (size_t M = 1; M <= 9; M++) {
			const size_t n = widths[l], ld = n + 3, O = 4 + M;
			float *x = random_floats(r, M * ld, 1), *w = random_floats(r, O * ld, 1);
			char *stored = fc_calloc(O * ld, 4);
			float *y = fc_calloc(M * (O + 1), sizeof *y);
			fc_from_f32(stored, t, w, O * ld);
			k->widen(w, stored, t, O * ld);
			k->dot_rows(y, O + 1, x, ld, stored, ld, t, M, O, n);
			for (size_t m = 0; m < M; m++)
				for (size_t o = 0; o < O; o++) {
					double s = 0, size = 0;
					for (size_t i = 0; i < n; i++) {
						const double p =
						    (double)x[m * ld + i] * (double)w[o * ld + i];
						s += p;
						size += fabs(p);
					}
					worst = fmax(
					    worst, fabs((double)y[m * (O + 1) + o] - s) / size);
				}
			for (size_t m = 0; m < M; m++)
				worst = y[m * (O + 1) + O] == 0 ? worst : INFINITY;
			free(x);
			free(w);
			free(stored);
			free(y);
		}
	/* at least four lanes over 300 columns */
	T_OK(worst < eps(300 / 4 + 2 + 1), "%s: rows times rows of %s: %.2f eps", k->name,
	    fc_dtype_name(t), worst / eps(1));
}

/* R rows of sums against double precision, and bit for bit against each alone. */
static void test_weighted_sums(const struct fc_kern *k, struct fc_rng *r, size_t R)
{
	enum { N = 23, D = 103, LD = 107, LDP = 29 };
	float *p = random_floats(r, R * LDP, 1), *v = random_floats(r, N * LD, 1),
	      *y = random_floats(r, R * LD, 1), *one = FC_ARRAY(float, R *LD);
	double want[D], e = 0, size = 0; /* the largest sum of |p v| */
	memcpy(one, y, R * LD * sizeof *y);
	float *before = FC_ARRAY(float, R *LD);
	memcpy(before, y, R * LD * sizeof *y);
	k->weighted_sums(y, LD, p, LDP, v, LD, R, N, D);
	for (size_t row = 0; row < R; row++) {
		for (int d = 0; d < D; d++) {
			double s = fabs((double)before[row * LD + d]);
			want[d] = (double)before[row * LD + d];
			for (int j = 0; j < N; j++) {
				const double add = (double)p[row * LDP + j] * (double)v[j * LD + d];
				want[d] += add;
				s += fabs(add);
			}
			size = fmax(size, s);
		}
		e = fmax(e, max_error(y + row * LD, want, D));
		k->weighted_sums(one + row * LD, LD, p + row * LDP, LDP, v, LD, 1, N, D);
	}
	const bool alike =
	    memcmp(y, one, R * LD * sizeof *y) == 0; /* and nothing else was written */
	T_OK(alike && e < eps(N + 3) * size, "%s: %zu rows of weighted sums: %.2f eps", k->name, R,
	    e / eps(1));
	free(p);
	free(v);
	free(y);
	free(one);
	free(before);
}

static void test_axpy(const struct fc_kern *k, struct fc_rng *r)
{
	enum { D = 37 };
	float *x = random_floats(r, D, 1), *y = random_floats(r, D, 1);
	double want[D];
	for (int d = 0; d < D; d++)
		want[d] = (double)y[d] + 2.5 * (double)x[d];
	k->axpy(y, x, 2.5f, D);
	const double e = max_error(y, want, D);
	T_OK(e < eps(4) * 16, "%s: axpy: %.2f eps", k->name, e / eps(1));
	free(x);
	free(y);
}

/* All halves and all upper halves of floats, with lower bits that round down, tie and round up. */
static void test_conversions(const struct fc_kern *k)
{
	static const uint32_t low[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
	uint16_t h[256], got[256 + 1];
	float x[256], y[256];
	bool right = true;
	for (uint32_t block = 0; block < 256; block++) {
		for (uint32_t i = 0; i < 256; i++)
			h[i] = (uint16_t)(block << 8 | i);
		k->widen(y, h, FC_BF16, 255);
		k->widen(x, h, FC_F16, 255);
		for (int i = 0; i < 255; i++) {
			right = right && bits_of(y[i]) == bits_of(fc_bf16_to_f32(h[i]));
			right = right &&
			    (bits_of(x[i]) == bits_of(fc_f16_to_f32(h[i])) ||
				(isnan(x[i]) && isnan(fc_f16_to_f32(h[i]))));
		}
		for (size_t l = 0; l < FC_LEN(low); l++) {
			for (uint32_t i = 0; i < 256; i++) {
				const uint32_t u = (uint32_t)h[i] << 16 | low[l];
				memcpy(&x[i], &u, 4);
			}
			k->to_bf16(got, x, 253);
			k->round_bf16(y, x, 253);
			for (int i = 0; i < 253; i++)
				right = right && got[i] == fc_f32_to_bf16(x[i]) &&
				    bits_of(y[i]) == (uint32_t)got[i] << 16;
		}
	}
	T_OK(right, "%s: conversions agree with the scalar ones on all values", k->name);
}

/* Frequencies as rotary embeddings have them, positions below 2^24. */
static void test_turn(const struct fc_kern *k, struct fc_rng *r)
{
	enum { N = 37 };
	float freq[N], c[N + 1], s[N + 1];
	double worst = 0;
	for (int i = 0; i < 20000; i++) {
		const uint32_t pos = (uint32_t)(fc_rng_u64(r) >> 40 >> fc_rng_below(r, 24));
		for (int j = 0; j < N; j++)
			freq[j] = (float)pow(5e5, -(double)j / N);
		c[N] = s[N] = 7;
		k->turn(c, s, freq, pos, 1, N);
		for (int j = 0; j < N; j++) {
			const double angle = (double)pos * (double)freq[j];
			worst = fmax(worst, fabs((double)c[j] - cos(angle)));
			worst = fmax(worst, fabs((double)s[j] - sin(angle)));
		}
		worst = c[N] == 7 && s[N] == 7 ? worst : INFINITY;
	}
	T_OK(worst < eps(4), "%s: cosines and sines of positions: %.2f eps", k->name,
	    worst / eps(1));
}

static void test_backward_loops(const struct fc_kern *k, struct fc_rng *r)
{
	enum { N = 45 };
	float *p = random_floats(r, N, 1), *ds = random_floats(r, N, 1),
	      *c = random_floats(r, N, 1);
	double expect[N], capped[N];
	for (int i = 0; i < N; i++) {
		expect[i] = 0.25 * (double)p[i] * ((double)ds[i] - 0.5);
		capped[i] = expect[i] * (1 - (double)c[i] / 5 * (double)c[i] / 5);
	}
	k->score_bwd(ds, p, 0.5f, 0.25f, N);
	/* a difference and two products */
	T_OK(max_error(ds, expect, N) < eps(3), "%s: gradient of scores", k->name);
	k->cap_bwd(ds, c, 5, N);
	/* after those two quotients, two sums of at most twice 1, two products */
	T_OK(
	    max_error(ds, capped, N) < eps(3 + 2 + 4 + 2), "%s: gradient through the cap", k->name);
	free(p);
	free(ds);
	free(c);
}

int main(void)
{
	const struct fc_kern *all[FC_KERN_MAX];
	const size_t n = fc_kern_all(all);
	struct fc_rng r;
	fc_rng_seed(&r, 6);
	T_OK(fc_kern() == all[0] && !strcmp(all[n - 1]->name, "fc_kern_portable"),
	    "%zu instruction sets, the best is %s", n, all[0]->name);
	for (size_t i = 0; i < n; i++) {
		test_exp(all[i]);
		test_tanh(all[i]);
		test_act(all[i], FC_ACT_SILU, "silu");
		test_act(all[i], FC_ACT_GELU_TANH, "gelu_tanh");
		test_act(all[i], FC_ACT_GELU, "gelu");
		test_sums(all[i], &r);
		test_elements(all[i], &r);
		test_groups(all[i], &r);
		test_mm(all[i], &r);
		test_rows(all[i], &r, FC_F32);
		test_rows(all[i], &r, FC_BF16);
		test_rows(all[i], &r, FC_F16);
		for (size_t R = 1; R <= 9; R++)
			test_weighted_sums(all[i], &r, R);
		test_axpy(all[i], &r);
		test_conversions(all[i]);
		test_turn(all[i], &r);
		test_backward_loops(all[i], &r);
	}
	return t_done();
}
