/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/paired.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "fc-eval/measure/significance.h"

static const double z = 1.959963984540054;        /* the normal distribution's 0.975 quantile */
static const double z_power = 0.8416212335729143; /* its 0.8 quantile */

/* Items by stratum: stratum h is item[first[h]] to item[first[h + 1]], two at least. */
struct strata {
	size_t *item, *first;
	size_t n; /* 0: fewer than two items */
};

struct draws {
	const struct eval_paired *x;
	struct strata strata;
	double den;    /* the sum of all */
	double *mean;  /* [n_item][n_arm] num, the mean of the arm's seeds */
	size_t *seeds; /* [n_arm] */
	size_t *seed;  /* [n_stream] by arm, the streams in their order */
	size_t n;
	double *value; /* [n_arm][n] */
};

struct numbered {
	size_t stratum, item;
};

static int by_stratum(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;
	if (x->stratum != y->stratum)
		return x->stratum < y->stratum ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

/* Strata of one item come last and are one; if that is still of one item, it joins the one before.
 */
static struct strata divide_items(const struct eval_paired *x)
{
	const size_t n = x->n_item;
	struct strata s = {FC_ARRAY(size_t, n + 1), FC_ARRAY(size_t, n + 2), 0};
	struct numbered *v = FC_ARRAY(struct numbered, n + 1);
	size_t at = 0, n_single = 0;
	for (size_t i = 0; i < n; i++)
		v[i] = (struct numbered){x->stratum ? x->stratum[i] : 0, i};
	if (n)
		qsort(v, n, sizeof *v, by_stratum);
	for (int single = 0; single < 2; single++)
		for (size_t i = 0, end; i < n; i = end) {
			for (end = i + 1; end < n && v[end].stratum == v[i].stratum; end++)
				;
			if ((end - i == 1) != single)
				continue;
			if (!single || n_single++ == 0)
				s.first[s.n++] = at;
			for (size_t k = i; k < end; k++)
				s.item[at++] = v[k].item;
		}
	if (n_single == 1)
		s.n--; /* joins; alone it leaves none */
	s.first[s.n] = n;
	free(v);
	return s;
}

static void begin_draws(struct draws *d, const struct eval_paired *x, size_t n_resample)
{
	const size_t A = x->n_arm, S = x->n_stream;
	*d = (struct draws){.x = x, .strata = divide_items(x), .n = n_resample};
	d->mean = FC_ARRAY(double, x->n_item *A);
	d->seeds = FC_ARRAY(size_t, A);
	d->seed = FC_ARRAY(size_t, S);
	d->value = fc_calloc(A, (n_resample + 1) * sizeof *d->value);
	for (size_t a = 0, at = 0; a < A; a++)
		for (size_t s = 0; s < S; s++)
			if (x->arm[s] == a) {
				d->seed[at++] = s;
				d->seeds[a]++;
			}
	for (size_t i = 0; i < x->n_item; i++) {
		for (size_t s = 0; s < S; s++)
			d->mean[i * A + x->arm[s]] += x->num[i * S + s];
		for (size_t a = 0; a < A; a++)
			d->mean[i * A + a] /= (double)d->seeds[a];
		d->den += x->den[i];
	}
}

static void end_draws(struct draws *d)
{
	free(d->strata.item);
	free(d->strata.first);
	free(d->mean);
	free(d->seeds);
	free(d->seed);
	free(d->value);
}

/* Draw b: sum is room for [n_stream]. */
static void draw_items(struct draws *d, uint64_t seed, size_t b, double *sum)
{
	const struct eval_paired *x = d->x;
	struct fc_rng rng;
	double den = 0;
	fc_rng_seed2(&rng, seed, b);
	for (size_t s = 0; s < x->n_stream; s++)
		sum[s] = 0;
	for (size_t h = 0; h < d->strata.n; h++) {
		const size_t *item = d->strata.item + d->strata.first[h];
		const size_t n = d->strata.first[h + 1] - d->strata.first[h];
		const double weight = (double)n / (double)(n - 1);
		for (size_t k = 1; k < n; k++) {
			const size_t i = item[fc_rng_below(&rng, n)];
			den += weight * x->den[i];
			for (size_t s = 0; s < x->n_stream; s++)
				sum[s] += weight * x->num[i * x->n_stream + s];
		}
	}
	const size_t *seed_of = d->seed;
	for (size_t a = 0; a < x->n_arm; a++) {
		const size_t n = d->seeds[a], n_draw = n > 1 ? n - 1 : 1;
		double total = 0;
		for (size_t k = 0; k < n_draw; k++)
			total += sum[seed_of[n > 1 ? fc_rng_below(&rng, n) : 0]];
		d->value[a * d->n + b] = total / (double)n_draw / den;
		seed_of += n;
	}
}

/* A variance and its degrees of freedom, summed from parts. */
struct variance {
	double v, squares; /* sum of v_i, of v_i^2 / f_i */
};

static void add_part(struct variance *to, double v, size_t n)
{
	to->v += v;
	to->squares += v * v / (double)(n - 1);
}

static double quantile_of(const struct variance *v, double q)
{
	return eval_significance_t(q, v->squares > 0 ? v->v * v->v / v->squares : INFINITY);
}

/* Sum and sum of squares about the mean of values that come one by one. */
struct spread {
	double sum, squares;
	size_t n;
};

static void add_value(struct spread *s, double v) /* Welford 1962 */
{
	s->n++;
	const double from = v - s->sum / (double)(s->n > 1 ? s->n - 1 : 1);
	s->sum += v;
	if (s->n > 1)
		s->squares += from * from * (double)(s->n - 1) / (double)s->n;
}

/* What an arm's seeds add. */
static void add_seeds(struct variance *to, const struct draws *d, size_t a)
{
	const struct eval_paired *x = d->x;
	struct spread s = {0};
	for (size_t k = 0; k < x->n_stream; k++) {
		double sum = 0;
		if (x->arm[k] != a || d->seeds[a] == 1)
			continue;
		for (size_t i = 0; i < x->n_item; i++)
			sum += x->num[i * x->n_stream + k];
		add_value(&s, sum / d->den);
	}
	if (s.n > 1)
		add_part(to, s.squares / (double)(s.n - 1) / (double)s.n, s.n);
}

/* Of arm a's ratio, or of its difference from arm b (SIZE_MAX: none). */
static struct variance variance_of(const struct draws *d, size_t a, size_t b)
{
	const struct eval_paired *x = d->x;
	struct variance out = {0};
	double ratio = 0;
	for (size_t i = 0; i < x->n_item; i++)
		ratio +=
		    d->mean[i * x->n_arm + a] - (b == SIZE_MAX ? 0 : d->mean[i * x->n_arm + b]);
	ratio /= d->den;
	for (size_t h = 0; h < d->strata.n; h++) {
		struct spread s = {0};
		for (size_t k = d->strata.first[h]; k < d->strata.first[h + 1]; k++) {
			const size_t i = d->strata.item[k];
			const double num = d->mean[i * x->n_arm + a] -
			    (b == SIZE_MAX ? 0 : d->mean[i * x->n_arm + b]);
			add_value(&s, (num - ratio * x->den[i]) / d->den);
		}
		add_part(&out, s.squares * (double)s.n / (double)(s.n - 1), s.n);
	}
	add_seeds(&out, d, a);
	if (b != SIZE_MAX)
		add_seeds(&out, d, b);
	return out;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* Of n draws, which are sorted, around the value; p: NULL, or where to put how likely the other
 * side of 0 is. */
static struct fc_interval stretched_interval(
    double *v, size_t n, double value, const struct variance *of, double *p)
{
	const double stretch = quantile_of(of, 0.975) / z;
	size_t n_low = 0, n_high = 0;
	if (n == 0)
		return (struct fc_interval){NAN, NAN};
	qsort(v, n, sizeof *v, by_value);
	for (size_t i = 0; i < n; i++) {
		const double at = value + stretch * (v[i] - value);
		n_low += at <= 0;
		n_high += at >= 0;
	}
	if (p)
		*p = fmin(1, 2 * (double)((n_low < n_high ? n_low : n_high) + 1) / (double)(n + 1));
	return (struct fc_interval){value + stretch * (fc_resample_quantile(v, n, 0.025) - value),
	    value + stretch * (fc_resample_quantile(v, n, 0.975) - value)};
}

static void count_items(const struct draws *d, size_t a, size_t b, struct eval_paired_result *out)
{
	const struct eval_paired *x = d->x;
	for (size_t i = 0; i < x->n_item; i++) {
		const double gap = d->mean[i * x->n_arm + a] - d->mean[i * x->n_arm + b];
		out->n_better += x->less_is_better ? gap < 0 : gap > 0;
		out->n_worse += x->less_is_better ? gap > 0 : gap < 0;
		out->n_equal += gap == 0;
	}
}

/* Of single streams' right and wrong answers; see paired.h. */
static void put_exact(struct eval_paired_result *out, const struct eval_paired *x)
{
	const double n = (double)x->n_item + 2, b = ((double)out->n_better + 1) / n,
		     c = ((double)out->n_worse + 1) / n,
		     error = sqrt((b + c - (b - c) * (b - c)) / n);
	out->p = eval_significance_sign(out->n_better, out->n_better + out->n_worse);
	out->difference_interval =
	    (struct fc_interval){fmax(-1, b - c - z * error), fmin(1, b - c + z * error)};
	out->detectable = (z + z_power) * error;
}

static struct fc_interval clamped_interval(struct fc_interval i, double least, double most)
{
	return isnan(i.low) ? i : (struct fc_interval){fmax(least, i.low), fmin(most, i.high)};
}

static void put_difference(struct draws *d, size_t a, size_t b, struct eval_paired_result *out)
{
	const struct eval_paired *x = d->x;
	count_items(d, a, b, out);
	double sum = 0;
	for (size_t i = 0; i < x->n_item; i++)
		sum += d->mean[i * x->n_arm + a] - d->mean[i * x->n_arm + b];
	out->difference = sum / d->den;
	if (x->right_wrong && d->seeds[a] == 1 && d->seeds[b] == 1 && x->n_item) {
		put_exact(out, x);
		return;
	}
	const struct variance v = variance_of(d, a, b);
	const size_t n = d->strata.n ? d->n : 0;
	double *gap = FC_ARRAY(double, n + 1);
	for (size_t k = 0; k < n; k++)
		gap[k] = d->value[a * d->n + k] - d->value[b * d->n + k];
	out->difference_interval = stretched_interval(gap, n, out->difference, &v, &out->p);
	if (x->right_wrong)
		out->difference_interval = clamped_interval(out->difference_interval, -1, 1);
	if (d->strata.n && v.v > 0)
		out->detectable = (quantile_of(&v, 0.975) + quantile_of(&v, 0.8)) * sqrt(v.v);
	free(gap);
}

static void put_value(struct draws *d, size_t a, struct eval_paired_result *out)
{
	const struct eval_paired *x = d->x;
	double sum = 0;
	for (size_t i = 0; i < x->n_item; i++)
		sum += d->mean[i * x->n_arm + a];
	out->value = sum / d->den;
	if (x->right_wrong && d->seeds[a] == 1) {
		out->interval = eval_significance_wilson((uint64_t)sum, x->n_item);
		return;
	}
	const struct variance v = variance_of(d, a, SIZE_MAX);
	out->interval =
	    stretched_interval(d->value + a * d->n, d->strata.n ? d->n : 0, out->value, &v, NULL);
	if (x->right_wrong)
		out->interval = clamped_interval(out->interval, 0, 1);
}

void eval_paired(const struct eval_paired *x, size_t baseline, uint64_t seed, size_t n_resample,
    struct eval_paired_result *out)
{
	struct draws d;
	double *p = FC_ARRAY(double, x->n_arm), *holm = FC_ARRAY(double, x->n_arm);
	begin_draws(&d, x, n_resample);
	const size_t n = d.strata.n ? n_resample : 0;
#pragma omp parallel
	{
		double *sum = FC_ARRAY(double, x->n_stream);
#pragma omp for
		for (size_t b = 0; b < n; b++)
			draw_items(&d, seed, b, sum);
		free(sum);
	}
	for (size_t a = 0; a < x->n_arm; a++) {
		out[a] = (struct eval_paired_result){.n_stream = d.seeds[a],
		    .difference = NAN,
		    .difference_interval = {NAN, NAN},
		    .p = NAN,
		    .p_holm = NAN,
		    .detectable = NAN};
		if (a != baseline)
			put_difference(&d, a, baseline, &out[a]);
		p[a] = out[a].p;
	}
	for (size_t a = 0; a < x->n_arm; a++)
		put_value(&d, a, &out[a]); /* sorts the arm's draws: after all differences */
	eval_significance_holm(p, x->n_arm, holm);
	for (size_t a = 0; a < x->n_arm; a++)
		out[a].p_holm = holm[a];
	end_draws(&d);
	free(p);
	free(holm);
}
