/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of the families beyond Llama's, against double precision: LayerNorm, activations without a
 * gate, learned positions, the cuts of fused products, routing to experts. */
#include "nn_oracle.h"

static void layernorm(struct fc_nn *nn, float *y, const float *x, const float *w, const float *bias,
    size_t N, size_t C)
{
	fc_layernorm_fwd(
	    nn, OUT(nn, y, N * C), IN(nn, x, N * C), IN(nn, w, C), IN(nn, bias, C), N, C, 1e-5f);
	device_back(nn);
}

static void test_layernorm(
    struct fc_nn *nn, struct fc_rng *r, size_t N, size_t C, double mean, bool biased)
{
	float *x = random_floats(r, N * C, 1), *w = random_floats(r, C, 1);
	float *bias = random_floats(r, C, 1), *y = FC_ARRAY(float, N *C);
	double *want = FC_ARRAY(double, N *C);
	for (size_t i = 0; i < N * C; i++)
		x[i] += (float)mean;
	for (size_t n = 0; n < N; n++) {
		double sum = 0, squares = 0;
		for (size_t i = 0; i < C; i++)
			sum += (double)x[n * C + i];
		for (size_t i = 0; i < C; i++)
			squares += pow((double)x[n * C + i] - sum / (double)C, 2);
		for (size_t i = 0; i < C; i++)
			want[n * C + i] = ((double)x[n * C + i] - sum / (double)C) /
				sqrt(squares / (double)C + (double)1e-5f) * (double)w[i] +
			    (biased ? (double)bias[i] : 0);
	}
	layernorm(nn, y, x, w, biased ? bias : NULL, N, C);
	double e = max_error(y, want, N * C);
	/* two sums in blocks of 1024 over at least four lanes, of terms off by the mean's rounding;
	 * results below 16 */
	T_OK(e < (2 * 1024.0 / 4 + 8) * T_U + 16 * T_U,
	    "layernorm N %zu C %zu mean %g%s: error %.1e", N, C, mean, biased ? " bias" : "", e);
	layernorm(nn, x, x, w, biased ? bias : NULL, N, C);
	T_OK(!memcmp(x, y, N * C * sizeof *x), "layernorm in place");
	float *all[] = {x, w, bias, y};
	for (size_t i = 0; i < FC_LEN(all); i++)
		free(all[i]);
	free(want);
}

/* act(x) is what the gated form gives for up = 1. */
static void test_act(struct fc_nn *nn, struct fc_rng *r, enum fc_act act)
{
	enum { N = 3, F = 1501 };
	float *x = random_floats(r, N * F, 3), *one = FC_ARRAY(float, N *F);
	float *y = FC_ARRAY(float, N *F), *gated = FC_ARRAY(float, N *F);
	for (int i = 0; i < N * F; i++)
		one[i] = 1;
	fc_glu_fwd(nn, OUT(nn, gated, N * F), IN(nn, x, N * F), IN(nn, one, N * F), act, N, F);
	fc_act_fwd(nn, OUT(nn, y, N * F), IN(nn, x, N * F), act, N, F);
	device_back(nn);
	T_OK(!memcmp(y, gated, sizeof(float) * N * F), "activation %d without a gate", (int)act);
	float *all[] = {x, one, y, gated};
	for (size_t i = 0; i < FC_LEN(all); i++)
		free(all[i]);
}

static void test_clip(struct fc_nn *nn)
{
	float x[] = {-7, -6, 0.5f, 6, 6.5f, -INFINITY};
	const float want[] = {-6, -6, 0.5f, 6, 6, -6};
	fc_clip(nn, OUT(nn, x, FC_LEN(x)), 6, FC_LEN(x));
	device_back(nn);
	T_OK(!memcmp(x, want, sizeof x), "clip");
}

static void test_positions(struct fc_nn *nn, struct fc_rng *r, enum fc_dtype t)
{
	enum { P = 9, C = 301, N = 40 };
	float *table = random_floats(r, P * C, 1), *x = random_floats(r, N * C, 1);
	double *want = doubles(x, N * C);
	char *stored = fc_calloc(P * C, fc_dtype_size(t));
	uint32_t pos[N];
	fc_from_f32(stored, t, table, P * C);
	fc_to_f32(table, stored, t, P * C);
	for (uint32_t n = 0; n < N; n++) {
		pos[n] = n * 5 % P;
		for (uint32_t i = 0; i < C; i++)
			want[n * C + i] += (double)table[pos[n] * C + i];
	}
	const struct fc_weight w = device_weight(nn, &(struct fc_weight){stored, t, P, C});
	fc_embed_add(nn, OUT(nn, x, N * C), &w, IN(nn, pos, N), N);
	device_back(nn);
	T_OK(max_error(x, want, N * C) < 2 * T_U, "learned positions from %s", fc_dtype_name(t));
	free(table);
	free(x);
	free(want);
	free(stored);
}

