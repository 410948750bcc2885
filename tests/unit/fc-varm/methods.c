/* SPDX-License-Identifier: Apache-2.0 */
/* Every method against the slow obvious version, on random tensors in memory. */
#include "base/mem.h"
#include "base/rng.h"
#include "fc-varm/cut.h"
#include "fc-varm/method.h"
#include "t.h"

#define MAX_TARGET 5

/* One tensor of all models: as stored, and its values. */
struct sample {
	struct views v;
	struct fc_tensor target[MAX_TARGET];
	double *base, *x[MAX_TARGET];
};

static void make_tensor(struct fc_tensor *t, double *value, size_t n, enum fc_dtype dtype)
{
	char *bytes = fc_malloc(n * 8 + 1);
	fc_from_f64(bytes, dtype, value, n);
	fc_to_f64(value, bytes, dtype, n);
	*t = (struct fc_tensor){.name = "w", .dtype = dtype, .n_dim = 1, .dim = {(int64_t)n}};
	t->data = bytes;
	t->n_bytes = n * fc_dtype_size(dtype);
}

/* Coarse changes, so that signs cancel, variances tie and many entries stay. */
static void sample_make(struct sample *s, struct fc_rng *r, size_t n, int n_target, bool coarse)
{
	static const enum fc_dtype types[] = {FC_BF16, FC_F32, FC_F16, FC_F64};
	s->v = (struct views){.target = s->target, .n_target = n_target, .n = n};
	s->base = FC_ARRAY(double, n + 1);
	for (size_t i = 0; i < n; i++)
		s->base[i] = coarse ? (double)fc_rng_below(r, 9) - 4 : fc_rng_normal(r);
	make_tensor(&s->v.base, s->base, n, types[fc_rng_below(r, 4)]);
	for (int k = 0; k < n_target; k++) {
		s->x[k] = FC_ARRAY(double, n + 1);
		for (size_t i = 0; i < n; i++) {
			double d =
			    coarse ? ((double)fc_rng_below(r, 5) - 2) / 4 : fc_rng_normal(r) * 0.01;
			s->x[k][i] = s->base[i] + (fc_rng_below(r, 3) ? d * (k + 1) : 0);
		}
		make_tensor(&s->target[k], s->x[k], n, types[fc_rng_below(r, 4)]);
	}
}

static void sample_release(struct sample *s)
{
	free((void *)(uintptr_t)s->v.base.data);
	free(s->base);
	for (int k = 0; k < s->v.n_target; k++) {
		free((void *)(uintptr_t)s->target[k].data);
		free(s->x[k]);
	}
}

/* What the method makes of it: weights normalised, values unrounded. */
struct merged {
	const struct method *m;
	double weight[MAX_TARGET], *out;
};

static int visit(struct unit *u, void *ctx, struct fc_err *e)
{
	struct merged *g = ctx;
	(void)e;
	while (unit_next(u))
		g->m->apply(u, g->weight, g->out + u->first);
	return 0;
}

static void merge(struct merged *g, const struct sample *s, const struct settings *set)
{
	struct fc_err e;
	double sum = 0;
	int K = s->v.n_target;
	g->out = FC_ARRAY(double, s->v.n + 1);
	g->m->measure(&s->v, set, g->weight, &e);
	for (int k = 0; k < K; k++)
		sum += g->weight[k];
	for (int k = 0; k < K; k++)
		g->weight[k] = sum != 0 ? g->weight[k] / sum : 1.0 / K;
	sweep(&s->v, visit, g, NULL, 0, &e);
}

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

static size_t select_by_sorting(const struct sample *s, double part, bool *mask)
{
	size_t n = s->v.n, n_nonzero = 0;
	struct ranked *r = FC_ARRAY(struct ranked, n + 1);
	for (size_t i = 0; i < n; i++) {
		r[i] = (struct ranked){pair_variance(s, i), i};
		n_nonzero += r[i].variance > 0;
		mask[i] = false;
	}
	qsort(r, n, sizeof *r, by_variance);
	size_t take = (size_t)(part * (double)n_nonzero);
	for (size_t i = 0; i < take; i++)
		mask[r[i].i] = true;
	free(r);
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
		long double want = g->m == &method_sce ? sce_value(s, w, i)
						       : mean_value(s, w, i, g->m == &method_varm);
		worst[1] =
		    fmax(worst[1], (double)fabsl(g->out[i] - want) / fmax(1, fabs(s->base[i])));
	}
}

static const size_t sizes[] = {1, 2, 7, 8, 9, 2047, 2048, 2049, 65535, 65537, 131073};

