/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "fc-varm/method/threshold.h"
#include "fc-varm/method/quad.h"
#include "tensor/simd.h"

/* Times n_target^2. */
static FC_SIMD_BODY void variances_body(
    double *restrict out, double *const *x, int n_target, size_t n)
{
	for (size_t i = 0; i < n; i += QUADS * QUAD) {
		quad_double first[QUADS], d, sum[QUADS] = {{0}}, squares[QUADS] = {{0}};
		EACH_QUAD(q) /* subtracted: equal values give exactly 0 */
		QUAD_LOAD(first[q], x[0] + i + q * QUAD);
		for (int k = 1; k < n_target; k++) {
			EACH_QUAD(q)
			{
				QUAD_LOAD(d, x[k] + i + q * QUAD);
				d -= first[q];
				sum[q] += d;
				squares[q] += d * d;
			}
		}
		EACH_QUAD(q)
		{
			d = n_target * squares[q] - sum[q] * sum[q];
			d = QUAD_WHERE(d > 0, d);
			QUAD_STORE(out, n, i + q * QUAD, d);
		}
	}
}
FC_SIMD_KERNEL(static void, variances, (double *out, double *const *x, int n_target, size_t n),
    (out, x, n_target, n))

static void find_variances(const struct unit *u, const struct threshold_query *w, uint64_t *key)
{
	double variance[BLOCK_ELEMENTS];
	(void)w;
	variances(variance, u->x, u->v->n_target, u->n);
	memcpy(key, variance, u->n * sizeof *key);
}

const struct threshold_keys varm_threshold_variance = {find_variances, NULL, false};

static FC_SIMD_BODY void magnitudes_body(
    double *restrict out, const double *restrict x, const double *restrict base, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = fabs(x[i] - base[i]);
}
FC_SIMD_KERNEL(static void, magnitudes,
    (double *out, const double *x, const double *base, size_t n), (out, x, base, n))

static void find_magnitudes(const struct unit *u, const struct threshold_query *w, uint64_t *key)
{
	double magnitude[BLOCK_ELEMENTS];
	magnitudes(magnitude, u->x[w->target], u->base, u->n);
	memcpy(key, magnitude, u->n * sizeof *key);
}

/* A difference rounded to float orders as before rounding, but for equals. */
static FC_SIMD_BODY void rough_magnitudes_body(const float *restrict x, const float *restrict base,
    size_t n, float low, float high, uint8_t *restrict inside, struct threshold_split *s)
{
	uint32_t above = 0, zero = 0;
	for (size_t i = 0; i < n; i++) {
		float magnitude = fabsf(x[i] - base[i]);
		uint32_t more = magnitude > high, less = magnitude < low;
		above += more;
		zero += magnitude == 0;
		inside[i] = (uint8_t) !(more | less);
	}
	s->above += above;
	s->zero += zero;
}
FC_SIMD_KERNEL(static void, rough_magnitudes,
    (const float *x, const float *base, size_t n, float low, float high, uint8_t *inside,
	struct threshold_split *s),
    (x, base, n, low, high, inside, s))

const struct threshold_keys varm_threshold_magnitude = {find_magnitudes, rough_magnitudes, true};

/* factor[i] = scale where a magnitude is at least `least`, else 0; nothing is NaN or above it. */
static FC_SIMD_BODY void find_factors_body(
    double least, const double *restrict change, size_t n, double scale, double *restrict factor)
{
	for (size_t i = 0; i < n; i++)
		factor[i] = fabs(change[i]) >= least ? scale : 0;
}
FC_SIMD_KERNEL(static void, find_factors,
    (double least, const double *change, size_t n, double scale, double *factor),
    (least, change, n, scale, factor))

static FC_SIMD_BODY void weigh_passing_body(
    double least, double *restrict change, size_t n, double weight, double dropped)
{
	for (size_t i = 0; i < n; i++)
		change[i] *= fabs(change[i]) >= least ? weight : dropped;
}
FC_SIMD_KERNEL(static void, weigh_passing,
    (double least, double *change, size_t n, double weight, double dropped),
    (least, change, n, weight, dropped))

/* What passes, of entries [first, first + n): magnitudes of at least `least` among the first
 * n_equal, of at least `above` among the others. */
struct passing {
	double least, above;
	size_t n_equal;
};

/* Keys of at least 0 order as their doubles, and the next one is that of the next double; those
 * that are no numbers let nothing pass. */
static struct passing passing_of(const struct threshold *c, uint64_t first, size_t n)
{
	const uint64_t last = UINT64_C(0x7ff0000000000000); /* of infinity */
	uint64_t next = c->key < last ? c->key + 1 : UINT64_MAX;
	struct passing p = {.n_equal = 0};
	memcpy(&p.least, &c->key, 8);
	memcpy(&p.above, &next, 8);
	if (c->index >= first)
		p.n_equal = c->index - first < n ? (size_t)(c->index - first) + 1 : n;
	return p;
}

void varm_threshold_factors(const struct threshold *c, const double *change, uint64_t first,
    size_t n, double scale, double *factor)
{
	struct passing p = passing_of(c, first, n);
	find_factors(p.least, change, p.n_equal, scale, factor);
	find_factors(p.above, change + p.n_equal, n - p.n_equal, scale, factor + p.n_equal);
}

bool varm_threshold_least(const struct threshold *c, uint64_t first, size_t n, double *least)
{
	struct passing p = passing_of(c, first, n);
	*least = p.n_equal ? p.least : p.above;
	return p.n_equal == 0 || p.n_equal == n;
}

void varm_threshold_weigh(
    const struct threshold *c, double *change, uint64_t first, size_t n, double weight)
{
	struct passing p = passing_of(c, first, n);
	weigh_passing(p.least, change, p.n_equal, weight, 0 * weight);
	weigh_passing(p.above, change + p.n_equal, n - p.n_equal, weight, 0 * weight);
}

static FC_SIMD_BODY void weigh_between_body(double least, double too_large, double *restrict change,
    size_t n, double weight, double dropped)
{
	for (size_t i = 0; i < n; i++) {
		double magnitude = fabs(change[i]);
		bool stays = (magnitude >= least) & !(magnitude >= too_large);
		change[i] *= stays ? weight : dropped;
	}
}
FC_SIMD_KERNEL(static void, weigh_between,
    (double least, double too_large, double *change, size_t n, double weight, double dropped),
    (least, too_large, change, n, weight, dropped))

void varm_threshold_weigh_between(const struct threshold *c, const struct threshold *top,
    double *change, uint64_t first, size_t n, double weight)
{
	for (size_t at = 0, m; at < n; at += m) { /* as far as both say one thing */
		struct passing p = passing_of(c, first + at, n - at),
			       t = passing_of(top, first + at, n - at);
		m = p.n_equal && p.n_equal < n - at ? p.n_equal : n - at;
		m = t.n_equal && t.n_equal < m ? t.n_equal : m;
		weigh_between(p.n_equal ? p.least : p.above, t.n_equal ? t.least : t.above,
		    change + at, m, weight, 0 * weight);
	}
}
