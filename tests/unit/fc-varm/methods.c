/* SPDX-License-Identifier: Apache-2.0 */
/* Every method against the slow obvious version, on random tensors in memory. */
#include "base/hash.h"
#include "base/par.h"
#include "fc-varm/method/threshold.h"
#include "sample.h"
#include "base/isa.h"

/* The oracle's own weights, from sums of squares over the entries in mask (NULL: all). */
static void square_weights(const struct sample *s, const bool *mask, long double *w)
{
	long double total = 0;
	for (int k = 0; k < s->v.n_target; k++) {
		w[k] = 0;
		for (size_t i = 0; i < s->v.n; i++) {
			long double d = (long double)s->x[k][i] - s->base[i];
			if (!mask || mask[i])
				w[k] += d * d;
		}
		total += w[k];
	}
	for (int k = 0; k < s->v.n_target; k++)
		w[k] = total != 0 ? w[k] / total : 1.0L / s->v.n_target;
}

struct ranked {
	long double variance;
	size_t i;
};

static int by_variance(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->variance != y->variance)
		return x->variance > y->variance ? -1 : 1;
	return x->i < y->i ? -1 : 1;
}

/* sum of squared differences of all pairs, which is n^2 times the variance */
static long double pair_variance(const struct sample *s, size_t i)
{
	long double v = 0;
	for (int k = 0; k < s->v.n_target; k++)
		for (int j = 0; j < k; j++) {
			long double d = (long double)s->x[k][i] - s->x[j][i];
			v += d * d;
		}
	return v;
}

static struct ranked *sort_entries(const struct sample *s)
{
	struct ranked *r = FC_ARRAY(struct ranked, s->v.n + 1);
	for (size_t i = 0; i < s->v.n; i++)
		r[i] = (struct ranked){pair_variance(s, i), i};
	qsort(r, s->v.n, sizeof *r, by_variance);
	return r;
}

static size_t select_sorted(const struct ranked *r, size_t n, double part, bool *mask)
{
	size_t n_nonzero = 0;
	while (n_nonzero < n && r[n_nonzero].variance > 0)
		n_nonzero++;
	size_t take = (size_t)(part * (double)n_nonzero);
	for (size_t i = 0; i < n; i++)
		mask[r[i].i] = i < take;
	return take;
}

static long double sce_value(const struct sample *s, const long double *w, size_t i)
{
	long double sum = 0, moved = 0, weights = 0;
	for (int k = 0; k < s->v.n_target; k++)
		sum += (long double)s->x[k][i] - s->base[i];
	for (int k = 0; k < s->v.n_target; k++) {
		long double d = (long double)s->x[k][i] - s->base[i];
		if (d == 0 || (d > 0) != (sum >= 0))
			continue;
		moved += w[k] * d;
		weights += w[k];
	}
	return s->base[i] + (weights != 0 ? moved / weights : 0);
}

static long double mean_value(
    const struct sample *s, const long double *w, size_t i, bool of_changes)
{
	long double sum = 0;
	for (int k = 0; k < s->v.n_target; k++)
		sum += w[k] * (s->x[k][i] - (of_changes ? (long double)s->base[i] : 0));
	return sum + (of_changes ? (long double)s->base[i] : 0);
}

/* Largest relative errors of weights and values against the oracle's. */
static void compare(
    const struct merged *g, const struct sample *s, const long double *w, double worst[2])
{
	for (int k = 0; k < s->v.n_target; k++)
		worst[0] = fmax(worst[0], (double)fabsl(g->weight[k] - w[k]));
	for (size_t i = 0; i < s->v.n; i++) {
		long double want = !strcmp(g->m->name, "fusechat-sce")
		    ? sce_value(s, w, i)
		    : mean_value(s, w, i, !strcmp(g->m->name, "varm"));
		worst[1] =
		    fmax(worst[1], (double)fabsl(g->out[i] - want) / fmax(1, fabs(s->base[i])));
	}
}

static const size_t sizes[] = {1, 2, 7, 8, 9, 2047, 2048, 2049, 65537};

static void test_means(const struct method *m, struct fc_hasher *all)
{
	struct fc_rng r;
	double worst[2] = {0, 0};
	fc_rng_seed(&r, 11);
	for (size_t z = 0; z < FC_LEN(sizes); z++) {
		for (int K = 1; K <= MAX_TARGET; K += 1 + (sizes[z] > 3000)) {
			double given[MAX_TARGET] = {3, 0, 1, 0.5, 2};
			long double w[MAX_TARGET], total = 0;
			struct sample s;
			struct merged g = {.m = m};
			sample_make(&s, &r, sizes[z], K, z % 2);
			s.set = varm_method_settings(m);
			for (int k = 0; k < K; k++) {
				s.target_params[k].weight = given[k];
				total += given[k];
			}
			for (int k = 0; k < K; k++)
				w[k] = given[k] / total;
			if (!strcmp(m->name, "varm"))
				square_weights(&s, NULL, w);
			merge(&g, &s);
			compare(&g, &s, w, worst);
			fc_hasher_add(all, g.out, s.v.n * sizeof *g.out);
			free(g.out);
			sample_release(&s);
		}
	}
	T_OK(worst[0] < 1e-14, "%s: weights (off by %g)", m->name, worst[0]);
	T_OK(worst[1] < 1e-14, "%s: values (off by %g)", m->name, worst[1]);
}

