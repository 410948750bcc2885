/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Model stock (Jang et al. 2024): the point between the pivot and the targets' mean that is closest
 * to the centre the targets are drawn around.  With N targets and the mean cosine c of all pairs of
 * changes, t = N c / (1 + (N - 1) c), and the result is base + t mean_k(d_k); of the whole tensor
 * or of each row.
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fc-varm/method/inner_products.h"
#include "fc-varm/method/rows.h"

/* Each target's coefficient, from the inner products of the changes.  Where N c is near N - 1
 * below 0 there is no such point, and nothing is changed. */
static double share_of_target(const double *g, int n)
{
	double sum = 0;
	for (int i = 0; i < n; i++) {
		for (int j = 0; j < i; j++) {
			double norms = sqrt(g[i * n + i]) * sqrt(g[j * n + j]);
			double cosine = g[i * n + j] / fmax(norms, 1e-6);
			sum += fmax(-1, fmin(1, cosine));
		}
	}
	double mean = sum / (n * (n - 1) / 2), below = 1 + (n - 1) * mean;
	return fabs(below) < 1e-6 ? 0 : mean / below;
}

static const struct parameter param_filter_wise = VARM_PARAMETER(
    TRUTH, "filter_wise", VARM_SHARED(filter_wise), 0, 0, 1, NULL, "a weight for each row");

static int measure(const struct views *v, struct measured *r, struct fc_err *e)
{
	(void)e;
	for (int k = 0; k < v->n_target; k++)
		r->weight[k] = share_of_target(r->products, v->n_target);
	return 0;
}

static int prepare(struct unit *u, const struct measured *r, struct fc_err *e)
{
	int n = u->v->n_target;
	(void)r;
	(void)e;
	if (!u->v->set->filter_wise)
		return 0;
	size_t n_row = rows_of_unit(u);
	double *coef = FC_ARRAY(double, n_row *(size_t)n);
	double *g = FC_ARRAY(double, (size_t)n *(size_t)n);
	for (size_t y = 0; y < n_row; y++) {
		varm_rows_inner_products(u, y, g);
		for (int k = 0; k < n; k++)
			coef[y * (size_t)n + (size_t)k] = share_of_target(g, n);
	}
	free(g);
	u->own = coef;
	return 0;
}

static void apply(struct unit *u, const struct measured *r, double *out)
{
	if (u->own)
		varm_rows_blend(u, u->own, out);
	else
		varm_blend_changes(u, r, out);
}

VARM_METHOD(model_stock) = {.name = "model_stock",
    .help = "towards the targets' mean, as far as they agree",
    .takes = VARM_TAKES({.parameter = &param_filter_wise}),
    .least = 2,
    .base = BASE_NEEDED,
    .products = PRODUCTS_OF_CHANGES,
    .streams = true,
    .whole_rows = true,
    .measure = measure,
    .prepare = prepare,
    .apply = apply};
