/* SPDX-License-Identifier: Apache-2.0 */
#include "nn_oracle.h"

/* One sequence in double precision, by the definition. */
struct oracle {
	struct fc_attn a;
	size_t n_q, n_k;
	double *q, *k, *v, *o, *lse, *p; /* p [n_k]: a row of scores' exponentials */
	double round;                    /* of the operands of products, relative */
	double score_error, v_size;      /* what rounding can do to scores; the largest |v| */
	const float *dout;               /* the output's gradient; NULL: bounds are asked for */
};

static double capped(const struct fc_attn *a, double s)
{
	return a->softcap > 0 ? (double)a->softcap * tanh(s / (double)a->softcap) : s;
}

/* What rounding can do to a score, whose products have the given size, times its exponential e: the
 * product, its scale and cap (tanh: 5 roundings), the slope's product and sum. */
static double score_error(
    const struct oracle *t, size_t h, size_t behind, double p, double e, double size)
{
	const double slope = t->a.slope ? 2 * (double)t->a.slope[h] * (double)behind : 0;
	size *= (double)t->a.scale;
	return e * T_U * ((double)(t->a.D + 8) * size + fabs(p) + slope) + e * 2 * t->round * size;
}

static void oracle_row(struct oracle *t, size_t i, size_t h)
{
	const size_t D = t->a.D, H = t->a.H, G = t->a.G, g = h * G / H,
		     end = i + t->n_k - t->n_q + 1;
	const size_t first = t->a.window && end > t->a.window ? end - t->a.window : 0;
	double sum = 0, error = 0, *o = t->o + (i * H + h) * D;
	const double *q = t->q + (i * H + h) * D;
	for (size_t j = first; j < end; j++) {
		const double *k = t->k + (j * G + g) * D;
		double s = 0, size = 0;
		for (size_t d = 0; d < D; d++)
			s += q[d] * k[d];
		s = capped(&t->a, s * (double)t->a.scale);
		if (t->a.slope)
			s += (double)t->a.slope[h] * ((double)j - (double)(end - 1));
		sum += t->p[j] = exp(s);
		if (t->dout)
			continue;
		for (size_t d = 0; d < D; d++)
			size += fabs(q[d] * k[d]);
		error += score_error(t, h, end - 1 - j, s, t->p[j], size);
	}
	if (t->a.sink)
		sum += exp((double)t->a.sink[h]);
	t->score_error = fmax(t->score_error, error / sum);
	t->lse[i * H + h] = log(sum);
	memset(o, 0, D * sizeof *o);
	for (size_t j = first; j < end; j++)
		for (size_t d = 0; d < D; d++)
			o[d] += t->p[j] / sum * t->v[(j * G + g) * D + d];
}

/* Of the queries from the first on, heads [h0, h1). */
static double oracle_loss(struct oracle *t, size_t first, size_t end, size_t h0, size_t h1)
{
	const size_t H = t->a.H, D = t->a.D;
	double loss = 0;
	for (size_t i = first; i < end; i++)
		for (size_t h = h0; h < h1; h++) {
			oracle_row(t, i, h);
			for (size_t c = (i * H + h) * D; t->dout && c < (i * H + h + 1) * D; c++)
				loss += t->o[c] * (double)t->dout[c];
		}
	return loss;
}

static double loss_by_q(void *arg, size_t i)
{
	struct oracle *t = arg;
	const size_t row = i / t->a.D, n = row / t->a.H, h = row % t->a.H;
	return oracle_loss(t, n, n + 1, h, h + 1);
}

/* A component of a key or a value: of the queries from that key on, and the heads that share it. */
static double loss_by_kv(void *arg, size_t i)
{
	struct oracle *t = arg;
	const size_t row = i / t->a.D, n = row / t->a.G, g = row % t->a.G, S = t->a.H / t->a.G;
	const size_t before = t->n_k - t->n_q;
	return oracle_loss(t, n > before ? n - before : 0, t->n_q, g * S, (g + 1) * S);
}