struct passing {
	const struct threshold *threshold;
	bool *passed; /* [n] */
};

static int visit_passing(struct unit *u, void *ctx, struct fc_err *e)
{
	struct passing *p = ctx;
	uint64_t key[BLOCK_ELEMENTS];
	(void)e;
	while (varm_unit_next_targets(u)) {
		varm_threshold_variance.exact(u, NULL, key);
		for (size_t i = 0; i < u->n; i++)
			p->passed[u->first + i] =
			    threshold_passes(p->threshold, key[i], u->first + i);
	}
	return 0;
}

/* The number of entries that pass the threshold and are not in the mask, or the other way round. */
static size_t wrong_entries(
    const struct sample *s, double part, const bool *mask, size_t want, size_t n_gather)
{
	struct threshold_query w = {&varm_threshold_variance, .part = part, .of_nonzero = true};
	struct fc_err e;
	struct passing p = {&w.threshold, FC_ARRAY(bool, s->v.n + 1)};
	size_t wrong;
	varm_threshold_find(&w, 1, &s->v, n_gather, &e);
	wrong = w.take != want;
	varm_pass(&s->v, visit_passing, &p, NULL, 0, &e);
	for (size_t i = 0; i < s->v.n; i++)
		wrong += (w.take && p.passed[i]) != mask[i];
	free(p.passed);
	return wrong;
}

static void add_values(const struct unit *u, const double *taken, double *lanes)
{
	for (int k = 0; k < u->v->n_target; k++)
		for (size_t i = 0; i < u->n; i++)
			lanes[(size_t)k * LANES + i % LANES] += taken[i] * u->x[k][i];
}

static void get_values(const struct unit *u, size_t i, double *number)
{
	for (int k = 0; k < u->v->n_target; k++)
		number[k] = u->x[k][i];
}

/* How far sums over the entries that pass are from those of the ones that do, as a part of them;
 * *summed: whether there are any. */
static double sums_off(const struct sample *s, double part, size_t n_gather, bool *summed)
{
	static const struct threshold_sums sums = {add_values, get_values};
	double sum[MAX_TARGET] = {0}, off = 0;
	struct threshold_query w = {
	    &varm_threshold_variance, .sums = &sums, .sum = sum, .part = part, .of_nonzero = true};
	struct fc_err e;
	struct passing p = {&w.threshold, FC_ARRAY(bool, s->v.n + 1)};
	T_OK(varm_threshold_find(&w, 1, &s->v, n_gather, &e) == 0, "found");
	varm_pass(&s->v, visit_passing, &p, NULL, 0, &e);
	for (int k = 0; k < s->v.n_target; k++) {
		long double want = 0, size = 0;
		for (size_t i = 0; i < s->v.n; i++) {
			want += p.passed[i] ? s->x[k][i] : 0;
			size += p.passed[i] ? fabs(s->x[k][i]) : 0;
		}
		off = fmax(off, (double)(fabsl(want - (long double)sum[k]) / (size + 1e-30L)));
	}
	*summed = w.summed;
	free(p.passed);
	return off;
}

/* Sums on the way: of enough entries for a sample to say where the threshold is, and of few. */
static void test_sums(void)
{
	static const size_t sizes_of[] = {1, 700, 5 * UNIT_ELEMENTS + 77};
	static const double parts[] = {0.1, 0.5, 0.9999, 1e-4};
	struct fc_rng r;
	fc_rng_seed(&r, 31);
	for (size_t z = 0; z < FC_LEN(sizes_of); z++) {
		for (size_t p = 0; p < FC_LEN(parts); p++) {
			struct sample s;
			bool summed, few;
			sample_make(&s, &r, sizes_of[z], 3, false);
			double off = sums_off(&s, parts[p], THRESHOLD_GATHER, &summed);
			bool some = (double)sizes_of[z] * parts[p] >= 1;
			T_OK(summed == some && off < 1e-14, "sums of %g of %zu entries (off by %g)",
			    parts[p], sizes_of[z], off);
			off = sums_off(&s, parts[p], 3000, &few);
			T_OK(!few || off < 1e-14, "by counting (off by %g)", off);
			off = sums_off(&s, 1e-7, THRESHOLD_GATHER, &few);
			T_OK(!few || off < 1e-14, "of none (off by %g)", off);
			sample_release(&s);
			sample_make(&s, &r, sizes_of[z], 3, true);
			off = sums_off(&s, parts[p], THRESHOLD_GATHER, &few);
			T_OK(!few || off < 1e-14, "where many are equal (off by %g)", off);
			sample_release(&s);
		}
	}
}

