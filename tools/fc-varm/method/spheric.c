/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Methods that see a tensor as one vector and move on spheres.  Each is a combination of the
 * models whose coefficients follow from the inner products, so that one pass over the tensor
 * measures and another merges.
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fc-varm/method/inner_products.h"
#include "fc-varm/method/spheric.h"

static double clamp(double x, double least, double most)
{
	return x < least ? least : x > most ? most : x;
}

struct arc varm_spheric_arc(double cosine, bool parallel, double t)
{
	double angle = acos(cosine);
	if (parallel)
		return (struct arc){1 - t, t};
	return (struct arc){sin((1 - t) * angle) / sin(angle), sin(t * angle) / sin(angle)};
}

/*
 * Spherical interpolation (Shoemake 1985) from the base to the one target.  The angle is that of
 * the directions, the coefficients apply to the vectors as they are; |cos| above 0.9995 counts as
 * parallel, a vector shorter than 1e-8 is not normalised.
 */
static int measure_slerp(const struct views *v, struct measured *r, struct fc_err *e)
{
	const double *g = r->products;
	double x = sqrt(g[0]), b = sqrt(g[3]);
	double cosine = clamp(g[1] / (x > 1e-8 ? x : 1) / (b > 1e-8 ? b : 1), -1, 1);
	struct arc a = varm_spheric_arc(cosine, fabs(cosine) > 0.9995, v->set->t);
	(void)e;
	r->base_weight = a.first;
	r->weight[0] = a.second;
	return 0;
}

static const struct parameter param_t = VARM_PARAMETER(REAL, "t", VARM_SHARED(t), 0.5, -INFINITY,
    INFINITY, "T", "how far from the pivot (0) to the target (1)", .must = PARAMETER_RECIPE_MUST);

VARM_METHOD(slerp) = {.name = "slerp",
    .help = "on the arc from the pivot to one target",
    .takes = VARM_TAKES({.parameter = &param_t}),
    .least = 1,
    .most = 1,
    .base = BASE_NEEDED,
    .products = PRODUCTS_OF_VALUES,
    .streams = true,
    .measure = measure_slerp,
    .apply = varm_blend_values};

/*
 * Barycentre on the sphere, in the tangent space at the weighted mean of the directions.  At that
 * point the weighted tangents add up to 0, so that the result is the mean's direction, with the
 * weighted mean of the lengths; around the base where there is one.
 */
static int measure_multislerp(const struct views *v, struct measured *r, struct fc_err *e)
{
	const double *g = r->products;
	int K = r->n_product;
	double sum = 0, length = 0, square = 0;
	(void)e;
	double *w = FC_ARRAY(double, (size_t)v->n_target + 1);
	for (int k = 0; k < v->n_target; k++)
		sum += v->target_params[k].weight;
	for (int k = 0; k < v->n_target; k++) {
		double norm = sqrt(g[k * K + k]);
		w[k] = v->set->normalize ? v->target_params[k].weight / sum
					 : v->target_params[k].weight;
		r->weight[k] = w[k] / (norm + v->set->eps); /* of the vector, for the mean */
		length += w[k] * norm;
	}
	for (int i = 0; i < v->n_target; i++)
		for (int j = 0; j < v->n_target; j++)
			square += r->weight[i] * r->weight[j] * g[i * K + j];
	double norm = sqrt(square > 0 ? square : 0);
	for (int k = 0; k < v->n_target; k++) {
		if (v->n_target == 1)
			r->weight[k] = 1;
		else if (norm >= v->set->eps)
			r->weight[k] *= length / norm;
		else
			r->weight[k] = w[k]; /* directions that cancel: the plain mean */
	}
	free(w);
	return 0;
}

static void apply_multislerp(struct unit *u, const struct measured *r, double *out)
{
	if (u->v->base)
		varm_blend_changes(u, r, out);
	else
		varm_blend_values(u, r, out);
}

static const struct parameter param_normalize_weights =
    VARM_PARAMETER(TRUTH, "normalize", VARM_SHARED(normalize), true, 0, 1, NULL,
	"divide by the sum of the weights", .mergekit = "normalize_weights");
static const struct parameter param_eps = VARM_PARAMETER(REAL, "eps", VARM_SHARED(eps), 1e-8, 0,
    INFINITY, "E", "directions whose mean is shorter cancel; added to lengths");

VARM_METHOD(multislerp) = {.name = "multislerp",
    .help = "the mean of the directions, on a sphere",
    .takes = VARM_TAKES({.parameter = &varm_weight}, {.parameter = &param_normalize_weights},
	{.parameter = &param_eps}),
    .least = 1,
    .base = BASE_TAKEN,
    .products = PRODUCTS_OF_CHANGES,
    .streams = true,
    .divides = true,
    .copies = COPIES_SOLE_WEIGHT,
    .measure = measure_multislerp,
    .apply = apply_multislerp};