struct batch {
	struct fc_attn a;
	double round; /* of the operands of products, relative; 0: they are floats */
	size_t n_seq;
	struct fc_attn_seq seq[8];
	struct fc_attn_grad grad[8];
};

static struct batch batch_new(struct fc_rng *r, const struct fc_attn *a, const size_t *n_q,
    const size_t *n_k, size_t n_seq, double size)
{
	struct batch b = {.a = *a, .n_seq = n_seq};
	const size_t HD = a->H * a->D, GD = a->G * a->D;
	for (size_t s = 0; s < n_seq; s++) {
		b.seq[s] = (struct fc_attn_seq){random_floats(r, n_q[s] * HD, size),
		    random_floats(r, n_k[s] * GD, size), random_floats(r, n_k[s] * GD, 1),
		    random_floats(r, n_q[s] * HD, 1), random_floats(r, n_q[s] * a->H, 1), n_q[s],
		    n_k[s]};
		b.grad[s] = (struct fc_attn_grad){random_floats(r, n_q[s] * HD, 1),
		    random_floats(r, n_q[s] * HD, 1), random_floats(r, n_k[s] * GD, 1),
		    random_floats(r, n_k[s] * GD, 1)};
	}
	return b;
}

static void drop(const float *p)
{
	free((void *)(uintptr_t)p);
}

static void batch_release(struct batch *b)
{
	for (size_t s = 0; s < b->n_seq; s++) {
		drop(b->seq[s].q);
		drop(b->seq[s].k);
		drop(b->seq[s].v);
		drop(b->seq[s].o);
		drop(b->seq[s].lse);
		drop(b->grad[s].dout);
		drop(b->grad[s].dq);
		drop(b->grad[s].dk);
		drop(b->grad[s].dv);
	}
}

static struct oracle oracle_new(const struct batch *b, size_t s)
{
	const struct fc_attn_seq *q = &b->seq[s];
	const size_t HD = b->a.H * b->a.D, GD = b->a.G * b->a.D;
	struct oracle t = {b->a, q->n_q, q->n_k, doubles(q->q, q->n_q * HD),
	    doubles(q->k, q->n_k * GD), doubles(q->v, q->n_k * GD),
	    fc_calloc(q->n_q * HD, sizeof(double)), fc_calloc(q->n_q * b->a.H, sizeof(double)),
	    fc_calloc(q->n_k, sizeof(double)), b->round, 0, 0, NULL};
	for (size_t i = 0; i < q->n_k * GD; i++)
		t.v_size = fmax(t.v_size, fabs(t.v[i]));
	return t;
}

static void oracle_release(struct oracle *t)
{
	free(t->q);
	free(t->k);
	free(t->v);
	free(t->o);
	free(t->lse);
	free(t->p);
}

/* Both passes with the batch on the device; back: the second as well. */
static void run_batch(struct fc_nn *nn, const struct batch *b, bool back)
{
	struct fc_attn_seq seq[8];
	struct fc_attn_grad grad[8];
	for (size_t s = 0; s < b->n_seq; s++) {
		const struct fc_attn_seq *q = &b->seq[s];
		const struct fc_attn_grad *d = &b->grad[s];
		const size_t n_q = q->n_q * b->a.H * b->a.D, n_k = q->n_k * b->a.G * b->a.D;
		seq[s] =
		    (struct fc_attn_seq){IN(nn, q->q, n_q), IN(nn, q->k, n_k), IN(nn, q->v, n_k),
			OUT(nn, q->o, n_q), OUT(nn, q->lse, q->n_q * b->a.H), q->n_q, q->n_k};
		if (back)
			grad[s] = (struct fc_attn_grad){IN(nn, d->dout, n_q), OUT(nn, d->dq, n_q),
			    OUT(nn, d->dk, n_k), OUT(nn, d->dv, n_k)};
	}
	struct fc_attn a = b->a;
	a.sink = a.sink ? IN(nn, a.sink, a.H) : NULL;
	fc_attn_fwd(nn, &a, seq, b->n_seq);
	if (back)
		fc_attn_bwd(nn, &a, seq, grad, b->n_seq);
	device_back(nn);
}

