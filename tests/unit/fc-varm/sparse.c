/* SPDX-License-Identifier: Apache-2.0 */
/* Sparsifiers against the slow obvious version, and the random ones against the rule. */
#include "base/par.h"
#include "fc-varm/method/random_by_index.h"
#include "fc-varm/method/sparse.h"
#include "sample.h"

#define ROW 37

static void set_rows(struct sample *s, const struct method *m)
{
	s->v.method = m;
	s->v.row = ROW;
	s->v.unit = m->whole_rows ? varm_pass_row_unit(ROW) : UNIT_ELEMENTS;
	s->set = varm_method_settings(m);
	s->set.normalize = false;
	for (int k = 0; k < MAX_TARGET; k++)
		s->target_params[k] = varm_method_target_params(m);
}

struct ranked {
	double magnitude;
	size_t i;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->magnitude != y->magnitude)
		return x->magnitude > y->magnitude ? -1 : 1;
	return x->i < y->i ? -1 : 1;
}

/* Entries of target k from the largest change to the smallest, of [from, from + n). */
static struct ranked *ranks(const struct sample *s, int k, size_t from, size_t n)
{
	struct ranked *r = FC_ARRAY(struct ranked, n + 1);
	for (size_t i = 0; i < n; i++)
		r[i] = (struct ranked){fabs(s->x[k][from + i] - s->base[from + i]), from + i};
	qsort(r, n, sizeof *r, by_rank);
	return r;
}

/* task arithmetic of changes[k][n], all of weight 1, against the merged values */
static double worst_sum(const struct merged *g, const struct sample *s, double *const *changes)
{
	double worst = 0;
	for (size_t i = 0; i < s->v.n; i++) {
		double sum = s->base[i];
		for (int k = 0; k < s->v.n_target; k++)
			sum += changes[k][i];
		worst = fmax(worst, fabs(sum - g->out[i]));
	}
	return worst;
}

/* What the merge is off by at most, with one thread and with three. */
static double worst_merge(const struct method *m, struct sample *s, double *const *changes)
{
	double worst = 0;
	for (int threads = 1; threads <= 3; threads += 2) {
		struct merged g = {.m = m};
		fc_par_init(threads);
		worst = fmax(worst, merge(&g, s) == 0 ? worst_sum(&g, s, changes) : INFINITY);
		free(g.out);
	}
	return worst;
}

/* The part of the changes from rank `from` to rank `to` stays. */
static double check_ranks(struct fc_rng *r, const struct method *m, size_t n, int K, bool coarse,
    double density, double gamma)
{
	struct sample s;
	double *changes[MAX_TARGET];
	sample_make(&s, r, n, K, coarse);
	set_rows(&s, m);
	for (int k = 0; k < K; k++) {
		size_t keep = (size_t)(density * (double)n), top = (size_t)(gamma * (double)n);
		s.target_params[k].density = density;
		s.target_params[k].gamma = gamma;
		if (m->sparse == &varm_sparse_magnitude && !keep)
			keep = 1;
		changes[k] = FC_ARRAY(double, n);
		struct ranked *sorted = ranks(&s, k, 0, n);
		for (size_t i = top; i < top + keep; i++)
			changes[k][sorted[i].i] = s.x[k][sorted[i].i] - s.base[sorted[i].i];
		free(sorted);
	}
	const double worst = worst_merge(m, &s, changes);
	for (int k = 0; k < K; k++)
		free(changes[k]);
	sample_release(&s);
	return worst;
}

/* TIES without its election. */
static struct method trim;