/* <sum_i a_i v_i, sum_j b_j v_j> */
static double product_of_sums(const double *g, int n, const double *a, const double *b)
{
	double sum = 0;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			sum += a[i] * b[j] * g[i * n + j];
	return sum;
}

static double length_of(const double *g, int n, const double *a)
{
	double square = product_of_sums(g, n, a, a);
	return square > 0 ? sqrt(square) : 0;
}

/* One step towards the Karcher mean: mean[n] holds coefficients of the unit vectors with inner
 * products u, alpha their weights.  Returns the length of the step. */
static double karcher_step(const double *u, int n, const double *alpha, double tol, double *mean)
{
	double *tangent = FC_ARRAY(double, 2 * (size_t)n), *one = tangent + n;
	for (int k = 0; k < n; k++) {
		one[k] = 1;
		double dot = clamp(product_of_sums(u, n, mean, one), -1, 1), angle = acos(dot);
		one[k] = 0;
		/* at the same point there is nothing to do, at the opposite one no direction */
		if (alpha[k] == 0 || angle < tol || sin(angle) < 1e-7)
			continue;
		double pull = alpha[k] * angle / sin(angle);
		tangent[k] += pull;
		for (int i = 0; i < n; i++)
			tangent[i] -= pull * dot * mean[i];
	}
	double step = length_of(u, n, tangent);
	for (int i = 0; i < n && step >= tol; i++)
		mean[i] = cos(step) * mean[i] + sin(step) / step * tangent[i];
	double norm = length_of(u, n, mean);
	for (int i = 0; i < n && norm > tol; i++)
		mean[i] /= norm;
	free(tangent);
	return step;
}

/*
 * The Karcher mean of the directions on the unit sphere, every target counting the same, with the
 * mean of the lengths; by gradient steps in the coefficients of the targets.
 */
static void find_karcher_mean(const double *g, int stride, const struct views *v, double *weight)
{
	int n = v->n_target, n_valid = 0, first = -1;
	double tol = v->set->tol, length = 0;
	double *u = FC_ARRAY(double, (size_t)n *(size_t)n), *norm = FC_ARRAY(double, (size_t)n);
	double *alpha = FC_ARRAY(double, (size_t)n);
	for (int k = 0; k < n; k++) {
		norm[k] = sqrt(g[k * stride + k]);
		length += norm[k] / n;
		first = norm[k] > tol && first < 0 ? k : first;
		n_valid += norm[k] > tol;
	}
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			u[i * n + j] = norm[i] > tol && norm[j] > tol
			    ? g[i * stride + j] / norm[i] / norm[j]
			    : 0;
	for (int k = 0; k < n; k++)
		weight[k] = alpha[k] = norm[k] > tol ? 1.0 / n_valid : 0;
	double mean_norm = length_of(u, n, weight);
	for (int k = 0; k < n && n_valid; k++)
		weight[k] = mean_norm < tol ? k == first : weight[k] / mean_norm;
	for (int i = 0; i < v->set->max_iter && n_valid; i++)
		if (karcher_step(u, n, alpha, tol, weight) < tol)
			break;
	for (int k = 0; k < n; k++)
		weight[k] = norm[k] > tol ? weight[k] * length / norm[k] : 0;
	free(u);
	free(norm);
	free(alpha);
}

static int measure_karcher(const struct views *v, struct measured *r, struct fc_err *e)
{
	(void)e;
	if (v->n_target > 1)
		find_karcher_mean(r->products, r->n_product, v, r->weight);
	else
		r->weight[0] = 1;
	return 0;
}

static const struct parameter param_max_iter =
    VARM_PARAMETER(WHOLE, "max_iter", VARM_SHARED(max_iter), 10, 1, 100000, "N", "steps at most");
static const struct parameter param_tol = VARM_PARAMETER(REAL, "tol", VARM_SHARED(tol), 1e-5, 0,
    INFINITY, "E", "angles, steps and lengths below it are 0");

VARM_METHOD(karcher) = {.name = "karcher",
    .help = "the point on a sphere from which the angles cancel",
    .takes = VARM_TAKES({.parameter = &param_max_iter}, {.parameter = &param_tol}),
    .least = 1,
    .products = PRODUCTS_OF_VALUES,
    .streams = true,
    .copies = COPIES_SOLE_WEIGHT,
    .measure = measure_karcher,
    .apply = varm_blend_values};