static void check_fwd(struct fc_nn *nn, struct batch *b, const char *what)
{
	double e_o = 0, e_lse = 0; /* of the bounds */
	run_batch(nn, b, false);
	for (size_t s = 0; s < b->n_seq; s++) {
		struct oracle t = oracle_new(b, s);
		oracle_loss(&t, 0, t.n_q, 0, t.a.H);
		/* besides the scores: exponentials (4), the sum over keys, logarithm, division */
		const double sums = (double)(t.n_k + 8) * T_U, lse = t.score_error + sums;
		e_o = fmax(e_o,
		    max_error(b->seq[s].o, t.o, t.n_q * b->a.H * b->a.D) /
			((2 * lse + 2 * b->round) * fmax(t.v_size, 1)));
		e_lse = fmax(e_lse, max_error(b->seq[s].lse, t.lse, t.n_q * b->a.H) / lse);
		oracle_release(&t);
	}
	T_OK(e_o <= 1 && e_lse <= 1, "forward, %s: %.2f of the bound, lse %.2f", what, e_o, e_lse);
}

static void check_bwd(struct fc_nn *nn, struct batch *b, size_t n_probe, const char *what)
{
	double e = 0;
	size_t longest = 0;
	run_batch(nn, b, true);
	for (size_t s = 0; s < b->n_seq; s++) {
		struct oracle t = oracle_new(b, s);
		const size_t HD = b->a.H * b->a.D, GD = b->a.G * b->a.D;
		t.dout = b->grad[s].dout;
		longest = t.n_k > longest ? t.n_k : longest;
		e = fmax(e, gradient_error(b->grad[s].dq, t.q, t.n_q * HD, n_probe, loss_by_q, &t));
		e = fmax(
		    e, gradient_error(b->grad[s].dk, t.k, t.n_k * GD, n_probe, loss_by_kv, &t));
		e = fmax(
		    e, gradient_error(b->grad[s].dv, t.v, t.n_k * GD, n_probe, loss_by_kv, &t));
		oracle_release(&t);
	}
	/* Scores again, and sums over heads' widths and keys, whose terms' sizes add up to about
	 * four times the largest result; central differences are off by a millionth. */
	double most = 4 * (double)(longest + 3 * b->a.D + 16) * T_U + 1e-6;
	/* A score and dP are each off by about the rounding of an operand times their size in the
	 * root mean square, dS and the matrix that it is multiplied by are rounded. */
	most += 4 * 4 * b->round;
	T_OK(e < most, "backward, %s: largest error %.1e of the largest component", what, e);
}

static void test_variants(struct fc_nn *nn, struct fc_rng *r)
{
	static const struct {
		struct fc_attn a;
		const char *what;
	} cases[] = {
	    {{4, 4, 8, 0.35f, 0, 0, NULL, NULL}, "every head its own keys"},
	    {{6, 2, 16, 0.25f, 0, 0, NULL, NULL}, "three heads share keys"},
	    {{3, 1, 5, 0.4f, 0, 0, NULL, NULL}, "all heads share keys, odd width"},
	    {{4, 2, 8, 0.35f, 2.5f, 0, NULL, NULL}, "soft cap"},
	    {{4, 2, 8, 0.35f, 0, 9, NULL, NULL}, "window of 9"},
	    {{2, 1, 8, 0.35f, 3, 70, NULL, NULL}, "window of 70, soft cap"},
	    {{2, 2, 4, 0.5f, 0, 1, NULL, NULL}, "window of 1"},
	    {{2, 1, 80, 0.11f, 0, 0, NULL, NULL}, "heads 80 wide"},
	    {{2, 1, 150, 0.08f, 4, 40, NULL, NULL}, "heads 150 wide, window of 40, soft cap"},
	    {{1, 1, 256, 0.0625f, 0, 0, NULL, NULL}, "heads 256 wide"},
	};
	static const size_t n[] = {1, 2, 19, 67, 3};
	for (size_t c = 0; c < FC_LEN(cases); c++) {
		struct batch b = batch_new(r, &cases[c].a, n, n, FC_LEN(n), 1);
		check_fwd(nn, &b, cases[c].what);
		check_bwd(nn, &b, 20, cases[c].what);
		batch_release(&b);
	}
}