static void test_magnitude(void)
{
	static const size_t sizes[] = {1, 2, 600, 131071, 131072, 400001};
	struct fc_rng r;
	double worst = 0;
	fc_rng_seed(&r, 21);
	trim = *varm_method_find("ties");
	trim.elect = false;
	for (size_t z = 0; z < FC_LEN(sizes); z++) {
		for (int coarse = 0; coarse < 2; coarse++) {
			double density = sizes[z] > 600 ? 0.3 : 0.5;
			worst =
			    fmax(worst, check_ranks(&r, &trim, sizes[z], 2, coarse, density, 0));
			worst = fmax(worst, check_ranks(&r, &trim, sizes[z], 1, coarse, 0.0001, 0));
			worst = fmax(worst, check_ranks(&r, &trim, sizes[z], 1, coarse, 0.8, 0));
			worst = fmax(worst,
			    check_ranks(&r, varm_method_find("breadcrumbs"), sizes[z], 2, coarse,
				0.7, 0.05));
		}
	}
	T_OK(worst < 1e-13, "the largest changes stay (off by %g)", worst);
}

/* Every change over the same two values: one large class of equals. */
static void test_equals(void)
{
	struct fc_rng r;
	struct sample s;
	struct merged g = {.m = &trim};
	size_t n = 300000, wrong = 0;
	fc_rng_seed(&r, 22);
	sample_make(&s, &r, n, 1, true);
	set_rows(&s, &trim);
	s.target_params[0].density = 0.25;
	for (size_t i = 0; i < n; i++)
		((float *)(uintptr_t)s.target[0].t.data)[i] = 1;
	s.target[0].t.dtype = FC_F32;
	for (size_t i = 0; i < n; i++)
		((float *)(uintptr_t)s.values.t.data)[i] = i % 3 ? 0 : 2;
	s.values.t.dtype = FC_F32;
	merge(&g, &s);
	for (size_t i = 0; i < n; i++)
		wrong += g.out[i] != (i < n / 4 ? 1 : i % 3 ? 0 : 2);
	T_EQ(wrong, 0, "of equal changes the first stay");
	free(g.out);
	sample_release(&s);
}

/* A tenth of the changes are equal, the others are all different: the threshold is just above the
 * equal ones, among them, or below. */
static void test_heavy(void)
{
	static const double beyond[] = {-0.002, 0.03, 0.102};
	struct fc_rng r;
	struct sample s;
	size_t n = 250000, above = 0;
	double worst = 0, *changes[1] = {FC_ARRAY(double, n)};
	fc_rng_seed(&r, 23);
	sample_views(&s, n, 1);
	s.base = FC_ARRAY(double, n);
	s.x[0] = FC_ARRAY(double, n);
	for (size_t i = 0; i < n; i++)
		s.x[0][i] = i % 10 ? fc_rng_normal(&r) : i % 20 ? 0.5 : -0.5;
	make_values(&s.values, s.base, n, FC_F32);
	make_values(&s.target[0], s.x[0], n, FC_F32);
	set_rows(&s, &trim);
	for (size_t i = 0; i < n; i++)
		above += fabs(s.x[0][i]) > 0.5;
	struct ranked *sorted = ranks(&s, 0, 0, n);
	for (size_t b = 0; b < FC_LEN(beyond); b++) {
		double density = (double)above / (double)n + beyond[b];
		s.target_params[0].density = density;
		memset(changes[0], 0, n * sizeof *changes[0]);
		for (size_t i = 0; i < (size_t)(density * (double)n); i++)
			changes[0][sorted[i].i] = s.x[0][sorted[i].i];
		worst = fmax(worst, worst_merge(&trim, &s, changes));
	}
	T_OK(worst == 0, "near a frequent change the largest stay (off by %g)", worst);
	free(sorted);
	free(changes[0]);
	sample_release(&s);
}

