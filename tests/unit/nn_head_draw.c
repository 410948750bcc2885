/* SPDX-License-Identifier: Apache-2.0 */
#include "nn_oracle.h"
#include "stream/header.h"
#include "stream/plane.h"

/*
 * Draws of ids.  The weights are the identity, so the logits are the rows of x; expected
 * frequencies are a softmax in double precision.  Seeds are fixed; bounds are those of the
 * statistics, so a wrong distribution fails whatever the seed.
 */
struct drawn {
	uint32_t *n, *id;
	float *logprob, *truth;
	size_t K;
};

static struct fc_head identity(size_t V, size_t n_vocab, float softcap)
{
	float *w = fc_calloc(V * V, sizeof *w);
	for (size_t i = 0; i < V; i++)
		w[i * V + i] = 1;
	return (struct fc_head){{w, FC_F32, V, V}, n_vocab, softcap};
}

static void head_release(struct fc_head *h)
{
	free((void *)(uintptr_t)h->w.p);
}

/* Fewer rows where what is drawn is compared with the processor's draws (test_same), whose
 * frequencies are those of all rows. */
static bool is_cpu(void)
{
	return !strcmp(device_name(), "cpu");
}
static size_t fewer(size_t n)
{
	return is_cpu() ? n : n / 10;
}

/* Row i is drawn by generator first + i. */
static struct drawn draw(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, size_t N, const struct fc_draws *d, uint64_t first)
{
	struct drawn r = {.K = fc_head_draw_most(h, d)};
	struct fc_rng *rng = FC_ARRAY(struct fc_rng, N);
	r.n = FC_ARRAY(uint32_t, N);
	r.id = FC_ARRAY(uint32_t, N * r.K);
	r.logprob = FC_ARRAY(float, N *r.K);
	r.truth = FC_ARRAY(float, N);
	for (size_t i = 0; i < N; i++)
		fc_rng_seed2(&rng[i], 11, first + i);
	const struct fc_head on = device_head(nn, h);
	fc_head_draw(
	    nn, &on, IN(nn, x, N * h->w.n_in), target, N, d, rng, r.n, r.id, r.logprob, r.truth);
	device_back(nn);
	free(rng);
	return r;
}

static void drawn_release(struct drawn *r)
{
	free(r->n);
	free(r->id);
	free(r->logprob);
	free(r->truth);
}

/* Entries in order, every id once, whole counts above 0 that come to n. */
static bool is_row(const struct drawn *r, size_t i, size_t n, size_t V)
{
	double sum = 0;
	bool good = r->n[i] >= 1 && r->n[i] <= r->K;
	for (size_t k = 0; good && k < r->n[i]; k++) {
		const size_t at = i * r->K + k;
		const double count = exp((double)r->logprob[at]) * (double)n;
		good = r->id[at] < V && fabs(count - rint(count)) < 1e-3 && rint(count) > 0 &&
		    (k == 0 || r->logprob[at] < r->logprob[at - 1] ||
			(r->logprob[at] == r->logprob[at - 1] && r->id[at] > r->id[at - 1]));
		sum += rint(count);
	}
	return good && sum == (double)n;
}

static void softmax(const struct fc_head *h, const float *z, double temperature, double *p)
{
	double max = -INFINITY, sum = 0;
	for (size_t v = 0; v < h->n_vocab; v++) {
		const double cap = (double)h->softcap;
		p[v] = (cap > 0 ? cap * tanh((double)z[v] / cap) : (double)z[v]) / temperature;
		max = fmax(max, p[v]);
	}
	for (size_t v = 0; v < h->n_vocab; v++)
		sum += p[v] = exp(p[v] - max);
	for (size_t v = 0; v < h->n_vocab; v++)
		p[v] /= sum;
}

/*
 * Pearson's chi-square over cells of at least 10 expected counts, rarer ones together, as a
 * standard normal number (Wilson, Hilferty 1931).
 */