static void test_decode(struct fc_nn *nn, struct fc_rng *r)
{
	static const size_t n_q[] = {1, 1, 1, 3, 5, 40, 130}, n_k[] = {1, 2, 300, 3, 200, 333, 150};
	static const struct fc_attn plain = {4, 2, 16, 0.25f, 0, 0, NULL, NULL},
				    window = {4, 1, 12, 0.25f, 5, 50, NULL, NULL},
				    wide = {12, 1, 130, 0.09f, 0, 290, NULL, NULL};
	struct batch b = batch_new(r, &plain, n_q, n_k, FC_LEN(n_q), 1);
	check_fwd(nn, &b, "more keys than queries");
	batch_release(&b);
	b = batch_new(r, &wide, n_q, n_k, FC_LEN(n_q), 1);
	check_fwd(nn, &b, "more keys than queries, window of 290, heads 130 wide");
	batch_release(&b);
	b = batch_new(r, &window, n_q, n_k, FC_LEN(n_q), 1);
	check_fwd(nn, &b, "more keys than queries, window, soft cap");
	const size_t HD = window.H * window.D;
	float *o = fc_calloc(n_q[4] * HD, sizeof *o);
	memcpy(o, b.seq[4].o, n_q[4] * HD * sizeof *o);
	struct batch without = {.a = b.a, .n_seq = 1, .seq = {b.seq[4]}};
	without.seq[0].lse = NULL;
	run_batch(nn, &without, false);
	T_OK(!memcmp(o, b.seq[4].o, n_q[4] * HD * sizeof *o),
	    "forward without lse: the same output");
	free(o);
	batch_release(&b);
}

/* ALiBi: slopes of their own for every head, also where heads are the rows of one query. */
static void test_slopes(struct fc_nn *nn, struct fc_rng *r)
{
	static const float slope[] = {0.5f, 0.25f, 0.0625f, 2, 0.001f, 0.7f};
	static const size_t n_q[] = {1, 1, 4, 90, 30}, n_k[] = {1, 200, 140, 90, 300};
	static const struct fc_attn apart = {6, 6, 8, 0.3f, 0, 0, slope, NULL},
				    shared = {6, 2, 7, 0.3f, 0, 50, slope, NULL};
	struct batch b = batch_new(r, &apart, n_q, n_k, FC_LEN(n_q), 1);
	check_fwd(nn, &b, "slopes");
	batch_release(&b);
	b = batch_new(r, &shared, n_q, n_k, FC_LEN(n_q), 1);
	check_fwd(nn, &b, "slopes, shared keys, window");
	batch_release(&b);
	static const size_t n[] = {1, 2, 67, 90};
	b = batch_new(r, &apart, n, n, FC_LEN(n), 1);
	check_bwd(nn, &b, 20, "slopes");
	batch_release(&b);
	b = batch_new(r, &shared, n, n, FC_LEN(n), 1);
	check_bwd(nn, &b, 20, "slopes, shared keys, window");
	batch_release(&b);
}

/* Sinks: far above, among and far below the scores; one query, few, many. */
static void test_sinks(struct fc_nn *nn, struct fc_rng *r)
{
	static const float sink[] = {9, 0.5f, -1, -30, 2, 0};
	static const size_t n_q[] = {1, 1, 4, 90, 30}, n_k[] = {1, 600, 140, 90, 300};
	static const struct fc_attn apart = {6, 6, 8, 0.3f, 0, 0, NULL, sink},
				    shared = {6, 2, 7, 0.3f, 0, 50, NULL, sink};
	struct batch b = batch_new(r, &apart, n_q, n_k, FC_LEN(n_q), 1);
	check_fwd(nn, &b, "sinks");
	batch_release(&b);
	b = batch_new(r, &shared, n_q, n_k, FC_LEN(n_q), 1);
	check_fwd(nn, &b, "sinks, shared keys, window");
	batch_release(&b);
}

