/* SPDX-License-Identifier: Apache-2.0 */
#include "nn_oracle.h"

/* Logits of one row in double precision, and their order: descending, equal ones by id. */
struct entry {
	double z;
	uint32_t id;
};

static int by_logit(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	return x->z != y->z ? (x->z < y->z ? 1 : -1) : x->id < y->id ? -1 : x->id > y->id;
}

/* *most: what rounding can do to a log-probability.  A logit's sum and its cap (tanh: 5), both of
 * two logits; exponentials (4) and their sum, in blocks of 1024 over at least four lanes. */
static double oracle_row(struct entry *e, const struct fc_head *h, const float *x, double *most)
{
	const size_t C = h->w.n_in;
	double max = -INFINITY, sum = 0, largest = 0;
	for (size_t v = 0; v < h->n_vocab; v++) {
		double z = 0, size = 0;
		for (size_t c = 0; c < C; c++) {
			z += (double)x[c] * (double)((const float *)h->w.p)[v * C + c];
			size += fabs((double)x[c] * (double)((const float *)h->w.p)[v * C + c]);
		}
		largest = fmax(largest, size);
		z = h->softcap > 0 ? (double)h->softcap * tanh(z / (double)h->softcap) : z;
		e[v] = (struct entry){z, (uint32_t)v};
		max = fmax(max, z);
	}
	for (size_t v = 0; v < h->n_vocab; v++)
		sum += exp(e[v].z - max);
	*most = T_U * (2 * (double)(C + 7) * largest + 4 + 1024 / 4 + 2);
	return max + log(sum);
}

struct result {
	uint32_t *id;
	float *logprob, *truth;
};

static struct result topk(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, size_t N, size_t K)
{
	struct result r = {fc_calloc(N * K + 1, 4), fc_calloc(N * K + 1, 4), fc_calloc(N + 1, 4)};
	const struct fc_head on = device_head(nn, h);
	fc_head_topk(nn, &on, IN(nn, x, N * h->w.n_in), target, N, K, r.id, r.logprob, r.truth);
	device_back(nn);
	return r;
}

static void result_release(struct result *r)
{
	free(r->id);
	free(r->logprob);
	free(r->truth);
}

struct shape {
	size_t N, C, V, padded, K;
	float softcap;
	bool exact; /* small integers: no rounding, many ties */
};

static bool row_agrees(const struct shape *s, const struct entry *e, double lse, double most,
    uint32_t target, const struct result *r, size_t n)
{
	const double truth = target == FC_NO_TARGET ? 0 : e[target].z - lse;
	if (!t_near((double)r->truth[n], truth, most))
		return false;
	struct entry *sorted = fc_calloc(s->V, sizeof *sorted);
	memcpy(sorted, e, s->V * sizeof *sorted);
	qsort(sorted, s->V, sizeof *sorted, by_logit);
	bool good = true;
	for (size_t k = 0; k < s->K; k++) {
		const uint32_t id = r->id[n * s->K + k];
		const double lp = (double)r->logprob[n * s->K + k];
		/* ids of almost equal logits may change places, unless sums are exact */
		good = good && id < s->V && t_near(lp, sorted[k].z - lse, most) &&
		    t_near(e[id].z, sorted[k].z, most) && (!s->exact || id == sorted[k].id);
	}
	free(sorted);
	return good;
}

static void test_topk(struct fc_nn *nn, struct fc_rng *r, struct shape s)
{
	float *x = random_floats(r, s.N * s.C, s.exact ? 2 : 1);
	float *w = random_floats(r, s.padded * s.C, s.exact ? 1 : 0.5);
	for (size_t i = 0; s.exact && i < s.N * s.C; i++)
		x[i] = rintf(x[i]);
	for (size_t i = 0; s.exact && i < s.padded * s.C; i++)
		w[i] = rintf(w[i]);
	const struct fc_head h = {{w, FC_F32, s.padded, s.C}, s.V, s.softcap};
	uint32_t *target = fc_calloc(s.N, sizeof *target);
	for (size_t n = 0; n < s.N; n++)
		target[n] = n % 3 == 2 ? FC_NO_TARGET : (uint32_t)fc_rng_below(r, s.V);
	struct result got = topk(nn, &h, x, target, s.N, s.K);
	struct entry *e = fc_calloc(s.V, sizeof *e);
	size_t n_bad = 0;
	for (size_t n = 0; n < s.N; n++) {
		double most;
		const double lse = oracle_row(e, &h, x + n * s.C, &most);
		n_bad += !row_agrees(&s, e, lse, most, target[n], &got, n);
	}
	T_OK(!n_bad, "topk N %zu C %zu V %zu of %zu K %zu cap %g%s: %zu bad rows", s.N, s.C, s.V,
	    s.padded, s.K, (double)s.softcap, s.exact ? " ties" : "", n_bad);
	result_release(&got);
	free(e);
	free(target);
	free(x);
	free(w);
}

