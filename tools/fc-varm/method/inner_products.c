/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/inner_products.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-varm/method/stream_in.h"
#include "fc-varm/method/sums.h"
#include "tensor/simd.h"

struct sums_wanted {
	bool changes;
	int n;
};

static int visit(struct unit *u, void *ctx, struct fc_err *e)
{
	const struct sums_wanted *p = ctx;
	(void)e;
	while (varm_unit_next(u)) {
		double *lane = u->lanes;
		for (int k = 0; k < u->v->n_target && p->changes; k++)
			varm_sums_subtract(u->x[k], u->base, u->n);
		for (int i = 0; i < p->n; i++) {
			const double *x = i < u->v->n_target ? u->x[i] : u->base;
			for (int j = 0; j <= i; j++, lane += LANES)
				varm_sums_products(
				    lane, x, j < u->v->n_target ? u->x[j] : u->base, u->n);
		}
	}
	return 0;
}

int varm_inner_products(const struct views *v, bool changes, double **g, int *n, struct fc_err *e)
{
	struct sums_wanted p = {changes, v->n_target + (v->base && !changes)};
	size_t n_pair = (size_t)p.n * ((size_t)p.n + 1) / 2;
	double *sum = FC_ARRAY(double, n_pair), *at = sum;
	int ret = varm_pass(v, visit, &p, sum, (int)n_pair, e);
	*n = p.n;
	*g = FC_ARRAY(double, (size_t)p.n *(size_t)p.n);
	for (int i = 0; i < p.n; i++)
		for (int j = 0; j <= i; j++)
			(*g)[i * p.n + j] = (*g)[j * p.n + i] = *at++;
	free(sum);
	return ret;
}

void varm_blend_values(struct unit *u, const struct measured *r, double *out)
{
	double spare[BLOCK_ELEMENTS], of_base = r->base_weight;
	for (size_t i = 0; i < u->n; i++)
		out[i] = -0.0; /* + x is x, also for x = -0 */
	for (size_t i = 0; i < u->n && of_base != 0; i++)
		out[i] = of_base * u->base[i];
	for (int k = 0; k < u->v->n_target; k++)
		varm_stream_add(&u->v->target[k], u->first, u->n, NULL, r->weight[k], out, spare);
}

/* An entry nobody moved keeps its bits, also those of -0. */
static FC_SIMD_BODY void put_on_base_body(
    double *restrict out, const double *restrict base, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = out[i] == 0 ? base[i] : base[i] + out[i];
}
FC_SIMD_KERNEL(
    static void, put_on_base, (double *out, const double *base, size_t n), (out, base, n))

void varm_blend_changes(struct unit *u, const struct measured *r, double *out)
{
	double spare[BLOCK_ELEMENTS];
	memset(out, 0, u->n * sizeof *out);
	for (int k = 0; k < u->v->n_target; k++)
		varm_stream_add(
		    &u->v->target[k], u->first, u->n, u->base, r->weight[k], out, spare);
	put_on_base(out, u->base, u->n);
}
