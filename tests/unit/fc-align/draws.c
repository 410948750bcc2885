/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of draws, carried by a map: counts stay whole, and the gradient that training gets from them
 * is on average that of the whole distribution.
 */
#include "fc-align/apply/draws.h"

#include "fc-align/apply/transfer.h"
#include "nn_oracle.h"
#include "stream/plane.h"

/* Source "a|b|c" and pivot "a|bc": the pivot's second token takes two of the source's. */
static void make_texts(struct fc_example *s, struct fc_example *p)
{
	static const uint32_t s_end[] = {0, 1, 2, 3}, p_end[] = {0, 1, 3};
	fc_example_init(s);
	fc_example_init(p);
	for (uint32_t i = 0; i < 4; i++)
		fc_example_add_token(s, i, s_end[i], FC_TOK_FLAGS(i > 0, FC_ROLE_ASSISTANT, 0));
	for (uint32_t i = 0; i < 3; i++)
		fc_example_add_token(
		    p, 10 + i, p_end[i], FC_TOK_FLAGS(i > 0, FC_ROLE_ASSISTANT, 0));
}

static double share_of(const struct fc_example *x, size_t r, uint32_t id)
{
	for (size_t i = x->row_off[r]; i < x->row_off[r + 1]; i++)
		if (x->entry_id[i] == id)
			return exp((double)x->entry_logprob[i]);
	return 0;
}

/* 20 draws a row, as a stream has them. */
static void add_counts(struct fc_example *x, uint32_t tok, size_t n, const uint32_t *id,
    const double *count, float true_logprob)
{
	float logprob[8];
	for (size_t i = 0; i < n; i++) {
		const uint32_t bits = fc_logprob_bits((float)log(count[i] / 20));
		fc_logprob_values(&logprob[i], &bits, 1);
	}
	fc_example_add_row(x, tok, n, id, logprob, true_logprob);
}

static void test_counts(void)
{
	/* 1 and 4 meet at 11, 5 is unknown, 6 is beyond the map; "b" goes to 13, "bc" is 12 */
	static const uint32_t map[] = {10, 11, 13, 14, 11, ALIGN_UNMAPPED};
	const struct align_draws d = {20, true};
	struct align_ledger l = {.unmapped = FC_ARRAY(double, 7)};
	struct fc_example s, p;
	make_texts(&s, &p);
	add_counts(&s, 1, 5, (uint32_t[]){4, 0, 1, 5, 6}, (double[]){7, 5, 4, 3, 1}, -1.25f);
	add_counts(&s, 2, 3, (uint32_t[]){2, 1, 4}, (double[]){12, 5, 3}, -0.5f);
	add_counts(&s, 3, 1, (uint32_t[]){0}, (double[]){20}, -0.75f);
	struct align_transfer *t = align_transfer_new(map, FC_LEN(map), 20);
	align_transfer_set_draws(t, &d);
	align_transfer_example(t, &s, &p, 2, &l);
	T_OK(p.n_row == 2 && p.row_off[1] == 2, "counts: a row at both, of what the pivot knows");
	T_OK(p.entry_logprob[0] == (float)log(11. / 20) && p.entry_id[0] == 11 &&
		p.entry_logprob[1] == (float)log(5. / 20) && p.entry_id[1] == 10,
	    "counts: of candidates that meet add up");
	T_NEAR((double)p.true_logprob[0], -1.25, 0, "counts: the true token keeps its own value");
	/* the 12 draws of "b": the share that goes on with "c", e^-0.75, is the pivot's "bc" */
	T_NEAR(
	    share_of(&p, 1, 12), 12. / 20 * exp(-0.75), 1e-6, "counts: those of \"b\" and \"c\"");
	T_NEAR(share_of(&p, 1, 13), 12. / 20 * (1 - exp(-0.75)), 1e-6, "counts: of \"b\" alone");
	T_NEAR(share_of(&p, 1, 11), 8. / 20, 1e-6, "counts: of others");
	T_NEAR((double)p.true_logprob[1], -1.25, 1e-6, "counts: the chain rule for \"bc\"");
	T_OK(t_near(l.out, 16. / 20 + 1, 1e-9) &&
		t_near(l.lost[ALIGN_LOSS_UNMAPPED], 3. / 20, 1e-9) &&
		t_near(l.lost[ALIGN_LOSS_NO_TOKEN], 1. / 20, 1e-9) &&
		fabs(l.lost[ALIGN_LOSS_TAIL]) < 1e-9 && t_near(l.unmapped[5], 3. / 20, 1e-9),
	    "counts: what was left out is in the ledger");
	align_transfer_free(t);
	fc_example_release(&s);
	fc_example_release(&p);
	free(l.unmapped);
}

