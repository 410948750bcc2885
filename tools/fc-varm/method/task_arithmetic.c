/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task arithmetic (Ilharco et al. 2023) and what builds on it.  The changes d_k = x_k - base are
 * sparsified, weighed and added up: base + lambda sum_k w_k d_k.  With an election of signs (TIES,
 * Yadav et al. 2023) only those w_k d_k count at an entry whose sign is that of their sum, or
 * plus when it is 0.  Normalizing divides by the sum of the w_k that count.
 */
#include <math.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "fc-varm/method/quad.h"
#include "fc-varm/method/sparse.h"
#include "fc-varm/method/stream_in.h"
#include "fc-varm/method/stream_kept.h"
#include "tensor/simd.h"

static const struct parameter param_density = VARM_PARAMETER(REAL, "density",
    VARM_OF_TARGET(density), 1, 0, 1, "D", "part of each target's changes that stays");
static const struct parameter param_gamma = VARM_PARAMETER(REAL, "gamma", VARM_OF_TARGET(gamma),
    0.01, 0, 1, "G", "part of the changes, the largest, that goes");
static const struct parameter param_epsilon =
    VARM_PARAMETER(REAL, "epsilon", VARM_OF_TARGET(epsilon), 0.15, 0, 1, "E",
	"how far the density varies with the rank of a change");
static const struct parameter param_rescale = VARM_PARAMETER(
    TRUTH, "rescale", VARM_SHARED(rescale), 0, 0, 1, NULL, "make up for what is dropped");
static const struct parameter param_lambda = VARM_PARAMETER(REAL, "lambda", VARM_SHARED(lambda), 1,
    -INFINITY, INFINITY, "L", "factor of the merged change");

static int measure(const struct views *v, struct measured *r, struct fc_err *e)
{
	const struct sparsifier *sparse = v->method->sparse;
	for (int k = 0; k < v->n_target; k++)
		r->weight[k] = v->target_params[k].weight;
	return sparse && sparse->measure ? sparse->measure(v, r, e) : 0;
}

static int prepare(struct unit *u, const struct measured *r, struct fc_err *e)
{
	const struct sparsifier *sparse = u->v->method->sparse;
	return sparse && sparse->prepare ? sparse->prepare(u, r, e) : 0;
}

/* out[i], ... of out[n] = base + lambda * change; an entry nobody moved keeps the base's bits */
#define STORE_CHANGED(OUT, N, I, BASE, LAMBDA, CHANGE)                                             \
	do {                                                                                       \
		quad_double from;                                                                  \
		QUAD_LOAD(from, (BASE) + (I));                                                     \
		from = QUAD_SELECT((CHANGE) == 0, from, from + (LAMBDA) * (CHANGE));               \
		QUAD_STORE(OUT, N, I, from);                                                       \
	} while (0)

/* x[k] are weighed changes, added up and divided by the sum of all weights. */
static FC_SIMD_BODY void add_all_body(double *restrict out, const double *restrict base,
    double *const *x, double divisor, double lambda, int n_target, size_t n)
{
	for (size_t i = 0; i < n; i += QUAD) {
		quad_double change, sum = {0};
		for (int k = 0; k < n_target; k++) {
			QUAD_LOAD(change, x[k] + i);
			sum += change;
		}
		if (divisor != 1)
			sum /= divisor;
		STORE_CHANGED(out, n, i, base, lambda, sum);
	}
}
FC_SIMD_KERNEL(static void, add_all,
    (double *out, const double *base, double *const *x, double divisor, double lambda, int n_target,
	size_t n),
    (out, base, x, divisor, lambda, n_target, n))