/* One-hot weights: the logits are the columns of x. */
static struct fc_head identity(size_t V, size_t n_vocab, float softcap)
{
	float *w = fc_calloc(V * V, sizeof *w);
	for (size_t i = 0; i < V; i++)
		w[i * V + i] = 1;
	return (struct fc_head){{w, FC_F32, V, V}, n_vocab, softcap};
}

static void test_extremes(struct fc_nn *nn)
{
	enum { V = 70 };
	struct fc_head h = identity(V, V - 1, 0);
	float x[3 * V];
	const uint32_t target[3] = {3, 5, 8};
	for (int i = 0; i < V; i++) {
		x[i] = -3e38f; /* all equal and huge: uniform */
		x[V + i] = i == 5 ? 3e38f : -3e38f;
		x[2 * V + i] = i == V - 1 ? 1e30f : (float)-i; /* the padding row must not count */
	}
	struct result got = topk(nn, &h, x, target, 3, V - 1);
	bool ordered = true;
	for (uint32_t i = 0; i < V - 1; i++)
		ordered = ordered && got.id[i] == i && got.id[2 * (V - 1) + i] == i;
	T_OK(ordered, "extremes: equal logits come by id; padding never");
	T_NEAR(
	    (double)got.logprob[0], -log(V - 1), 1e-6, "extremes: equal logits, the highest float");
	T_NEAR((double)got.logprob[V - 2], -log(V - 1), 1e-6, "extremes: equal logits, the last");
	T_OK(got.id[V - 1] == 5 && got.logprob[V - 1] == 0 && got.truth[1] == 0,
	    "extremes: a certain token");
	T_NEAR((double)got.truth[2], -8 - log(1 / (1 - exp(-1))), 1e-6, "extremes: a known sum");
	result_release(&got);
	free((void *)(uintptr_t)h.w.p);
}

static void test_minus_infinity(struct fc_nn *nn)
{
	/* logits: -inf for id 1, x for id 0 and 2 */
	const float w[3] = {1, -INFINITY, 2}, x[1] = {0.5f};
	const struct fc_head h = {{w, FC_F32, 3, 1}, 3, 0};
	const uint32_t target = 1;
	struct result got = topk(nn, &h, x, &target, 1, 3);
	T_OK(got.id[0] == 2 && got.id[1] == 0 && got.id[2] == 1, "-inf: order");
	T_NEAR((double)got.logprob[0], -log(1 + exp(-0.5)), 1e-6, "-inf: adds nothing to the sum");
	T_OK(got.truth[0] == -INFINITY, "-inf: log-probability of the impossible");
	result_release(&got);
}

/* Logits that are no numbers: no harm, and the sums say so. */
static void test_nan(struct fc_nn *nn)
{
	enum { V = 600, K = 50 };
	float w[V], x = 1;
	uint32_t target = 7;
	for (int i = 0; i < V; i++)
		w[i] = i % 3 ? NAN : (float)i;
	const struct fc_head h = {{w, FC_F32, V, 1}, V, 0};
	struct result got = topk(nn, &h, &x, &target, 1, K);
	bool inside = true;
	for (int k = 0; k < K; k++)
		inside = inside && got.id[k] < V;
	T_OK(inside && isnan(got.truth[0]),
	    "NaN: ids stay in the vocabulary, log-probabilities are NaN");
	result_release(&got);
}