static double chi_square_z(const double *count, const double *expected, size_t n)
{
	double chi = 0, rare = 0, rare_expected = 0;
	size_t cells = 0;
	for (size_t i = 0; i < n; i++) {
		if (expected[i] < 10) {
			rare += count[i];
			rare_expected += expected[i];
			continue;
		}
		chi += (count[i] - expected[i]) * (count[i] - expected[i]) / expected[i];
		cells++;
	}
	if (rare_expected > 1) {
		chi += (rare - rare_expected) * (rare - rare_expected) / rare_expected;
		cells++;
	} else if (rare > 10) {
		return INFINITY;
	}
	if (cells < 2)
		return 0;
	const double df = (double)(cells - 1), w = 2 / (9 * df);
	return (cbrt(chi / df) - (1 - w)) / sqrt(w);
}

struct shape {
	const char *what;
	size_t V, padded, n, rows;
	double temperature, spread;
	float softcap;
};

static void test_frequencies(struct fc_nn *nn, struct fc_rng *rng, const struct shape *s)
{
	struct fc_head h = identity(s->padded, s->V, s->softcap);
	const struct fc_draws d = {s->n, s->temperature};
	const size_t rows = fewer(s->rows);
	float *z = random_floats(rng, s->padded, s->spread), *x = FC_ARRAY(float, rows * s->padded);
	uint32_t *target = FC_ARRAY(uint32_t, rows);
	double *p = FC_ARRAY(double, s->V), *count = FC_ARRAY(double, s->V), z2;
	bool good = true;
	for (size_t v = s->V; v < s->padded; v++)
		z[v] = 30; /* padding is never drawn */
	for (size_t i = 0; i < rows; i++)
		memcpy(x + i * s->padded, z, s->padded * sizeof *z);
	struct drawn r = draw(nn, &h, x, target, rows, &d, 0);
	for (size_t i = 0; i < rows; i++) {
		good = good && is_row(&r, i, s->n, s->V);
		for (size_t k = 0; k < r.n[i]; k++)
			count[r.id[i * r.K + k]] +=
			    rint(exp((double)r.logprob[i * r.K + k]) * (double)s->n);
	}
	softmax(&h, z, s->temperature, p);
	const double all = (double)(s->n * rows);
	for (size_t v = 0; v < s->V; v++)
		p[v] *= all;
	z2 = chi_square_z(count, p, s->V);
	T_OK(
	    good && z2 < 4, "%s: chi-square of %.0f draws is %.1f deviations up", s->what, all, z2);
	/* the same counts against a distribution that is 5 % off at each second id */
	for (size_t v = 0; v < s->V; v++)
		p[v] *= v % 2 ? 1.05 : 0.95;
	if (is_cpu() && s->V > 1 && s->spread < 3)
		T_OK(chi_square_z(count, p, s->V) > 5, "%s: and would show 5 %%", s->what);
	drawn_release(&r);
	free(z);
	free(x);
	free(target);
	free(p);
	free(count);
	head_release(&h);
}

/* Draws of a row are independent: the counts of one of two ids are binomial. */
static void test_binomial(struct fc_nn *nn)
{
	enum { N = 10 };
	const size_t rows = fewer(20000);
	const double p0 = 0.3;
	struct fc_head h = identity(2, 2, 0);
	float *x = FC_ARRAY(float, 2 * rows);
	uint32_t *target = FC_ARRAY(uint32_t, rows);
	double count[N + 1] = {0}, expected[N + 1], choose = 1;
	for (size_t i = 0; i < rows; i++)
		x[2 * i] = (float)log(p0 / (1 - p0));
	struct drawn r = draw(nn, &h, x, target, rows, &(struct fc_draws){N, 1}, 77);
	for (size_t i = 0; i < rows; i++) {
		size_t zeros = 0;
		for (size_t k = 0; k < r.n[i]; k++)
			if (r.id[2 * i + k] == 0)
				zeros = (size_t)lrint(exp((double)r.logprob[2 * i + k]) * N);
		count[zeros]++;
	}
	for (int k = 0; k <= N; k++) {
		expected[k] = (double)rows * choose * pow(p0, k) * pow(1 - p0, N - k);
		choose = choose * (N - k) / (k + 1);
	}
	const double z = chi_square_z(count, expected, N + 1);
	T_OK(fabs(z) < 4, "counts of one of two ids are binomial: %.1f deviations", z);
	drawn_release(&r);
	free(x);
	free(target);
	head_release(&h);
}