static FC_SIMD_BODY void add_elected_body(double *restrict out, const double *restrict base,
    double *const *x, const double *weight, bool normalize, double lambda, int n_target, size_t n)
{
	for (size_t i = 0; i < n; i += QUADS * QUAD) {
		quad_double change, sum[QUADS] = {{0}}, moved[QUADS] = {{0}},
				    divisor[QUADS] = {{0}};
		quad_mask minus[QUADS], along;
		for (int k = 0; k < n_target; k++) {
			EACH_QUAD(q)
			{
				QUAD_LOAD(change, x[k] + i + q * QUAD);
				sum[q] += change;
			}
		}
		EACH_QUAD(q)
		minus[q] = QUAD_MINUS(sum[q]);
		for (int k = 0; k < n_target; k++) {
			EACH_QUAD(q)
			{
				QUAD_LOAD(change, x[k] + i + q * QUAD);
				along = QUAD_ALONG(change, minus[q]);
				moved[q] += QUAD_WHERE(along, QUAD_OF(1)) * change; /* NaN stays */
				divisor[q] += QUAD_WHERE(along, QUAD_OF(weight[k]));
			}
		}
		EACH_QUAD(q)
		{
			if (normalize)
				moved[q] /= QUAD_SELECT(divisor[q] == 0, QUAD_OF(1), divisor[q]);
			STORE_CHANGED(out, n, i + q * QUAD, base, lambda, moved[q]);
		}
	}
}
#if defined(__x86_64__)
FC_SIMD_AVX512 static void add_elected_avx512(double *out, const double *base, double *const *x,
    const double *weight, bool normalize, double lambda, int n_target, size_t n)
{
	const __m512d zero = _mm512_setzero_pd(), one = _mm512_set1_pd(1);
	const __m512d sign = _mm512_set1_pd(-0.0);
	for (size_t i = 0; i < n; i += 8) {
		__m512d sum = zero, moved = zero, divisor = zero, from, minus;
		for (int k = 0; k < n_target; k++)
			sum = _mm512_add_pd(sum, _mm512_loadu_pd(x[k] + i));
		minus = _mm512_maskz_mov_pd(_mm512_cmp_pd_mask(sum, zero, _CMP_NGE_UQ), sign);
		for (int k = 0; k < n_target; k++) {
			__m512d change = _mm512_loadu_pd(x[k] + i);
			__mmask8 along =
			    _mm512_cmp_pd_mask(_mm512_xor_pd(change, minus), zero, _CMP_GT_OQ);
			/* 1 or 0 times it is exact */
			moved = _mm512_fmadd_pd(_mm512_maskz_mov_pd(along, one), change, moved);
			divisor =
			    _mm512_mask_add_pd(divisor, along, divisor, _mm512_set1_pd(weight[k]));
		}
		if (normalize)
			moved = _mm512_div_pd(moved,
			    _mm512_mask_mov_pd(
				divisor, _mm512_cmp_pd_mask(divisor, zero, _CMP_EQ_OQ), one));
		from = _mm512_loadu_pd(base + i);
		from = _mm512_mask_add_pd(from, _mm512_cmp_pd_mask(moved, zero, _CMP_NEQ_UQ), from,
		    _mm512_mul_pd(_mm512_set1_pd(lambda), moved));
		_mm512_mask_storeu_pd(
		    out + i, (__mmask8)(n - i < 8 ? (1u << (n - i)) - 1 : 0xff), from);
	}
}
#endif
FC_SIMD_KERNEL_BUT_AVX512(static void, add_elected,
    (double *out, const double *base, double *const *x, const double *weight, bool normalize,
	double lambda, int n_target, size_t n),
    (out, base, x, weight, normalize, lambda, n_target, n))

static FC_SIMD_BODY void weigh_body(
    double *restrict x, const double *restrict factor, double weight, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] *= factor[i] * weight;
}
FC_SIMD_KERNEL(static void, weigh, (double *x, const double *factor, double weight, size_t n),
    (x, factor, weight, n))

/* The changes of target k, thinned out and weighed, in u->x[k]. */
static void read_weighed(struct unit *u, const struct measured *r, int k)
{
	const struct sparsifier *sparse = u->v->method->sparse;
	const uint8_t *bits = sparse && sparse->kept_bits ? sparse->kept_bits(u, r, k) : NULL;
	double factor[BLOCK_ELEMENTS];
	if (bits) {
		varm_stream_kept_weighed(&u->v->target[k], u->first, u->n, u->base, bits,
		    (r->number ? r->number[k] : 1) * r->weight[k], u->x[k], &u->n_bad);
		return;
	}
	varm_stream_changes(&u->v->target[k], u->first, u->n, u->base, u->x[k], &u->n_bad);
	if (sparse && sparse->weigh) {
		sparse->weigh(u, r, k, r->weight[k], u->x[k]);
		return;
	}
	for (size_t i = 0; i < u->n && !sparse; i++)
		factor[i] = 1;
	if (sparse)
		sparse->keep(u, r, k, u->x[k], factor);
	weigh(u->x[k], factor, r->weight[k], u->n);
}

static void apply(struct unit *u, const struct measured *r, double *out)
{
	const struct settings *s = u->v->set;
	int K = u->v->n_target;
	double divisor = 0;
	for (int k = 0; k < K; k++) {
		read_weighed(u, r, k);
		divisor += r->weight[k];
	}
	if (u->v->method->elect)
		add_elected(out, u->base, u->x, r->weight, s->normalize, s->lambda, K, u->n);
	else
		add_all(out, u->base, u->x, s->normalize && fabs(divisor) >= 1e-8 ? divisor : 1,
		    s->lambda, K, u->n);
}