/* A true token that nothing is known of but its draws. */
static void test_absent(void)
{
	static const uint32_t map[] = {10, 11, 13, 14};
	const struct align_draws d = {20, true};
	struct align_ledger l = {0};
	struct fc_example s, p;
	make_texts(&s, &p);
	add_counts(&s, 2, 3, (uint32_t[]){3, 0, 1}, (double[]){18, 1, 1}, -4); /* none for "c" */
	struct align_transfer *t = align_transfer_new(map, FC_LEN(map), 20);
	align_transfer_set_draws(t, &d);
	align_transfer_example(t, &s, &p, 2, &l);
	T_NEAR((double)p.true_logprob[0], log(2. / 20 / 17), 1e-6,
	    "absent: what was drawn once, over the tokens without an entry");
	align_transfer_free(t);
	fc_example_release(&s);
	fc_example_release(&p);
}

/* ---- the gradient ---- */

enum { V = 30, N_PIVOT = 20, DRAWS = 16, REPEATS = 6000, TRUE_SOURCE = 2, TRUE_PIVOT = 12 };

static float *identity(size_t n)
{
	float *w = FC_ARRAY(float, n *n);
	for (size_t i = 0; i < n; i++)
		w[i * n + i] = 1;
	return w;
}

static void softmax(const float *z, size_t n, double *p)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += p[i] = exp((double)z[i]);
	for (size_t i = 0; i < n; i++)
		p[i] /= sum;
}

/* The teacher's rows at "b", drawn REPEATS times, as they come from a stream. */
struct rows {
	uint32_t *n, *id; /* [REPEATS, DRAWS] */
	float *logprob;
};

static void through_stream(float *logprob, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const uint32_t bits = fc_logprob_bits(logprob[i]);
		fc_logprob_values(&logprob[i], &bits, 1);
	}
}

static struct rows draw_rows(struct fc_nn *nn, const float *z)
{
	struct rows r = {FC_ARRAY(uint32_t, REPEATS), FC_ARRAY(uint32_t, REPEATS * DRAWS),
	    FC_ARRAY(float, REPEATS *DRAWS)};
	struct fc_rng *rng = FC_ARRAY(struct fc_rng, REPEATS);
	uint32_t *target = FC_ARRAY(uint32_t, REPEATS);
	float *x = FC_ARRAY(float, REPEATS *V), *truth = FC_ARRAY(float, REPEATS), *w = identity(V);
	const struct fc_head h = {{w, FC_F32, V, V}, V, 0};
	for (size_t i = 0; i < REPEATS; i++) {
		fc_rng_seed2(&rng[i], i, 3);
		memcpy(x + i * V, z, V * sizeof *z);
	}
	const struct fc_head on = device_head(nn, &h);
	fc_head_draw(nn, &on, IN(nn, x, REPEATS * V), target, REPEATS, &(struct fc_draws){DRAWS, 1},
	    rng, r.n, r.id, r.logprob, truth);
	device_back(nn);
	for (size_t i = 0; i < REPEATS; i++)
		through_stream(r.logprob + i * DRAWS, r.n[i]);
	free(rng);
	free(target);
	free(x);
	free(truth);
	free(w);
	return r;
}

/* Adds the source's row for "b" and what is known of "c"; returns the pivot's row 0. */
static void carry(struct align_transfer *t, size_t n, const uint32_t *id, const float *logprob,
    float true_logprob, struct fc_example *s, struct fc_example *p)
{
	struct align_ledger l = {0};
	fc_example_clear_rows(s);
	fc_example_clear_rows(p);
	fc_example_add_row(s, 2, n, id, logprob, true_logprob);
	fc_example_add_row(s, 3, 1, (uint32_t[]){0}, (float[]){0}, -0.4f);
	align_transfer_example(t, s, p, N_PIVOT, &l);
}

/* Gradient at the logits for REPEATS rows, as (deviations off the expected mean), the largest. */
static double gradient_z(struct fc_nn *nn, size_t n_vocab, const uint32_t *off, const uint32_t *id,
    const float *logprob, const float *z, const double *q)
{
	float *w = identity(n_vocab), *x = FC_ARRAY(float, REPEATS *n_vocab);
	float *dx = FC_ARRAY(float, REPEATS *n_vocab), *weight = FC_ARRAY(float, REPEATS);
	float *none = FC_ARRAY(float, REPEATS);
	uint32_t *target = FC_ARRAY(uint32_t, REPEATS);
	double p[V], mass = 0, worst = 0;
	const struct fc_head h = {{w, FC_F32, n_vocab, n_vocab}, n_vocab, 0};
	const struct fc_teacher teacher = {off, id, logprob, {FC_LOSS_CE, FC_ROW_SAMPLED, 0.1, 1}};
	struct fc_loss loss = {0};
	for (size_t i = 0; i < REPEATS; i++) {
		memcpy(x + i * n_vocab, z, n_vocab * sizeof *z);
		weight[i] = 1;
	}
	const struct fc_head on = device_head(nn, &h);
	fc_head_loss(nn, &on, IN(nn, x, REPEATS * n_vocab), target, none, weight, &teacher, REPEATS,
	    OUT(nn, dx, REPEATS * n_vocab), NULL, &loss);
	device_back(nn);
	softmax(z, n_vocab, p);
	for (size_t v = 0; v < n_vocab; v++)
		mass += q[v];
	for (size_t v = 0; v < n_vocab; v++) {
		double sum = 0, squares = 0;
		for (size_t i = 0; i < REPEATS; i++) {
			sum += (double)dx[i * n_vocab + v];
			squares += (double)dx[i * n_vocab + v] * (double)dx[i * n_vocab + v];
		}
		const double mean = sum / REPEATS, var = squares / REPEATS - mean * mean;
		/* of the whole forward divergence: mass p - q */
		const double off_by = mean - (mass * p[v] - q[v]);
		worst = fmax(worst, fabs(off_by) / sqrt(var / REPEATS + 1e-12));
	}
	free(w);
	free(x);
	free(dx);
	free(weight);
	free(none);
	free(target);
	return worst;
}