/* All that moved lies where a sample of blocks does not look: one guess too low, one too high. */
static void test_wrong_guess(bool few_moved)
{
	struct fc_rng r;
	struct sample s;
	size_t n = 400000, wrong = 0;
	fc_rng_seed(&r, 24);
	sample_make(&s, &r, n, 1, true);
	set_rows(&s, &trim);
	float *x = FC_ARRAY(float, n);
	for (size_t i = 0; i < n; i++)
		x[i] = few_moved ? (i < 100 ? (float)(i + 1) : 0)
				 : (i >= n / 2            ? (float)(n - i) / 3
					   : i % 512 < 40 ? 0
							  : 1e9f);
	/* the sample's blocks are the middle ones of 64 stretches */
	size_t stretch = n / 512 / 64 * 512, middle = stretch / 2 / 512 * 512;
	for (size_t i = 0; i < n && !few_moved; i++)
		if (i % stretch >= middle && i % stretch < middle + 512)
			x[i] = 0;
	free((void *)(uintptr_t)s.target[0].t.data);
	s.target[0].t.data = x;
	s.target[0].t.dtype = FC_F32;
	memset((void *)(uintptr_t)s.values.t.data, 0, n * 2);
	s.values.t.dtype = FC_BF16;
	for (size_t i = 0; i < n; i++) {
		s.x[0][i] = x[i];
		s.base[i] = 0;
	}
	s.target_params[0].density = few_moved ? 0.0001 : 0.6;
	size_t keep = (size_t)(s.target_params[0].density * (double)n);
	struct ranked *sorted = ranks(&s, 0, 0, n);
	for (int threads = 1; threads <= 3; threads += 2) {
		struct merged g = {.m = &trim};
		fc_par_init(threads);
		merge(&g, &s);
		for (size_t i = 0; i < n; i++)
			wrong += g.out[sorted[i].i] != (i < keep ? s.x[0][sorted[i].i] : 0);
		free(g.out);
	}
	T_EQ(wrong, 0, "a sample that misleads is found out");
	free(sorted);
	sample_release(&s);
}

static void test_random_by_index(void)
{
	double a[1000], one, sum = 0, low = 1, high = 0;
	uint64_t key = varm_random_by_index_key(7, "w", 0);
	size_t wrong = 0;
	varm_random_by_index_fill(a, key, 12345678901, 1000);
	for (size_t i = 0; i < 1000; i++) {
		varm_random_by_index_fill(&one, key, 12345678901 + i, 1);
		wrong += one != a[i];
		sum += a[i];
		low = fmin(low, a[i]);
		high = fmax(high, a[i]);
	}
	T_EQ(wrong, 0, "numbers do not depend on what else is asked for");
	T_OK(low >= 0 && high < 1 && fabs(sum / 1000 - 0.5) < 0.03, "they are uniform in [0, 1)");
	/* the first of splitmix64 with state 0, after one step: published as 0xe220a8397b1dcdaf */
	static const double fourth[] = {0xcdaf, 0x7b1d, 0xa839, 0xe220};
	for (size_t i = 0; i < 4; i++) {
		varm_random_by_index_fill(&one, 0, 4 + i, 1);
		T_OK(floor(one * 0x1p16) == fourth[i], "splitmix64's first, quarter %zu", i);
	}
	T_OK(key != varm_random_by_index_key(8, "w", 0) &&
		key != varm_random_by_index_key(7, "w", 1) &&
		key != varm_random_by_index_key(7, "v", 0),
	    "seed, tensor and target all count");
}

/* Entry i of target k has the probability p of staying, and is then divided by it if asked for. */
static double expected_change(const struct sample *s, int k, size_t i, double p, bool divides)
{
	double u;
	varm_random_by_index_fill(&u, varm_random_by_index_key(s->set.seed, "w", k), i, 1);
	return u < p ? (s->x[k][i] - s->base[i]) / (divides ? p : 1) : 0;
}

/* mergekit's rescaled_masked_tensor(): one factor, the sum of magnitudes before over that after. */
static void rescale(const struct sample *s, int k, double *change)
{
	double before = 0, after = 0;
	for (size_t i = 0; i < s->v.n; i++) {
		before += fabs(s->x[k][i] - s->base[i]);
		after += fabs(change[i]);
	}
	for (size_t i = 0; i < s->v.n && before >= 1e-7 && after >= 1e-7; i++)
		change[i] *= before / after;
}

