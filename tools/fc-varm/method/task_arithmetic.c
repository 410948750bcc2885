/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task arithmetic (Ilharco et al. 2023) and what builds on it.  The changes d_k = x_k - base are
 * sparsified, weighed and added up: base + lambda sum_k w_k d_k.  With an election of signs (TIES,
 * Yadav et al. 2023) only those w_k d_k count at an entry whose sign is that of their sum, or
 * plus when it is 0.  Normalizing divides by the sum of the w_k that count.
 */
#include <math.h>

#include "fc-varm/method/gram.h"
#include "fc-varm/method/sparse.h"
#include "fc-varm/method/sums.h"
#include "tensor/simd.h"

static int measure(const struct views *v, struct verdict *r, struct fc_err *e)
{
	const struct sparsifier *sparse = v->method->sparse;
	for (int k = 0; k < v->n_target; k++)
		r->weight[k] = v->term[k].weight;
	return sparse && sparse->measure ? sparse->measure(v, r, e) : 0;
}

static int prepare(struct unit *u, const struct verdict *r, struct fc_err *e)
{
	const struct sparsifier *sparse = u->v->method->sparse;
	return sparse && sparse->prepare ? sparse->prepare(u, r, e) : 0;
}

/* x[k] are weighed changes; out = their sum, divided by the sum of all weights. */
static FC_SIMD_BODY void add_all_body(
    double *restrict out, double *const *x, double divisor, int n_target, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = 0;
	for (int k = 0; k < n_target; k++) {
		const double *restrict change = x[k];
		for (size_t i = 0; i < n; i++)
			out[i] += change[i];
	}
	for (size_t i = 0; i < n && divisor != 1; i++)
		out[i] /= divisor;
}
FC_SIMD_KERNEL(static void, add_all,
    (double *out, double *const *x, double divisor, int n_target, size_t n),
    (out, x, divisor, n_target, n))

static FC_SIMD_BODY void add_elected_body(double *restrict out, double *const *x,
    const double *weight, bool normalize, int n_target, size_t n)
{
	double sum[BLOCK_ELEMENTS], divisor[BLOCK_ELEMENTS];
	for (size_t i = 0; i < n; i++)
		sum[i] = divisor[i] = out[i] = 0;
	for (int k = 0; k < n_target; k++) {
		const double *restrict change = x[k];
		for (size_t i = 0; i < n; i++)
			sum[i] += change[i];
	}
	for (int k = 0; k < n_target; k++) {
		const double *restrict change = x[k];
		double w = weight[k];
		for (size_t i = 0; i < n; i++) {
			double along = sum[i] >= 0 ? change[i] : -change[i];
			double counts = along > 0 ? 1 : 0;
			out[i] += counts * change[i];
			divisor[i] += counts * w;
		}
	}
	for (size_t i = 0; i < n && normalize; i++)
		out[i] /= divisor[i] == 0 ? 1 : divisor[i];
}
FC_SIMD_KERNEL(static void, add_elected,
    (double *out, double *const *x, const double *weight, bool normalize, int n_target, size_t n),
    (out, x, weight, normalize, n_target, n))

/* An entry nobody moved keeps the base's bits. */
static FC_SIMD_BODY void add_base_body(
    double *restrict out, const double *restrict base, double lambda, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = out[i] == 0 ? base[i] : base[i] + lambda * out[i];
}
FC_SIMD_KERNEL(static void, add_base, (double *out, const double *base, double lambda, size_t n),
    (out, base, lambda, n))

static FC_SIMD_BODY void weigh_body(
    double *restrict x, const double *restrict factor, double weight, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] *= factor[i] * weight;
}
FC_SIMD_KERNEL(static void, weigh, (double *x, const double *factor, double weight, size_t n),
    (x, factor, weight, n))

static void apply(struct unit *u, const struct verdict *r, double *out)
{
	const struct settings *s = u->v->set;
	const struct sparsifier *sparse = u->v->method->sparse;
	int K = u->v->n_target;
	double factor[BLOCK_ELEMENTS], divisor = 0;
	for (size_t i = 0; i < u->n && !sparse; i++)
		factor[i] = 1;
	for (int k = 0; k < K; k++) {
		varm_sums_subtract(u->x[k], u->base, u->n);
		if (sparse)
			sparse->keep(u, r, k, u->x[k], factor);
		weigh(u->x[k], factor, r->weight[k], u->n);
		divisor += r->weight[k];
	}
	if (u->v->method->elect)
		add_elected(out, u->x, r->weight, s->normalize, K, u->n);
	else
		add_all(out, u->x, s->normalize && fabs(divisor) >= 1e-8 ? divisor : 1, K, u->n);
	add_base(out, u->base, s->lambda, u->n);
}

#define TASK                                                                                       \
	.measure = measure, .prepare = prepare, .apply = apply, .base = BASE_READ, .drops = true,  \
	.least = 1

const struct method varm_method_task_arithmetic = {.name = "task_arithmetic", TASK};
const struct method varm_method_ties = {
    .name = "ties", TASK, .sparse = &varm_sparse_magnitude, .elect = true, .normalize = true};
const struct method varm_method_breadcrumbs = {
    .name = "breadcrumbs", TASK, .sparse = &varm_sparse_outliers};
const struct method varm_method_breadcrumbs_ties = {
    .name = "breadcrumbs_ties", TASK, .sparse = &varm_sparse_outliers, .elect = true};
#define DARE TASK, .rescale = true
#define DELLA TASK, .rescale = true, .whole_rows = true
const struct method varm_method_dare_linear = {
    .name = "dare_linear", DARE, .sparse = &varm_sparse_random};
const struct method varm_method_dare_linear_paper = {
    .name = "dare_linear-paper", DARE, .sparse = &varm_sparse_random_paper};
const struct method varm_method_dare_ties = {
    .name = "dare_ties", DARE, .sparse = &varm_sparse_random, .elect = true};
const struct method varm_method_dare_ties_paper = {
    .name = "dare_ties-paper", DARE, .sparse = &varm_sparse_random_paper, .elect = true};
const struct method varm_method_della_linear = {
    .name = "della_linear", DELLA, .sparse = &varm_sparse_rank};
const struct method varm_method_della_linear_paper = {
    .name = "della_linear-paper", DELLA, .sparse = &varm_sparse_rank_paper};
const struct method varm_method_della = {
    .name = "della", DELLA, .sparse = &varm_sparse_rank, .elect = true, .normalize = true};
const struct method varm_method_della_paper = {.name = "della-paper",
    DELLA,
    .sparse = &varm_sparse_rank_paper,
    .elect = true,
    .normalize = true};