static void test_means(const struct method *m)
{
	struct fc_rng r;
	double worst[2] = {0, 0};
	fc_rng_seed(&r, 11);
	for (size_t z = 0; z < FC_LEN(sizes); z++) {
		for (int K = 1; K <= MAX_TARGET; K += 1 + (sizes[z] > 3000)) {
			double given[MAX_TARGET] = {3, 0, 1, 0.5, 2};
			long double w[MAX_TARGET], total = 0;
			struct settings set = {.normalize = true, .weights = given};
			struct sample s;
			struct merged g = {.m = m};
			sample_make(&s, &r, sizes[z], K, z % 2);
			for (int k = 0; k < K; k++)
				total += given[k];
			for (int k = 0; k < K; k++)
				w[k] = given[k] / total;
			if (m == &method_varm)
				square_weights(&s, NULL, w);
			merge(&g, &s, &set);
			compare(&g, &s, w, worst);
			free(g.out);
			sample_release(&s);
		}
	}
	T_OK(worst[0] < 1e-14, "%s: weights (off by %g)", m->name, worst[0]);
	T_OK(worst[1] < 1e-14, "%s: values (off by %g)", m->name, worst[1]);
}

/* The entries that pass the cut are those that sorting takes. */
static size_t wrong_entries(const struct sample *s, double part, const bool *mask, size_t want)
{
	struct cut c;
	struct fc_err e;
	struct unit u = {.v = &s->v};
	size_t wrong, taken;
	double *x[MAX_TARGET];
	cut_find(&c, &s->v, part, &taken, &e);
	wrong = taken != want;
	u.x = x;
	for (int k = 0; k < s->v.n_target; k++)
		x[k] = s->x[k];
	for (size_t i = 0; i < s->v.n; i++)
		wrong += (taken && cut_passes(&c, cut_key(&u, i), i)) != mask[i];
	return wrong;
}

static void test_sce(void)
{
	static const double parts[] = {0, 1e-6, 0.1, 0.5, 0.999, 1};
	struct fc_rng r;
	double worst[2] = {0, 0};
	size_t wrong = 0;
	fc_rng_seed(&r, 12);
	for (size_t z = 0; z < FC_LEN(sizes); z++) {
		for (int K = 1; K <= MAX_TARGET; K += 1 + (sizes[z] > 3000)) {
			struct sample s;
			sample_make(&s, &r, sizes[z], K, z % 2 || K == 3);
			bool *mask = FC_ARRAY(bool, sizes[z]);
			for (size_t p = 0; p < FC_LEN(parts); p++) {
				long double w[MAX_TARGET];
				struct settings set = {.normalize = true, .select_topk = parts[p]};
				struct merged g = {.m = &method_sce};
				size_t n = select_by_sorting(&s, parts[p], mask);
				wrong += wrong_entries(&s, parts[p], mask, n);
				square_weights(&s, parts[p] < 1 ? mask : NULL, w);
				merge(&g, &s, &set);
				compare(&g, &s, w, worst);
				free(g.out);
			}
			free(mask);
			sample_release(&s);
		}
	}
	T_EQ(wrong, 0, "sce: the entries selected are those that sorting gives");
	T_OK(worst[0] < 1e-13, "sce: weights (off by %g)", worst[0]);
	T_OK(worst[1] < 1e-13, "sce: values (off by %g)", worst[1]);
}

/* All variances equal, over several units: the first ones are taken. */
static void test_ties(void)
{
	struct fc_err e;
	struct cut c;
	struct sample s;
	size_t n = 3 * UNIT_ELEMENTS + 5, taken, wrong = 0;
	s.v = (struct views){.target = s.target, .n_target = 2, .n = n};
	s.base = FC_ARRAY(double, n);
	for (int k = 0; k < 2; k++) {
		s.x[k] = FC_ARRAY(double, n);
		for (size_t i = 0; i < n; i++)
			s.x[k][i] = i % 3 ? k * 0.5 : 0;
		make_tensor(&s.target[k], s.x[k], n, FC_BF16);
	}
	make_tensor(&s.v.base, s.base, n, FC_BF16);
	for (size_t want = 0; want < 2 * n / 3; want = want * 7 + 1) {
		double part = ((double)want + 0.5) / (double)(n - (n + 2) / 3);
		struct unit u = {.v = &s.v, .x = s.x};
		size_t passed = 0, last = 0;
		wrong += cut_find(&c, &s.v, part, &taken, &e) < 0 || taken != want;
		for (size_t i = 0; i < n && taken; i++) {
			if (cut_passes(&c, cut_key(&u, i), i)) {
				passed++;
				last = i;
			}
		}
		/* two of every three entries count */
		wrong +=
		    passed != want || (want && last != (want - 1) / 2 * 3 + 1 + (want - 1) % 2);
	}
	T_EQ(wrong, 0, "sce: of equal variances the first are taken");
	sample_release(&s);
}

int main(void)
{
	test_means(&method_varm);
	test_means(&method_linear);
	test_sce();
	test_ties();
	return t_done();
}