static void test_sce(struct fc_hasher *all)
{
	static const double parts[] = {0, 1e-6, 0.999, 1, 0.1, 0.5};
	struct fc_rng r;
	double worst[2] = {0, 0};
	size_t wrong = 0;
	fc_rng_seed(&r, 12);
	for (size_t z = 0; z < FC_LEN(sizes); z++) {
		for (int K = 1; K <= MAX_TARGET; K += 1 + (sizes[z] > 3000)) {
			struct sample s;
			sample_make(&s, &r, sizes[z], K, z % 2 || K == 3);
			struct ranked *sorted = sort_entries(&s);
			bool *mask = FC_ARRAY(bool, sizes[z]);
			for (size_t p = sizes[z] > 3000 ? 2 : 0; p < FC_LEN(parts); p++) {
				long double w[MAX_TARGET];
				struct merged g = {.m = varm_method_find("fusechat-sce")};
				s.set = varm_method_settings(g.m);
				s.set.select_topk = parts[p];
				size_t n = select_sorted(sorted, sizes[z], parts[p], mask);
				wrong += wrong_entries(&s, parts[p], mask, n, p % 2 ? 0 : 100);
				square_weights(&s, parts[p] < 1 ? mask : NULL, w);
				merge(&g, &s);
				compare(&g, &s, w, worst);
				fc_hasher_add(all, g.out, s.v.n * sizeof *g.out);
				free(g.out);
			}
			free(mask);
			free(sorted);
			sample_release(&s);
		}
	}
	T_EQ(wrong, 0, "sce: the entries selected are those that sorting gives");
	T_OK(worst[0] < 1e-13, "sce: weights (off by %g)", worst[0]);
	T_OK(worst[1] < 1e-13, "sce: values (off by %g)", worst[1]);
}

/* All variances equal, over several units: the first entries are taken. */
static void test_ties(void)
{
	struct sample s;
	size_t n = 3 * UNIT_ELEMENTS + 5, wrong = 0;
	bool *mask = FC_ARRAY(bool, n);
	sample_views(&s, n, 2);
	s.base = FC_ARRAY(double, n);
	for (int k = 0; k < 2; k++) {
		s.x[k] = FC_ARRAY(double, n);
		for (size_t i = 0; i < n; i++)
			s.x[k][i] = i % 3 ? k * 0.5 : 0;
		make_values(&s.target[k], s.x[k], n, FC_BF16);
	}
	make_values(&s.values, s.base, n, FC_BF16);
	size_t n_nonzero = n - (n + 2) / 3;
	for (size_t want = 0; want <= n_nonzero; want = want * 7 + 1) {
		for (size_t i = 0, left = want; i < n; i++) {
			mask[i] = left && i % 3;
			left -= mask[i];
		}
		wrong +=
		    wrong_entries(&s, ((double)want + 0.5) / (double)n_nonzero, mask, want, 1000);
	}
	T_EQ(wrong, 0, "sce: of equal variances the first are taken");
	free(mask);
	sample_release(&s);
}

/* Variances at the bottom of the doubles, beside zeros, which are never taken. */
static void test_tiny(void)
{
	struct sample s;
	bool mask[12];
	sample_views(&s, 12, 2);
	s.base = FC_ARRAY(double, 12);
	for (int k = 0; k < 2; k++) {
		s.x[k] = FC_ARRAY(double, 12);
		for (size_t i = 0; i < 12; i++) {
			s.x[k][i] = i % 2 ? k * 1e-155 : 0;
			mask[i] = i % 2;
		}
		make_values(&s.target[k], s.x[k], 12, FC_F64);
	}
	make_values(&s.values, s.base, 12, FC_F64);
	T_EQ(wrong_entries(&s, 1, mask, 6, 0), 0, "sce: tiny variances, counted");
	mask[11] = false;
	T_EQ(wrong_entries(&s, 0.9, mask, 5, 100), 0, "sce: tiny variances, sorted");
	sample_release(&s);
}

int main(void)
{
	const enum fc_isa most = fc_isa();
	struct fc_hasher *all = fc_hasher_new();
	uint64_t plain = 0;
	fc_par_init(1);
	for (enum fc_isa isa = FC_ISA_BASELINE; isa <= most && isa <= FC_ISA_AVX512; isa++) {
		printf("# %s\n", fc_isa_name(isa));
		fc_isa_limit(isa);
		fc_hasher_reset(all);
		test_means(varm_method_find("varm"), all);
		test_means(varm_method_find("linear"), all);
		test_sce(all);
		plain = isa == FC_ISA_BASELINE ? fc_hasher_value(all) : plain;
		T_OK(fc_hasher_value(all) == plain, "every bit is that of the plain variant");
	}
	fc_par_init(3);
	fc_hasher_reset(all);
	test_means(varm_method_find("varm"), all);
	test_means(varm_method_find("linear"), all);
	test_sce(all);
	T_OK(fc_hasher_value(all) == plain, "and that of one thread");
	fc_hasher_free(all);
	test_sums();
	test_ties();
	test_tiny();
	return t_done();
}