static void test_edges(struct fc_nn *nn)
{
	enum { V = 70 };
	struct fc_head h = identity(V, V - 1, 0), one = identity(1, 1, 0);
	float x[4 * V];
	const uint32_t target[4] = {3, 5, 8, FC_NO_TARGET};
	for (int i = 0; i < V; i++) {
		x[i] = -3e38f;                      /* all equal and huge: uniform */
		x[V + i] = i == 5 ? 3e38f : -3e38f; /* certain */
		x[2 * V + i] = i == 7 || i == 9 ? 0 : -1000;
		x[3 * V + i] = i % 3 ? NAN : 1;
	}
	for (int t = 0; t < 2; t++) {
		struct drawn r =
		    draw(nn, &h, x, target, 3, &(struct fc_draws){2048, t ? 0.01 : 1}, 5);
		T_OK(is_row(&r, 0, 2048, V - 1) && r.n[0] == V - 1, "equal logits: every id, T %s",
		    t ? "0.01" : "1");
		T_OK(r.n[1] == 1 && r.id[r.K] == 5 && r.logprob[r.K] == 0, "a certain id");
		T_OK(r.n[2] == 2 && is_row(&r, 2, 2048, V) &&
			r.id[2 * r.K] + r.id[2 * r.K + 1] == 16,
		    "what has no probability in float32 is not drawn");
		T_NEAR((double)r.truth[0], -log(V - 1), 1e-6, "the true token's log-probability");
		T_OK(r.truth[1] == 0, "and of a certain one");
		drawn_release(&r);
	}
	struct drawn r = draw(nn, &h, x + 3 * V, target + 3, 1, &(struct fc_draws){100, 1}, 5);
	bool inside = r.n[0] >= 1 && r.n[0] <= V - 1;
	for (size_t k = 0; k < r.n[0]; k++)
		inside = inside && r.id[k] < V - 1;
	T_OK(inside, "NaN: ids stay in the vocabulary");
	drawn_release(&r);
	r = draw(nn, &one, x, (uint32_t[]){0}, 1, &(struct fc_draws){4096, 1}, 5);
	T_OK(r.n[0] == 1 && r.id[0] == 0 && r.logprob[0] == 0, "a vocabulary of one id");
	drawn_release(&r);
	r = draw(nn, &h, x, target, 1, &(struct fc_draws){1, 1}, 5);
	T_OK(r.K == 1 && r.n[0] == 1 && r.logprob[0] == 0, "one draw");
	drawn_release(&r);
	head_release(&h);
	head_release(&one);
}

/* Small integers have no rounding: batch, tiles and threads then can't change a draw.  The true
 * token's value is that of the likeliest rows. */
static void test_alone(struct fc_nn *nn, struct fc_rng *rng)
{
	enum { N = 300, C = 6, DRAWS = 50 };
	const size_t V = fewer(40000);
	float *x = random_floats(rng, N * C, 1), *w = random_floats(rng, V * C, 1);
	uint32_t target[N], top[N];
	float logprob[N], truth[N];
	const struct fc_head h = {{w, FC_F32, V, C}, V, 0};
	const struct fc_draws d = {DRAWS, 1.3};
	bool same = true;
	for (size_t i = 0; i < N * C; i++)
		x[i] = rintf(x[i]);
	for (size_t i = 0; i < V * C; i++)
		w[i] = rintf(w[i]);
	for (size_t i = 0; i < N; i++)
		target[i] = (uint32_t)fc_rng_below(rng, V);
	struct drawn all = draw(nn, &h, x, target, N, &d, 900);
	for (size_t i = 0; i < N; i += 7) {
		struct drawn r = draw(nn, &h, x + i * C, target + i, 1, &d, 900 + i);
		same = same && r.n[0] == all.n[i] && r.truth[0] == all.truth[i] &&
		    !memcmp(r.id, all.id + i * all.K, r.n[0] * sizeof *r.id) &&
		    !memcmp(r.logprob, all.logprob + i * all.K, r.n[0] * sizeof(float));
		drawn_release(&r);
	}
	T_OK(same, "a row draws alone what it draws among others");
	fc_par_init(1);
	struct drawn lone = draw(nn, &h, x, target, N, &d, 900);
	fc_par_init(2);
	T_OK(!memcmp(lone.n, all.n, N * sizeof *all.n) &&
		!memcmp(lone.id, all.id, N * all.K * sizeof *all.id),
	    "one thread and two draw the same");
	const struct fc_head on = device_head(nn, &h);
	fc_head_topk(nn, &on, IN(nn, x, N * C), target, N, 1, top, logprob, truth);
	device_back(nn);
	T_OK(!memcmp(truth, all.truth, sizeof truth),
	    "the true token's log-probability is at temperature 1, from the same sum as top-k");
	drawn_release(&all);
	drawn_release(&lone);
	free(x);
	free(w);
}