/* Row n of a product with 2 groups of widths 3, 1, 2 is 100 n + column. */
static void test_cut(struct fc_nn *nn)
{
	enum { N = 4, GROUPS = 2, ROW = 12 };
	const struct fc_split c = {GROUPS, 3, {3, 1, 2}};
	float x[N * ROW], again[N * ROW], a[N * 6], b[N * 2], d[N * 4];
	bool good = true;
	for (int i = 0; i < N * ROW; i++)
		x[i] = (float)(100 * (i / ROW) + i % ROW);
	fc_split(nn, (float *[]){OUT(nn, a, N * 6), OUT(nn, b, N * 2), OUT(nn, d, N * 4)},
	    IN(nn, x, N * ROW), &c, N);
	device_back(nn);
	for (int n = 0; n < N; n++)
		for (int g = 0; g < GROUPS; g++) {
			const float first = (float)(100 * n + 6 * g);
			for (int i = 0; i < 3; i++)
				good = good && a[n * 6 + 3 * g + i] == first + (float)i;
			good = good && b[n * 2 + g] == first + 3;
			for (int i = 0; i < 2; i++)
				good = good && d[n * 4 + 2 * g + i] == first + 4 + (float)i;
		}
	T_OK(good, "cut: groups and parts");
	fc_concat(nn, OUT(nn, again, N * ROW),
	    (const float *[]){IN(nn, a, N * 6), IN(nn, b, N * 2), IN(nn, d, N * 4)}, &c, N);
	device_back(nn);
	T_OK(!memcmp(x, again, sizeof x), "cut: joined again");
	const struct fc_split two = {1, 2, {5, 7, 0}};
	float p[N * 5], q[N * 7];
	fc_split(
	    nn, (float *[]){OUT(nn, p, N * 5), OUT(nn, q, N * 7)}, IN(nn, x, N * ROW), &two, N);
	device_back(nn);
	T_OK(p[5] == 100 && q[0] == 5 && q[7 + 6] == 111, "cut: two parts");
}

static const struct fc_router chosen_only = {.score = FC_ROUTER_LOGIT};

static void test_route(struct fc_nn *nn, struct fc_rng *r, size_t E, size_t K)
{
	enum { N = 37, C = 53 };
	float *x = random_floats(r, N * C, 1), *w = random_floats(r, E * C, 0.3), weight[N * 8];
	uint32_t expert[N * 8];
	double logit[16];
	bool chosen = true, weighted = true;
	const struct fc_weight on = device_weight(nn, &(struct fc_weight){w, FC_F32, E, C});
	fc_route(nn, &chosen_only, &on, NULL, IN(nn, x, N * C), N, K, expert, weight);
	device_back(nn);
	for (size_t n = 0; n < N; n++) {
		double sum = 0, total = 0, largest = 0;
		for (size_t e = 0; e < E; e++) {
			double size = 0;
			logit[e] = 0;
			for (size_t i = 0; i < C; i++) {
				const double t = (double)x[n * C + i] * (double)w[e * C + i];
				logit[e] += t;
				size += fabs(t);
			}
			largest = fmax(largest, size);
		}
		/* a logit and those that it is held against, the weight's own rounding */
		const double most = (2 * (C + 1) * largest + 1) * T_U;
		for (size_t k = 0; k < K; k++) {
			size_t better = 0;
			for (size_t e = 0; e < E; e++)
				better += logit[e] > logit[expert[n * K + k]];
			chosen = chosen && better == k;
			sum += exp(logit[expert[n * K + k]]);
		}
		for (size_t k = 0; k < K; k++) {
			total += (double)weight[n * K + k];
			const double want = exp(logit[expert[n * K + k]]) / sum;
			weighted =
			    weighted && fabs((double)weight[n * K + k] - want) <= most * want;
		}
		weighted = weighted && t_near(total, 1, T_U); /* weights below 1, each rounded */
	}
	T_OK(chosen && weighted, "route: %zu of %zu experts, with their softmax", K, E);
	free(x);
	free(w);
}

