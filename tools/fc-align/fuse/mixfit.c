/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/fuse/mixfit.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Passes over the labels at most.  A fit that needs more stops there and reports its distance from
 * the optimum. */
enum { MAX_PASS = 20000 };
/* Kept above 0 on the way, so that a long step can be undone. */
#define LEAST 1e-12
/* Weights up to here are tried as 0. */
#define SMALL 1e-3
#define LONGER 1.2

struct fit {
	const float *p; /* [n][m] */
	size_t n, m;
	double prior;
	const double *w0;
};

/* The objective at w; h: [m] its gradient over n + prior, infinite where w_j is 0 and may not be.
 */
static double objective_at(const struct fit *f, const double *w, double *h)
{
	double sum = 0, whole = (double)f->n + f->prior;
	memset(h, 0, f->m * sizeof *h);
	for (size_t i = 0; i < f->n; i++) {
		const float *p = f->p + i * f->m;
		double mix = 0;
		for (size_t j = 0; j < f->m; j++)
			mix += w[j] * (double)p[j];
		sum += log(mix);
		for (size_t j = 0; j < f->m; j++)
			h[j] += (double)p[j] / mix;
	}
	for (size_t j = 0; j < f->m; j++) {
		double pull = f->prior > 0 ? f->prior * f->w0[j] : 0;
		if (pull > 0) {
			sum += pull * log(w[j]);
			h[j] += pull / w[j];
		}
		h[j] /= whole;
	}
	return sum;
}

static double gap_of(const double *h, size_t m)
{
	double most = h[0];
	for (size_t j = 1; j < m; j++)
		most = fmax(most, h[j]);
	return isfinite(most) ? fmax(most - 1, 0) : INFINITY;
}

/* w h is EM's step, w h^length a longer one. */
static void take_step(double *to, const double *w, const double *h, size_t m, double length)
{
	double sum = 0;
	for (size_t j = 0; j < m; j++) {
		to[j] = fmax(w[j] * (length > 1 ? pow(h[j], length) : h[j]), LEAST);
		sum += to[j];
	}
	for (size_t j = 0; j < m; j++)
		to[j] /= sum;
}

/* Makes 0 what can be. */
static void drop_small(const struct fit *f, double *w, double *h, struct align_mixfit_end *end)
{
	double *to = FC_ARRAY(double, f->m), sum = 0;
	for (size_t j = 0; j < f->m; j++) {
		to[j] = w[j] < SMALL && h[j] < 1 ? 0 : w[j];
		sum += to[j];
	}
	for (size_t j = 0; j < f->m; j++)
		to[j] /= sum;
	end->n_pass++;
	double objective = objective_at(f, to, h), gap = gap_of(h, f->m);
	if (isfinite(objective) && gap <= ALIGN_MIXFIT_TOLERANCE) {
		memcpy(w, to, f->m * sizeof *w);
		end->gap = gap;
	}
	free(to);
}

struct align_mixfit_end align_mixfit(
    const float *p, size_t n, size_t m, double prior, const double *w0, double *w)
{
	const struct fit f = {p, n, m, prior, w0};
	struct align_mixfit_end end = {0};
	double *h = FC_ARRAY(double, m), *next = FC_ARRAY(double, m), *next_h = FC_ARRAY(double, m);
	double length = 1;
	for (size_t j = 0; j < m; j++)
		w[j] = 1 / (double)m;
	double best = objective_at(&f, w, h);
	end.n_pass = 1;
	while ((end.gap = gap_of(h, m)) > ALIGN_MIXFIT_TOLERANCE && end.n_pass < MAX_PASS) {
		take_step(next, w, h, m, length);
		double got = objective_at(&f, next, next_h);
		end.n_pass++;
		if (length > 1 &&
		    !(got >= best)) { /* the step was too long: a shorter one from where it began */
			length = 1;
			continue;
		}
		best = got;
		length *= LONGER;
		memcpy(w, next, m * sizeof *w);
		memcpy(h, next_h, m * sizeof *h);
	}
	drop_small(&f, w, h, &end);
	free(h);
	free(next);
	free(next_h);
	return end;
}
