/* SPDX-License-Identifier: Apache-2.0 */
#include "model/block_acts.h"

/* The tokens that go to expert e, with their weights.  Returns how many. */
static size_t tokens_of(struct fc_block_acts *a, size_t N, size_t K, uint32_t e)
{
	size_t n = 0;
	for (size_t i = 0; i < N * K; i++)
		if (a->route[i] == e) {
			a->one_row[n] = (uint32_t)(i / K);
			a->one_weight[n++] = a->route_weight[i];
		}
	return n;
}

/* Each expert runs once over all tokens that go to it, in the order of the experts: the order of a
 * token's sum does not depend on its company.  Weights of experts without tokens are not read. */
void fc_block_moe(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l, size_t N,
    struct fc_block_acts *a)
{
	fc_route(nn, &l->router, a->norm2, N, c->n_expert_used, a->route, a->route_weight);
	fc_nn_zero(nn, a->out, N * a->C * sizeof *a->out);
	for (size_t e = 0; e < c->n_expert; e++) {
		const struct fc_expert *x = &l->expert[e];
		const size_t n = tokens_of(a, N, c->n_expert_used, (uint32_t)e);
		if (!n)
			continue;
		fc_gather_rows(nn, a->expert_x, a->norm2, a->one_row, n, a->C);
		fc_linear_fwd(nn, a->gate, a->expert_x, &x->gate, n);
		fc_linear_fwd(nn, a->up, a->expert_x, &x->up, n);
		fc_glu_fwd(nn, a->glu, a->gate, a->up, c->act, n, a->F);
		fc_linear_fwd(nn, a->expert_x, a->glu, &x->down, n);
		fc_scatter_rows(nn, a->out, a->expert_x, a->one_row, a->one_weight, n, a->C);
	}
}