static void test_route_ties(struct fc_nn *nn)
{
	static const float w[] = {1, 1, 2, 1, 2}, x[] = {1, -1};
	uint32_t expert[4];
	float weight[4];
	const struct fc_weight on = device_weight(nn, &(struct fc_weight){w, FC_F32, 5, 1});
	fc_route(nn, &chosen_only, &on, NULL, IN(nn, x, 2), 2, 2, expert, weight);
	device_back(nn);
	T_OK(expert[0] == 2 && expert[1] == 4 && expert[2] == 0 && expert[3] == 1,
	    "route: the first of equals (%u %u, %u %u)", expert[0], expert[1], expert[2],
	    expert[3]);
}

/* A bias decides where logits are alike. */
static void test_route_bias(struct fc_nn *nn)
{
	static const float w[] = {1, 1, 2, 1, 2}, x[] = {1}, bias[] = {0, 3, 0, 0, 0.5f};
	uint32_t expert[2];
	float weight[2];
	const struct fc_weight on = device_weight(nn, &(struct fc_weight){w, FC_F32, 5, 1});
	fc_route(nn, &chosen_only, &on, IN(nn, bias, 5), IN(nn, x, 1), 1, 2, expert, weight);
	device_back(nn);
	T_OK(expert[0] == 1 && expert[1] == 4 &&
		t_near((double)weight[0], 1 / (1 + exp(-1.5)), 4 * T_U),
	    "route: with a bias (%u %u)", expert[0], expert[1]);
}

/* DeepSeek's routers, as modeling_deepseek_v2.py and _v3.py have them; want: experts of one token
 * whose logits are z, by hand. */
static void test_router_rules(struct fc_nn *nn)
{
	enum { E = 6 };
	static const float z[E] = {2, -1, 0, 0.5f, 1.5f, -2}, one[] = {1};
	static const float choice[E] = {-1, 0, 1, 0, 0, 2};
	static const struct {
		const char *what;
		struct fc_router r;
		uint32_t want[2];
	} rule[] = {{"softmax over all", {.score = FC_ROUTER_SOFTMAX, .scale = 3}, {0, 4}},
	    /* pairs: the best of {2, -1}, {0, 0.5}, {1.5, -2} */
	    {"the best group",
		{.score = FC_ROUTER_SOFTMAX, .n_group = 3, .n_group_used = 1, .n_group_best = 1},
		{0, 1}},
	    {"sigmoid", {.score = FC_ROUTER_SIGMOID, .normalised = true, .scale = 2.5f}, {0, 4}},
	    /* 0.88 - 1, 0.27, 0.5 + 1, 0.62, 0.82, 0.12 + 2 */
	    {"a choice of its own", {.score = FC_ROUTER_SIGMOID, .choice = choice}, {5, 2}},
	    /* sums of two: 0.15, 2.12, 2.94: the last two */
	    {"two groups of it",
		{.score = FC_ROUTER_SIGMOID,
		    .choice = choice,
		    .n_group = 3,
		    .n_group_used = 2,
		    .n_group_best = 2,
		    .normalised = true},
		{5, 2}},
	    /* sums: {2, -1, 0} 0.88 - 1 + 1.5, {0.5, 1.5, -2} 0.82 + 2.12 */
	    {"one of two groups of it",
		{.score = FC_ROUTER_SIGMOID,
		    .choice = choice,
		    .n_group = 2,
		    .n_group_used = 1,
		    .n_group_best = 2},
		{5, 4}}};
	for (size_t i = 0; i < FC_LEN(rule); i++) {
		const struct fc_weight on = device_weight(nn, &(struct fc_weight){z, FC_F32, E, 1});
		const struct fc_router *r = &rule[i].r;
		uint32_t expert[2];
		float weight[2];
		double s[2], sum = 0;
		fc_route(nn, r, &on, NULL, IN(nn, one, 1), 1, 2, expert, weight);
		device_back(nn);
		for (size_t e = 0; e < E; e++)
			sum += exp((double)z[e]);
		for (int k = 0; k < 2; k++) {
			const double x = (double)z[rule[i].want[k]];
			s[k] = r->score == FC_ROUTER_SOFTMAX ? exp(x) / sum : 1 / (1 + exp(-x));
		}
		const double by =
		    (r->scale > 0 ? (double)r->scale : 1) / (r->normalised ? s[0] + s[1] : 1);
		T_OK(expert[0] == rule[i].want[0] && expert[1] == rule[i].want[1] &&
			t_near((double)weight[0], s[0] * by, 8 * T_U) &&
			t_near((double)weight[1], s[1] * by, 8 * T_U),
		    "route: %s (%u %g, %u %g)", rule[i].what, expert[0], (double)weight[0],
		    expert[1], (double)weight[1]);
	}
}