/* Products that vanish: -0 where a fused multiplication rounds them, +0, all equal. */
static void test_zeros(struct fc_nn *nn)
{
	enum { V = 4, C = 16 };
	float w[V * C], x[C];
	for (int i = 0; i < V * C; i++)
		w[i] = i / C % 2 ? 1e-30f : -1e-30f;
	for (int i = 0; i < C; i++)
		x[i] = 1e-30f;
	const struct fc_head h = {{w, FC_F32, V, C}, V, 0};
	const uint32_t target = FC_NO_TARGET;
	struct result got = topk(nn, &h, x, &target, 1, V);
	T_OK(got.id[0] == 0 && got.id[1] == 1 && got.id[2] == 2 && got.id[3] == 3,
	    "zeros of either sign: by id");
	result_release(&got);
}

/* As many equal logits as lanes of a block can list, and more than it sorts at once. */
static void test_equal(struct fc_nn *nn)
{
	enum { V = 4096, K = 40 };
	float w[V], x = 1;
	const uint32_t target = 4000;
	for (int i = 0; i < V; i++)
		w[i] = 0.5f;
	const struct fc_head h = {{w, FC_F32, V, 1}, V, 0};
	struct result got = topk(nn, &h, &x, &target, 1, K);
	bool ordered = true;
	for (uint32_t k = 0; k < K; k++)
		ordered = ordered && got.id[k] == k;
	T_OK(ordered, "equal logits: by id");
	T_NEAR((double)got.truth[0], -log(V), 1e-6, "equal logits: uniform");
	result_release(&got);
}

static void test_logits(struct fc_nn *nn, struct fc_rng *r)
{
	enum { N = 3, C = 40, V = 301 };
	float *x = random_floats(r, N * C, 1), *w = random_floats(r, V * C, 1);
	float *z = fc_calloc(N * V, sizeof *z);
	double *expect = fc_calloc(N * V, sizeof *expect);
	const struct fc_head h = {{w, FC_F32, V, C}, V, 4};
	for (int i = 0; i < N * V; i++) {
		for (int c = 0; c < C; c++)
			expect[i] += (double)x[i / V * C + c] * (double)w[i % V * C + c];
		expect[i] = 4 * tanh(expect[i] / 4);
	}
	const struct fc_head on = device_head(nn, &h);
	fc_head_logits(nn, &on, IN(nn, x, N * C), N, z);
	device_back(nn);
	/* a sum of C products, whose sizes add up to at most 4 C, below the cap's 5 roundings */
	T_OK(max_error(z, expect, N * V) < ((C + 1) * 4 * C + 5) * T_U, "logits with soft cap");
	free(x);
	free(w);
	free(z);
	free(expect);
}

int main(void)
{
	static const struct shape shapes[] = {
	    {7, 16, 50, 50, 10, 0, false},
	    {5, 16, 50, 64, 50, 0, false},
	    {4, 8, 1, 1, 1, 0, false},
	    {3, 8, 33, 40, 0, 0, false},
	    {9, 24, 1000, 1001, 64, 3, false},
	    {6, 24, 9000, 9000, 100, 0, false},
	    {6, 8, 9000, 9000, 300, 0, true}, /* more than groups */
	    {33, 12, 777, 777, 20, 0, true},
	    {3, 12, 6000, 6100, 2600, 0, false},
	    {2, 4, 6000, 6000, 2600, 0, true},
	    {5, 12, 300, 320, 299, 0, true},
	    {50, 8, 32000, 32064, 64, 0, false}, /* several tiles */
	    {9, 4, 151936, 151936, 10, 0, true},
	};
	struct fc_rng r;
	fc_rng_seed(&r, 3);
	fc_par_init(2);
	struct fc_nn *nn = open_nn(FC_COMPUTE_F32);
	for (size_t i = 0; i < FC_LEN(shapes); i++)
		test_topk(nn, &r, shapes[i]);
	test_extremes(nn);
	test_minus_infinity(nn);
	test_nan(nn);
	test_zeros(nn);
	test_equal(nn);
	test_logits(nn, &r);
	fc_nn_close(nn);
	return t_done();
}