/* Another device draws what the processor does; its exponentials may be off by a unit, so that a
 * place next to a boundary may be the neighbour's. */
static void test_same(struct fc_nn *nn, struct fc_rng *rng)
{
	enum { N = 40, C = 16, V = 3000, DRAWS = 64 };
	struct fc_err e;
	struct fc_nn *cpu;
	if (is_cpu()) {
		t_skip("the processor's draws are what others' are compared with");
		return;
	}
	if (fc_nn_open(&cpu, "cpu", FC_COMPUTE_F32, &e)) {
		T_OK(false, "%s", e.msg);
		return;
	}
	float *x = random_floats(rng, N * C, 1), *w = random_floats(rng, V * C, 1);
	const struct fc_head h = {{w, FC_F32, V, C}, V, 0};
	const struct fc_draws d = {DRAWS, 1.3};
	uint32_t target[N];
	size_t n_other = 0;
	for (size_t i = 0; i < N; i++)
		target[i] = FC_NO_TARGET;
	struct drawn a = draw(nn, &h, x, target, N, &d, 40),
		     b = draw(cpu, &h, x, target, N, &d, 40);
	for (size_t i = 0; i < N; i++)
		n_other += a.n[i] != b.n[i] ||
		    memcmp(a.id + i * a.K, b.id + i * b.K, a.n[i] * sizeof *a.id) ||
		    memcmp(a.logprob + i * a.K, b.logprob + i * b.K, a.n[i] * sizeof(float));
	/* 2560 draws among 3000 boundaries, each off by 1e-6 or so of the whole */
	T_OK(n_other <= 2, "the processor's draws, but for %zu of %d rows", n_other, N);
	drawn_release(&a);
	drawn_release(&b);
	fc_nn_close(cpu);
	free(x);
	free(w);
}

/* The gradients of N rows that were drawn, of one student. */
static float *gradients_of(struct fc_nn *nn, const struct fc_head *h, const float *student,
    const uint32_t *target, const struct drawn *r, size_t N)
{
	const size_t V = h->n_vocab;
	uint32_t *off = FC_ARRAY(uint32_t, N + 1), *id = FC_ARRAY(uint32_t, N * r->K);
	float *lp = FC_ARRAY(float, N * r->K), *none = FC_ARRAY(float, N),
	      *one = FC_ARRAY(float, N), *x = FC_ARRAY(float, N *V), *dx = FC_ARRAY(float, N *V);
	for (size_t i = 0; i < N; i++) {
		memcpy(id + off[i], r->id + i * r->K, r->n[i] * sizeof *id);
		memcpy(lp + off[i], r->logprob + i * r->K, r->n[i] * sizeof *lp);
		memcpy(x + i * V, student, V * sizeof *x);
		off[i + 1] = off[i] + r->n[i];
		one[i] = 1;
	}
	const struct fc_teacher t = {off, id, lp, {FC_LOSS_KL, FC_ROW_SAMPLED, 0.1, 1}};
	const struct fc_head on = device_head(nn, h);
	struct fc_loss loss = {0};
	fc_head_loss(
	    nn, &on, IN(nn, x, N * V), target, none, one, &t, N, OUT(nn, dx, N * V), NULL, &loss);
	device_back(nn);
	free(off);
	free(id);
	free(lp);
	free(none);
	free(one);
	free(x);
	return dx;
}