static void test_long(struct fc_nn *nn, struct fc_rng *r)
{
	static const size_t n[] = {450, 130, 257};
	static const struct fc_attn a = {2, 1, 32, 0.18f, 0, 0, NULL, NULL},
				    window = {2, 1, 32, 0.18f, 0, 200, NULL, NULL};
	struct batch b = batch_new(r, &a, n, n, FC_LEN(n), 1);
	check_fwd(nn, &b, "long sequences");
	check_bwd(nn, &b, 3, "long sequences");
	batch_release(&b);
	b = batch_new(r, &window, n, n, FC_LEN(n), 1);
	check_fwd(nn, &b, "long sequences, window of 200");
	check_bwd(nn, &b, 3, "long sequences, window of 200");
	batch_release(&b);
}

/* A sequence has the bits it has alone. */
static void test_company(struct fc_nn *nn, struct fc_rng *r, size_t D)
{
	static const size_t n_q[] = {1, 1, 3, 1, 8, 9, 1}, n_k[] = {1, 700, 300, 256, 600, 40, 257};
	const struct fc_attn a = {6, 2, D, 0.22f, 0, 0, NULL, NULL};
	const size_t HD = a.H * a.D;
	struct batch b = batch_new(r, &a, n_q, n_k, FC_LEN(n_q), 1);
	bool same = true;
	run_batch(nn, &b, false);
	for (size_t s = 0; s < b.n_seq; s++) {
		struct batch one = {.a = a, .n_seq = 1, .seq = {b.seq[s]}, .grad = {b.grad[s]}};
		one.seq[0].o = random_floats(r, n_q[s] * HD, 1);
		one.seq[0].lse = random_floats(r, n_q[s] * a.H, 1);
		run_batch(nn, &one, false);
		same = same && !memcmp(one.seq[0].o, b.seq[s].o, n_q[s] * HD * sizeof(float)) &&
		    !memcmp(one.seq[0].lse, b.seq[s].lse, n_q[s] * a.H * sizeof(float));
		free(one.seq[0].o);
		free(one.seq[0].lse);
	}
	T_OK(same, "a sequence has the bits it has alone");
	batch_release(&b);
}

/* Scores of +-1e4: every exponential but the largest vanishes, none may overflow. */
static void test_huge(struct fc_nn *nn, struct fc_rng *r)
{
	static const size_t n[] = {150};
	static const struct fc_attn a = {1, 1, 8, 1, 0, 0, NULL, NULL};
	struct batch b = batch_new(r, &a, n, n, 1, 60);
	run_batch(nn, &b, true);
	bool finite = true;
	for (size_t i = 0; i < n[0] * 8; i++)
		finite = finite && isfinite(b.seq[0].o[i]) && fabsf(b.seq[0].o[i]) < 6 &&
		    isfinite(b.grad[0].dq[i]) && isfinite(b.grad[0].dk[i]) &&
		    isfinite(b.grad[0].dv[i]);
	T_OK(finite, "huge scores: outputs are means of values, gradients finite");
	batch_release(&b);
}

static void test_threads(struct fc_nn *nn, struct fc_rng *r)
{
	static const size_t n[] = {300, 7, 90};
	static const struct fc_attn a = {4, 2, 16, 0.25f, 0, 0, NULL, NULL};
	struct batch b = batch_new(r, &a, n, n, FC_LEN(n), 1);
	float *first[4] = {0};
	bool same = true;
	for (int run = 1; run <= 2; run++) {
		fc_par_init(run);
		run_batch(nn, &b, true);
		const float *now[4] = {b.seq[0].o, b.grad[0].dq, b.grad[0].dk, b.grad[0].dv};
		for (int i = 0; i < 4; i++) {
			const size_t bytes = n[0] * (i < 2 ? a.H : a.G) * a.D * sizeof(float);
			if (run == 1)
				first[i] = memcpy(fc_malloc(bytes), now[i], bytes);
			else
				same = same && !memcmp(first[i], now[i], bytes);
		}
	}
	T_OK(same, "one thread and two give the same bits");
	for (int i = 0; i < 4; i++)
		free(first[i]);
	batch_release(&b);
}