static void check_gradient(struct fc_nn *nn, size_t n_vocab, const uint32_t *off,
    const uint32_t *id, const float *logprob, const float *z, double *q, const char *what)
{
	const double worst = gradient_z(nn, n_vocab, off, id, logprob, z, q);
	T_OK(worst < 4.5, "gradient, %s: the mean is %.1f deviations off at most", what, worst);
	/* the same means against a target that is 3 % larger */
	for (size_t v = 0; v < n_vocab; v++)
		q[v] *= 1.03;
	const double biased = gradient_z(nn, n_vocab, off, id, logprob, z, q);
	T_OK(biased > 6, "gradient, %s: a bias of 3 %% would be %.1f", what, biased);
}

static void test_gradient(struct fc_nn *nn, struct fc_rng *rng)
{
	float *z = random_floats(rng, V, 1.5), *student = random_floats(rng, V, 1);
	double q[V], carried[V] = {0};
	struct rows r = draw_rows(nn, z);
	uint32_t *off = FC_ARRAY(uint32_t, REPEATS + 1),
		 *id = FC_ARRAY(uint32_t, REPEATS * (DRAWS + 1));
	float *logprob = FC_ARRAY(float, REPEATS *(DRAWS + 1));
	for (size_t i = 0; i < REPEATS; i++) {
		memcpy(id + off[i], r.id + i * DRAWS, r.n[i] * sizeof *id);
		memcpy(logprob + off[i], r.logprob + i * DRAWS, r.n[i] * sizeof *logprob);
		off[i + 1] = off[i] + r.n[i];
	}
	softmax(z, V, q);
	check_gradient(nn, V, off, id, logprob, student, q, "own rows");

	uint32_t map[V], all[V];
	float all_logprob[V];
	struct fc_example s, p;
	softmax(z, V, q);
	make_texts(&s, &p);
	for (uint32_t v = 0; v < V; v++) { /* many meet; some the pivot does not know */
		map[v] = v % 7 == 3 ? ALIGN_UNMAPPED : v * 11 % 10;
		all[v] = v;
		all_logprob[v] = (float)log(q[v]);
	}
	map[TRUE_SOURCE] = 13;
	struct align_transfer *t = align_transfer_new(map, V, N_PIVOT);
	const float truth = (float)log(q[TRUE_SOURCE]);
	carry(t, V, all, all_logprob, truth, &s, &p); /* the whole distribution */
	for (uint32_t v = 0; v < N_PIVOT; v++)
		carried[v] = share_of(&p, 0, v);
	T_OK(carried[TRUE_PIVOT] > 0 && carried[13] > 0, "gradient: the true token has two shares");
	align_transfer_set_draws(t, &(struct align_draws){DRAWS, true});
	for (size_t i = 0; i < REPEATS; i++) {
		carry(t, r.n[i], r.id + i * DRAWS, r.logprob + i * DRAWS, truth, &s, &p);
		const size_t n = p.n_row ? p.row_off[1] : 0; /* none where no draw has a token */
		memcpy(id + off[i], p.entry_id, n * sizeof *id);
		memcpy(logprob + off[i], p.entry_logprob, n * sizeof *logprob);
		through_stream(logprob + off[i], n);
		off[i + 1] = off[i] + (uint32_t)n;
	}
	check_gradient(nn, N_PIVOT, off, id, logprob, student, carried, "carried by a map");
	align_transfer_free(t);
	fc_example_release(&s);
	fc_example_release(&p);
	free(z);
	free(student);
	free(off);
	free(id);
	free(logprob);
	free(r.n);
	free(r.id);
	free(r.logprob);
}

int main(void)
{
	struct fc_rng rng;
	fc_rng_seed(&rng, 21);
	fc_par_init(2);
	struct fc_nn *nn = open_nn(FC_COMPUTE_F32);
	test_counts();
	test_absent();
	test_gradient(nn, &rng);
	fc_nn_close(nn);
	return t_done();
}