/* From 0, the row's smallest change, to 1, the largest; of equal ones the first is smaller. */
static double rank_in_row(const struct sample *s, int k, size_t i)
{
	double mine = fabs(s->x[k][i] - s->base[i]);
	size_t from = i / ROW * ROW, below = 0;
	for (size_t j = from; j < from + ROW; j++) {
		double other = fabs(s->x[k][j] - s->base[j]);
		below += other < mine || (other == mine && j < i);
	}
	return (double)below / (ROW - 1);
}

static void test_random(const struct method *m, bool paper, bool scaled)
{
	struct fc_rng r;
	struct sample s;
	size_t n = ROW * 2000, kept = 0;
	double *changes[2];
	fc_rng_seed(&r, 23);
	sample_make(&s, &r, n, 2, false);
	set_rows(&s, m);
	s.set.seed = 3;
	s.set.normalize = false;
	s.set.rescale = scaled;
	for (int k = 0; k < 2; k++) {
		changes[k] = FC_ARRAY(double, n);
		s.target_params[k].density = 0.3 + 0.4 * k;
		for (size_t i = 0; i < n; i++) {
			double p = s.target_params[k].density;
			if (m->whole_rows)
				p += (2 * rank_in_row(&s, k, i) - 1) * s.target_params[k].epsilon;
			changes[k][i] = expected_change(&s, k, i, p, paper && scaled);
			kept += changes[k][i] != 0;
		}
		if (!paper && scaled)
			rescale(&s, k, changes[k]);
	}
	const double worst = worst_merge(m, &s, changes);
	T_OK(worst < 1e-12, "%s%s: what stays (off by %g)", m->name,
	    scaled ? "" : " without rescaling", worst);
	/* a third of the entries did not change at all */
	double part = (double)kept / (double)n / 2;
	T_OK(part > 0.3 && part < 0.36, "%s: %g of the entries changed and stayed", m->name, part);
	for (int k = 0; k < 2; k++)
		free(changes[k]);
	sample_release(&s);
}

static void test_worked_rules(void)
{
	static const double delta[] = {0.5, -0.25, 0.125, 1, -0.75};
	static const double want[] = {0.5, 0, 0, 1, -0.75};
	struct sample s;
	struct merged g = {.m = &trim};
	struct fc_rng r;
	size_t wrong = 0;
	fc_rng_seed(&r, 1);
	sample_make(&s, &r, 5, 1, true);
	set_rows(&s, &trim);
	s.target_params[0].density = 0.6;
	s.values.t.dtype = s.target[0].t.dtype = FC_F64;
	free((void *)(uintptr_t)s.values.t.data);
	free((void *)(uintptr_t)s.target[0].t.data);
	s.values.t.data = FC_ARRAY(double, 5);
	double *x = FC_ARRAY(double, 5);
	memcpy(x, delta, sizeof delta);
	s.target[0].t.data = x;
	merge(&g, &s);
	for (size_t i = 0; i < 5; i++)
		wrong += g.out[i] != want[i];
	T_EQ(wrong, 0, "density 0.6 of five keeps the three largest");
	free(g.out);
	sample_release(&s);
}

int main(void)
{
	test_magnitude();
	test_wrong_guess(true);
	test_wrong_guess(false);
	for (int scaled = 0; scaled < 2; scaled++) {
		test_random(varm_method_find("dare_linear"), false, scaled);
		test_random(varm_method_find("della_linear"), false, scaled);
		test_random(varm_method_find("dare_linear-paper"), true, scaled);
		test_random(varm_method_find("della_linear-paper"), true, scaled);
	}
	for (int threads = 1; threads <= 3; threads += 2) {
		fc_par_init(threads);
		test_equals();
		test_heavy();
	}
	test_random_by_index();
	test_worked_rules();
	return t_done();
}