/* gpt-oss, modeling_gpt_oss.py: gate up to 7, up within 7, gate sigmoid(1.702 gate) (up + 1) */
static void test_clamped(struct fc_nn *nn, struct fc_rng *r)
{
	enum { N = 1501 };
	float *gate = random_floats(r, N, 5), *up = random_floats(r, N, 5), *y = FC_ARRAY(float, N);
	double want[N];
	for (size_t i = 0; i < N; i++) {
		const double g = fmin(7, (double)gate[i]), u = fmax(-7, fmin(7, (double)up[i]));
		want[i] = g / (1 + exp(-1.702 * g)) * (u + 1);
	}
	fc_glu_fwd(nn, OUT(nn, y, N), IN(nn, gate, N), IN(nn, up, N), FC_ACT_CLAMPED, 1, N);
	device_back(nn);
	/* 1.702 and the exponent are rounded: its error is up to that of 1.702 * 25 */
	T_OK(max_error(y, want, N) < (8 + 2 * 43) * T_U, "the clamped unit (%.1e)",
	    max_error(y, want, N));
	free(gate);
	free(up);
	free(y);
}

static void test_rows(struct fc_nn *nn, struct fc_rng *r)
{
	enum { N = 30, C = 41, K = 7 };
	static const uint32_t row[K] = {29, 0, 3, 4, 17, 9, 11};
	static const float scale[K] = {1, 0.5f, -2, 0, 3, 1, 0.25f};
	float *x = random_floats(r, N * C, 1), *y = random_floats(r, N * C, 1), some[K * C];
	double *want = doubles(y, N * C);
	fc_gather_rows(nn, OUT(nn, some, K * C), IN(nn, x, N * C), row, K, C);
	fc_scatter_rows(nn, OUT(nn, y, N * C), IN(nn, some, K * C), row, scale, K, C);
	device_back(nn);
	for (size_t k = 0; k < K; k++)
		for (size_t i = 0; i < C; i++)
			want[row[k] * C + i] += (double)scale[k] * (double)x[row[k] * C + i];
	T_OK(max_error(y, want, N * C) < 2 * 4 * T_U, "rows gathered, scaled, added");
	float before[N * C];
	memcpy(before, y, sizeof before);
	fc_scatter_rows(nn, OUT(nn, y, N * C), IN(nn, some, K * C), row, NULL, K, C);
	device_back(nn);
	bool good = true;
	for (size_t k = 0; k < K; k++)
		for (size_t i = 0; i < C; i++)
			good =
			    good && y[row[k] * C + i] == before[row[k] * C + i] + some[k * C + i];
	T_OK(good, "rows added without a scale");
	free(x);
	free(y);
	free(want);
}

int main(void)
{
	struct fc_rng r;
	fc_rng_seed(&r, 6);
	fc_par_init(2);
	struct fc_nn *nn = open_nn(FC_COMPUTE_F32);
	test_layernorm(nn, &r, 1, 1, 0, true);
	test_layernorm(nn, &r, 5, 33, 0.5, false);
	test_layernorm(nn, &r, 130, 64, 0, true);
	test_layernorm(
	    nn, &r, 3, 2051, 1000, true); /* a variance from sums of squares would be lost */
	test_act(nn, &r, FC_ACT_SILU);
	test_act(nn, &r, FC_ACT_GELU_TANH);
	test_act(nn, &r, FC_ACT_GELU);
	test_clip(nn);
	test_positions(nn, &r, FC_F32);
	test_positions(nn, &r, FC_BF16);
	test_cut(nn);
	test_route(nn, &r, 8, 2);
	test_route(nn, &r, 5, 5);
	test_route(nn, &r, 1, 1);
	test_route_ties(nn);
	test_route_bias(nn);
	test_router_rules(nn);
	test_clamped(nn, &r);
	test_rows(nn, &r);
	fc_nn_close(nn);
	return t_done();
}
