/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/merge/similarity.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fc-varm/method/sums.h"

/* Sums: the squares of each target, then for each pair the products, how many are not 0, and how
 * many are above 0. */
static int visit(struct unit *u, void *ctx, struct fc_err *e)
{
	(void)ctx;
	(void)e;
	while (varm_unit_next(u)) {
		double *lane = u->lanes;
		int K = u->v->n_target;
		for (int k = 0; k < K; k++)
			varm_sums_subtract(u->x[k], u->base, u->n);
		for (int k = 0; k < K; k++, lane += LANES)
			varm_sums_products(lane, u->x[k], u->x[k], u->n);
		for (int j = 1; j < K; j++) {
			for (int i = 0; i < j; i++, lane += 3 * LANES) {
				varm_sums_products(lane, u->x[i], u->x[j], u->n);
				varm_sums_signs(
				    lane + LANES, lane + 2 * LANES, u->x[i], u->x[j], u->n);
			}
		}
	}
	return 0;
}

int varm_similarity_measure(const struct views *v, struct similarity *l, struct fc_err *e)
{
	int K = v->n_target, n_pair = similarity_pair(K, 0);
	double *sum = FC_ARRAY(double, (size_t)K + 3 * (size_t)n_pair + 1);
	*l = (struct similarity){FC_ARRAY(double, (size_t)K + 1),
	    FC_ARRAY(double, (size_t)n_pair + 1), FC_ARRAY(double, (size_t)n_pair + 1)};
	int ret = varm_pass(v, visit, NULL, sum, K + 3 * n_pair, e);
	for (int k = 0; k < K; k++)
		l->norm[k] = sqrt(sum[k]);
	for (int j = 1; j < K; j++) {
		for (int i = 0; i < j; i++) {
			int pair = similarity_pair(j, i);
			const double *s = sum + K + 3 * pair;
			l->cosine[pair] = s[0] / (l->norm[i] * l->norm[j]);
			l->agreement[pair] = s[2] / s[1];
		}
	}
	free(sum);
	return ret;
}

void varm_similarity_release(struct similarity *l)
{
	free(l->norm);
	free(l->cosine);
	free(l->agreement);
	*l = (struct similarity){NULL, NULL, NULL};
}