/* One query: the heads that share keys are taken together or apart, as there are threads. */
static void test_threads_one_query(struct fc_nn *nn, struct fc_rng *r)
{
	static const size_t n_q[] = {1, 1}, n_k[] = {300, 150};
	static const struct fc_attn a = {15, 3, 16, 0.25f, 0, 0, NULL, NULL};
	struct batch b = batch_new(r, &a, n_q, n_k, FC_LEN(n_q), 1);
	float first[15 * 16];
	bool same = true;
	for (int n_thread = 1; n_thread <= 7; n_thread++) {
		fc_par_init(n_thread);
		run_batch(nn, &b, false);
		if (n_thread == 1)
			memcpy(first, b.seq[0].o, sizeof first);
		same = same && !memcmp(first, b.seq[0].o, sizeof first);
	}
	fc_par_init(2);
	T_OK(same, "one query: one thread and up to seven give the same bits");
	batch_release(&b);
}

/* What an operand is rounded by in BF16: by cpu, which has two bfloat16 for each number, 2^-15 at
 * most; to bfloat16, which has 8 bits, where another device does so. */
static double rounding(const struct fc_nn *nn)
{
	return strcmp(fc_nn_device(nn), "cpu") ? 0x1p-8 : 0x1p-15;
}

static void test_bf16(struct fc_rng *r)
{
	static const float numbers[] = {0.5f, 0.25f, 0.0625f, 2, -1, 0.7f};
	static const struct fc_attn plain = {4, 2, 64, 0.125f, 0, 0, NULL, NULL},
				    window = {2, 1, 80, 0.11f, 4, 100, NULL, NULL},
				    shared = {12, 1, 24, 0.2f, 0, 0, NULL, NULL},
				    slopes = {6, 2, 32, 0.2f, 0, 0, numbers, NULL},
				    sinks = {6, 2, 16, 0.3f, 0, 50, NULL, numbers};
	static const size_t n[] = {1, 150, 70, 9}, n_k[] = {300, 150, 200, 9};
	static const size_t n_bwd[] = {
	    70, 140}; /* a gradient that is 0 without rounding is not here */
	struct fc_nn *nn = open_nn(FC_COMPUTE_BF16);
	const struct fc_attn *const cases[] = {&plain, &window, &shared, &slopes, &sinks};
	for (size_t c = 0; c < FC_LEN(cases); c++) {
		char what[40];
		struct batch b = batch_new(r, cases[c], n, n_k, FC_LEN(n), 1);
		snprintf(what, sizeof what, "bf16, heads %zu wide", b.a.D);
		b.round = rounding(nn);
		check_fwd(nn, &b, what);
		batch_release(&b);
		if (b.a.sink)
			continue;
		b = batch_new(r, cases[c], n_bwd, n_bwd, FC_LEN(n_bwd), 1);
		b.round = rounding(nn);
		check_bwd(nn, &b, 20, what);
		batch_release(&b);
	}
	test_threads(nn, r);
	test_threads_one_query(nn, r);
	test_company(nn, r, 16);
	fc_nn_close(nn);
}

int main(void)
{
	struct fc_rng r;
	fc_rng_seed(&r, 2);
	fc_par_init(2);
	struct fc_nn *nn = open_nn(FC_COMPUTE_F32);
	test_variants(nn, &r);
	test_slopes(nn, &r);
	test_sinks(nn, &r);
	test_decode(nn, &r);
	test_long(nn, &r);
	test_huge(nn, &r);
	test_threads(nn, &r);
	test_threads_one_query(nn, &r);
	test_company(nn, &r, 20);
	fc_nn_close(nn);
	test_bf16(&r);
	return t_done();
}
