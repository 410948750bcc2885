/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCE as FuseChat ships it.  Select: the entries in which the targets' changes d_k vary most.
 * Calculate: w_k is the mean of d_k^2 over them, divided by the sum.  Erase: at each entry only
 * changes with the sign of sum_k d_k count.  The merged value is base + sum w_k d_k / sum w_k over
 * those.  The selection decides the weights alone: also entries outside it are merged.
 */
#include "cut.h"
#include "method.h"

struct selection {
	struct cut cut;
	bool all;
};

static int visit_selected(struct unit *u, void *ctx, struct fc_err *e)
{
	const struct selection *s = ctx;
	(void)e;
	while (unit_next(u)) {
		for (size_t i = 0; i < u->n; i++) {
			if (!s->all && !cut_passes(&s->cut, cut_key(u, i), u->first + i))
				continue;
			for (int k = 0; k < u->v->n_target; k++) {
				double d = u->x[k][i] - u->base[i];
				u->lanes[(size_t)k * LANES + i % LANES] += d * d;
			}
		}
	}
	return 0;
}

static int measure(
    const struct views *v, const struct settings *s, double *importance, struct fc_err *e)
{
	struct selection sel = {.all = s->select_topk >= 1};
	size_t n = v->n;
	if (!sel.all && cut_find(&sel.cut, v, s->select_topk, &n, e) < 0)
		return -1;
	if (sweep(v, visit_selected, &sel, importance, v->n_target, e) < 0)
		return -1;
	for (int k = 0; k < v->n_target && n; k++)
		importance[k] /= (double)n;
	return 0;
}

/* n entries, few enough that the sums stay in the first cache */
static void merge_strip(const double *base, double *const *x, size_t at, size_t n,
    const double *weight, int n_target, double *out)
{
	double sum[128], moved[128], weights[128];
	for (size_t i = 0; i < n; i++)
		sum[i] = moved[i] = weights[i] = 0;
	for (int k = 0; k < n_target; k++)
		for (size_t i = 0; i < n; i++)
			sum[i] += x[k][at + i] - base[i];
	for (int k = 0; k < n_target; k++) {
		for (size_t i = 0; i < n; i++) {
			double d = x[k][at + i] - base[i];
			double w = (sum[i] >= 0 ? d > 0 : d < 0) ? weight[k] : 0;
			moved[i] += w * d;
			weights[i] += w;
		}
	}
	for (size_t i = 0; i < n; i++)
		out[i] = moved[i] == 0 ? base[i] : base[i] + moved[i] / weights[i];
}

static void apply(const struct unit *u, const double *weight, double *out)
{
	for (size_t at = 0; at < u->n; at += 128) {
		size_t n = u->n - at < 128 ? u->n - at : 128;
		merge_strip(u->base + at, u->x, at, n, weight, u->v->n_target, out + at);
	}
}

const struct method method_sce = {"sce", measure, apply, .convex = false};