/* DELLA's probabilities go from density - epsilon to density + epsilon. */
static int check_ranked(const struct target_params *t, struct fc_err *e)
{
	double low = t->density - t->epsilon, high = t->density + t->epsilon;
	if (t->density <= 0 || t->density >= 1 || (low > 0 && high < 1))
		return 0;
	return fc_fail(e,
	    "density %g with epsilon %g: their sum and difference must be between 0 and 1",
	    t->density, t->epsilon);
}

#define TASK                                                                                       \
	.least = 1, .base = BASE_NEEDED, .streams = true, .drops = true, .measure = measure,       \
	.prepare = prepare, .apply = apply
#define IDLE .idle = true
#define YES .has_usual = true, .usual = true

VARM_METHOD(task_arithmetic) = {.name = "task_arithmetic",
    .help = "the weighted sum of the changes",
    .takes = VARM_TAKES({.parameter = &varm_weight}, {.parameter = &param_density, IDLE},
	{.parameter = &varm_normalize}, {.parameter = &param_rescale, IDLE},
	{.parameter = &param_lambda}),
    TASK};

VARM_METHOD(ties) = {.name = "ties",
    .help = "the largest changes, where they agree in sign",
    .takes = VARM_TAKES({.parameter = &varm_weight}, {.parameter = &param_density},
	{.parameter = &varm_normalize, YES}, {.parameter = &param_rescale},
	{.parameter = &param_lambda}),
    .sparse = &varm_sparse_magnitude,
    .elect = true,
    TASK};

static const struct take breadcrumbs_takes[] = {{.parameter = &varm_weight},
    {.parameter = &param_density}, {.parameter = &param_gamma}, {.parameter = &varm_normalize},
    {.parameter = &param_rescale}, {.parameter = &param_lambda}, {.parameter = NULL}};
VARM_METHOD(breadcrumbs) = {.name = "breadcrumbs",
    .help = "large changes without the very largest",
    .takes = breadcrumbs_takes,
    .sparse = &varm_sparse_outliers,
    TASK};
VARM_METHOD(breadcrumbs_ties) = {.name = "breadcrumbs_ties",
    .help = "breadcrumbs, where they agree in sign",
    .takes = breadcrumbs_takes,
    .sparse = &varm_sparse_outliers,
    .elect = true,
    TASK};

#define DARE .takes = dare_takes, .draws = true, TASK
static const struct take dare_takes[] = {{.parameter = &varm_weight}, {.parameter = &param_density},
    {.parameter = &varm_normalize}, {.parameter = &param_rescale, YES},
    {.parameter = &param_lambda}, {.parameter = NULL}};
VARM_METHOD(dare_linear) = {
    .name = "dare_linear", .help = "changes drawn at random", .sparse = &varm_sparse_random, DARE};
VARM_METHOD(dare_linear_paper) = {.name = "dare_linear-paper",
    .help = "changes drawn at random, scaled as in the paper",
    .sparse = &varm_sparse_random_paper,
    DARE};
VARM_METHOD(dare_ties) = {.name = "dare_ties",
    .help = "changes drawn at random, where they agree in sign",
    .sparse = &varm_sparse_random,
    .elect = true,
    DARE};
VARM_METHOD(dare_ties_paper) = {.name = "dare_ties-paper",
    .help = "dare_ties, scaled as in the paper",
    .sparse = &varm_sparse_random_paper,
    .elect = true,
    DARE};

#define DELLA .check = check_ranked, .draws = true, .whole_rows = true, TASK
static const struct take della_takes[] = {{.parameter = &varm_weight},
    {.parameter = &param_density}, {.parameter = &param_epsilon},
    {.parameter = &varm_normalize, YES}, {.parameter = &param_rescale, YES},
    {.parameter = &param_lambda}, {.parameter = NULL}};
static const struct take della_linear_takes[] = {{.parameter = &varm_weight},
    {.parameter = &param_density}, {.parameter = &param_epsilon}, {.parameter = &varm_normalize},
    {.parameter = &param_rescale, YES}, {.parameter = &param_lambda}, {.parameter = NULL}};
VARM_METHOD(della) = {.name = "della",
    .help = "changes drawn by their rank, where they agree in sign",
    .takes = della_takes,
    .sparse = &varm_sparse_rank,
    .elect = true,
    DELLA};
VARM_METHOD(della_paper) = {.name = "della-paper",
    .help = "della, scaled as in the paper",
    .takes = della_takes,
    .sparse = &varm_sparse_rank_paper,
    .elect = true,
    DELLA};
VARM_METHOD(della_linear) = {.name = "della_linear",
    .help = "changes drawn by their rank",
    .takes = della_linear_takes,
    .sparse = &varm_sparse_rank,
    DELLA};
VARM_METHOD(della_linear_paper) = {.name = "della_linear-paper",
    .help = "della_linear, scaled as in the paper",
    .takes = della_linear_takes,
    .sparse = &varm_sparse_rank_paper,
    DELLA};
