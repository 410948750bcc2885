/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task arithmetic (Ilharco et al. 2023) and what builds on it.  The changes d_k = x_k - base are
 * sparsified, weighed and added up: base + lambda sum_k w_k d_k.  With an election of signs (TIES,
 * Yadav et al. 2023) only those w_k d_k count at an entry whose sign is that of their sum, or
 * plus when it is 0.  Normalizing divides by the sum of the w_k that count.
 */
#include <math.h>

#include "fc-varm/method/elected.h"
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
		QUAD_STORE_CHANGED(out, n, i, base, lambda, sum);
	}
}
FC_SIMD_KERNEL(static void, add_all,
    (double *out, const double *base, double *const *x, double divisor, double lambda, int n_target,
	size_t n),
    (out, base, x, divisor, lambda, n_target, n))

static FC_SIMD_BODY void weigh_body(
    double *restrict x, const double *restrict factor, double weight, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] *= factor[i] * weight;
}
FC_SIMD_KERNEL(static void, weigh, (double *x, const double *factor, double weight, size_t n),
    (x, factor, weight, n))

/* What of target k's changes stays is multiplied by. */
static double factor_of_kept(const struct measured *r, int k)
{
	return (r->number ? r->number[k] : 1) * r->weight[k];
}

/* The changes of target k, thinned out and weighed, in u->x[k]. */
static void read_weighed(struct unit *u, const struct measured *r, int k)
{
	const struct sparsifier *sparse = u->v->method->sparse;
	const uint8_t *bits = sparse && sparse->kept_bits ? sparse->kept_bits(u, r, k) : NULL;
	double factor[BLOCK_ELEMENTS];
	if (bits) {
		varm_stream_kept_weighed(&u->v->target[k], u->first, u->n, u->base, bits,
		    factor_of_kept(r, k), u->x[k], &u->n_bad);
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

/* What stays of target k as the election takes it; false where that takes more. */
static bool find_kept(
    const struct unit *u, const struct measured *r, int k, struct elected_values *kept)
{
	const struct sparsifier *sparse = u->v->method->sparse;
	const struct values *x = &u->v->target[k];
	if (!sparse || !varm_values_are_bf16(x))
		return false;
	kept->x = varm_values_bytes(x, u->first);
	kept->factor = factor_of_kept(r, k);
	if (!sparse->kept_bits)
		return sparse->kept_least && sparse->kept_least(u, r, k, &kept->least);
	kept->bits = sparse->kept_bits(u, r, k);
	return kept->bits;
}

/* An election over stored values; false where it takes more. */
static bool elect_values(
    struct unit *u, const struct measured *r, const struct election *by, double *out)
{
	struct elected_values kept[ELECTED_VALUES_MOST];
	if (!varm_elected_can_add_values(by->n_target) || !varm_values_are_bf16(u->v->base))
		return false;
	for (int k = 0; k < by->n_target; k++)
		if (!find_kept(u, r, k, &kept[k]))
			return false;
	for (int k = 0; k < by->n_target && !r->finite; k++)
		u->n_bad += !varm_unit_is_finite(u, k);
	u->n_bad += !varm_unit_is_finite(u, -1);
	varm_elected_add_values(out, by, varm_values_bytes(u->v->base, u->first),
	    u->v->method->sparse->kept_bits ? ELECTED_BITS : ELECTED_LARGE, kept);
	return true;
}

static void apply(struct unit *u, const struct measured *r, double *out)
{
	const struct settings *s = u->v->set;
	int K = u->v->n_target;
	const struct election by = {r->weight, s->normalize, s->lambda, K, u->n};
	double divisor = 0;
	if (u->v->method->elect && elect_values(u, r, &by, out))
		return;
	varm_unit_read_base(u);
	u->n_bad += !varm_unit_is_finite(u, -1);
	for (int k = 0; k < K; k++) {
		read_weighed(u, r, k);
		divisor += r->weight[k];
	}
	if (u->v->method->elect)
		varm_elected_add(out, &by, u->base, u->x);
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
	.least = 1, .base = BASE_NEEDED, .streams = true, .streams_base = true, .drops = true,     \
	.measure = measure, .prepare = prepare, .apply = apply
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