/* Squared distance of the rows' mean from p - q, in squared standard errors of it. */
static double distance_of(const float *dx, size_t N, size_t V, const double *p, const double *q)
{
	double chi = 0;
	for (size_t v = 0; v < V; v++) {
		double sum = 0, squares = 0;
		for (size_t i = 0; i < N; i++)
			sum += (double)dx[i * V + v];
		for (size_t i = 0; i < N; i++)
			squares += pow((double)dx[i * V + v] - sum / (double)N, 2);
		chi += pow(sum / (double)N - (p[v] - q[v]), 2) /
		    (squares / (double)(N - 1) / (double)N);
	}
	return chi;
}

/* The gradient of rows of draws is on average that of the whole distribution, p - q (arXiv
 * 2503.16870): within its standard error at each of V ids, of which V - 1 are free. */
static void test_gradient(struct fc_nn *nn, struct fc_rng *rng)
{
	enum { V = 40, N = 3000 };
	struct fc_head h = identity(V, V, 0);
	const struct fc_draws d = {12, 1};
	float *teacher = random_floats(rng, V, 1), *student = random_floats(rng, V, 1);
	float *x = FC_ARRAY(float, N *V);
	uint32_t *target = FC_ARRAY(uint32_t, N);
	double p[V], q[V];
	for (size_t i = 0; i < N; i++)
		memcpy(x + i * V, teacher, V * sizeof *x);
	struct drawn r = draw(nn, &h, x, target, N, &d, 0);
	float *dx = gradients_of(nn, &h, student, target, &r, N);
	softmax(&h, student, 1, p);
	softmax(&h, teacher, 1, q);
	const double most = V - 1 + 4 * sqrt(2 * (V - 1)), far = distance_of(dx, N, V, p, q);
	T_OK(far < most, "gradient: %.0f squared standard errors from the whole's, %d free", far,
	    V - 1);
	for (size_t v = 0; v < V; v++)
		q[v] *= v % 2 ? 1.05 : 0.95;
	T_OK(distance_of(dx, N, V, p, q) > most, "gradient: and would show 5 %%");
	drawn_release(&r);
	free(dx);
	free(teacher);
	free(student);
	free(x);
	free(target);
	head_release(&h);
}

/* Every count of every number of draws a stream may have comes back from its binary16, and beyond
 * some number not: the bound is needed. */
static void test_stored_counts(void)
{
	size_t first_bad = 0;
	for (uint32_t n = 1; n <= 3000 && !first_bad; n++)
		for (uint32_t c = 1; c <= n; c++) {
			const uint32_t bits = fc_logprob_bits((float)log((double)c / n));
			float lp;
			fc_logprob_values(&lp, &bits, 1);
			if (lrint(exp((double)lp) * n) != (long)c)
				first_bad = n;
		}
	T_OK(first_bad > FC_MAX_DRAWS,
	    "counts of up to %d draws survive binary16: the first not to is of %zu", FC_MAX_DRAWS,
	    first_bad);
}

int main(void)
{
	static const struct shape shapes[] = {
	    {"T 1", 40, 40, 64, 2000, 1, 1, 0},
	    {"T 0.7, padded", 37, 48, 12, 5000, 0.7, 1, 0},
	    {"T 2", 300, 300, 100, 1000, 2, 1, 0},
	    {"soft cap", 60, 60, 50, 2000, 1, 2, 1.5f},
	    {"flat, several chunks", 2000, 2000, 2048, 300, 1, 0.1, 0},
	    {"peaked", 1100, 1100, 64, 1000, 1, 4, 0},
	    {"one draw", 50, 50, 1, 60000, 1, 1, 0},
	};
	struct fc_rng rng;
	fc_rng_seed(&rng, 8);
	fc_par_init(2);
	struct fc_nn *nn = open_nn(FC_COMPUTE_F32);
	for (size_t i = 0; i < FC_LEN(shapes); i++)
		test_frequencies(nn, &rng, &shapes[i]);
	test_binomial(nn);
	test_edges(nn);
	test_alone(nn, &rng);
	test_same(nn, &rng);
	if (is_cpu())
		test_gradient(nn, &rng);
	test_stored_counts();
	fc_nn_close(nn);
	return t_done();
}
