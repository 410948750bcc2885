/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "fc-varm/method/threshold.h"
#include "tensor/simd.h"

static FC_SIMD_BODY void variances_body(
    double *restrict out, double *const *x, int n_target, size_t n)
{
	double sum[BLOCK_ELEMENTS], squares[BLOCK_ELEMENTS];
	const double *restrict first = x[0]; /* subtracted: equal values give exactly 0 */
	for (size_t i = 0; i < n; i++)
		sum[i] = squares[i] = 0;
	for (int k = 1; k < n_target; k++) {
		const double *restrict target = x[k];
		for (size_t i = 0; i < n; i++) {
			double d = target[i] - first[i];
			sum[i] += d;
			squares[i] += d * d;
		}
	}
	for (size_t i = 0; i < n; i++) {
		double variance = n_target * squares[i] - sum[i] * sum[i]; /* times n_target^2 */
		out[i] = variance > 0 ? variance : 0;
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

/* Keys of at least 0 order as their doubles; those that are no numbers let nothing pass. */
static FC_SIMD_BODY void varm_threshold_factors_body(const struct threshold *c,
    const double *restrict change, uint64_t first, size_t n, double scale, double *restrict factor)
{
	uint64_t index = c->index;
	double least;
	memcpy(&least, &c->key, 8);
	for (size_t i = 0; i < n; i++) {
		double magnitude = fabs(change[i]);
		double more = magnitude > least ? scale : 0;
		double as_much = first + i <= index ? scale : 0;
		factor[i] = magnitude == least ? as_much : more;
	}
}
FC_SIMD_KERNEL(void, varm_threshold_factors,
    (const struct threshold *c, const double *change, uint64_t first, size_t n, double scale,
	double *factor),
    (c, change, first, n, scale, factor))
