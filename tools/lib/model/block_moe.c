/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "model/block_acts.h"

/* The tokens that go to expert e, with their weights.  Returns how many. */
static size_t tokens_of(struct fc_block_acts *a, size_t N, size_t K, uint32_t e)
{
	size_t n = 0;
	for (size_t i = 0; i < N * K; i++)
		if (a->route[i] == e) {
			a->one_place[n] = (uint32_t)i;
			a->one_row[n] = (uint32_t)(i / K);
			a->one_weight[n++] = a->route_weight[i];
		}
	return n;
}

static void linear(struct fc_nn *nn, float *y, const float *x, const struct fc_weight *w,
    const float *bias, size_t n)
{
	fc_linear_fwd(nn, y, x, w, n);
	if (bias)
		fc_bias_fwd(nn, y, bias, n, w->n_out);
}

/* a->glu of the n tokens in a->expert_x */
static void expert_glu(struct fc_nn *nn, const struct fc_config *c, const struct fc_expert *x,
    size_t n, struct fc_block_acts *a)
{
	fc_gather_rows(nn, a->expert_x, a->norm2, a->one_row, n, a->C);
	linear(nn, a->gate, a->expert_x, &x->gate, x->gate_bias, n);
	linear(nn, a->up, a->expert_x, &x->up, x->up_bias, n);
	fc_glu_fwd(nn, a->glu, a->gate, a->up, c->act, n, c->n_ff);
}

/* Each expert runs once over all tokens that go to it, in the order of the experts: the order of a
 * token's sum does not depend on its company.  Weights of experts without tokens are not read. */
void fc_block_moe(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l, size_t N,
    enum fc_pass pass, struct fc_block_acts *a)
{
	struct fc_router router = c->router;
	router.choice = l->router_choice;
	fc_route(nn, &router, &l->router, l->router_bias, a->norm2, N, c->n_expert_used, a->route,
	    a->route_weight);
	if (pass == FC_PASS_AGAIN)
		return;
	fc_nn_zero(nn, a->out, N * a->C * sizeof *a->out);
	for (size_t e = 0; e < c->n_expert; e++) {
		const struct fc_expert *x = &l->expert[e];
		const size_t n = tokens_of(a, N, c->n_expert_used, (uint32_t)e);
		if (!n)
			continue;
		expert_glu(nn, c, x, n, a);
		linear(nn, a->expert_x, a->glu, &x->down, x->down_bias, n);
		fc_scatter_rows(nn, a->out, a->expert_x, a->one_row, a->one_weight, n, a->C);
	}
}

/* One expert, whose forward pass runs again: its gradients, what it adds to dnorm, and for each of
 * its n tokens the weight times the weight's gradient, which is (weight dy) . (down glu). */
static void expert_bwd(struct fc_nn *nn, const struct fc_config *c, const struct fc_expert *x,
    float *dnorm, const float *dy, size_t n, struct fc_block_acts *a,
    const struct fc_expert_grad *g)
{
	expert_glu(nn, c, x, n, a);
	fc_gather_rows(nn, a->expert_dy, dy, a->one_row, n, a->C);
	fc_nn_zero(nn, a->expert_scaled, n * a->C * sizeof *a->expert_scaled);
	fc_scatter_rows(nn, a->expert_scaled, a->expert_dy, a->row_number, a->one_weight, n, a->C);
	if (g)
		fc_linear_bwd_w(nn, g->down, a->expert_scaled, a->glu, n, a->C, a->F);
	fc_linear_bwd_x(nn, a->expert_dglu, a->expert_scaled, &x->down, n, false);
	fc_dot_rows(nn, a->expert_dglu, a->glu, n, a->F, a->one_dot);
	for (size_t i = 0; i < n; i++)
		a->route_dot[a->one_place[i]] = a->one_dot[i];
	fc_glu_bwd(nn, a->gate, a->up, a->expert_dglu, a->gate, a->up, c->act, n, a->F);
	if (g) {
		fc_linear_bwd_w(nn, g->gate, a->gate, a->expert_x, n, a->F, a->C);
		fc_linear_bwd_w(nn, g->up, a->up, a->expert_x, n, a->F, a->C);
	}
	fc_linear_bwd_x(nn, a->expert_dx, a->gate, &x->gate, n, false);
	fc_linear_bwd_x(nn, a->expert_dx, a->up, &x->up, n, true);
	fc_scatter_rows(nn, dnorm, a->expert_dx, a->one_row, NULL, n, a->C);
}

/* The way back through the router: with weights w, the softmax of the chosen logits, and t = w dw,
 * dlogit = t - w sum t; the choice has no gradient. */
static void router_bwd(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l,
    float *dnorm, size_t N, struct fc_block_acts *a, float *dw)
{
	const size_t K = c->n_expert_used, E = c->n_expert;
	memset(a->host_dlogit, 0, N * E * sizeof *a->host_dlogit);
	for (size_t n = 0; n < N; n++) {
		float sum = 0;
		for (size_t k = n * K; k < (n + 1) * K; k++)
			sum += a->route_dot[k];
		for (size_t k = n * K; k < (n + 1) * K; k++)
			a->host_dlogit[n * E + a->route[k]] =
			    a->route_dot[k] - a->route_weight[k] * sum;
	}
	fc_nn_put(nn, a->dlogit, a->host_dlogit, N * E * sizeof *a->dlogit);
	if (dw)
		fc_linear_bwd_w(nn, dw, a->dlogit, a->norm2, N, E, a->C);
	fc_linear_bwd_x(nn, dnorm, a->dlogit, &l->router, N, true);
}

void fc_block_moe_bwd(struct fc_nn *nn, const struct fc_config *c, const struct fc_layer *l,
    float *dnorm, const float *dy, size_t N, struct fc_block_acts *a, const struct fc_layer_grad *g)
{
	fc_nn_zero(nn, dnorm, N * a->C * sizeof *dnorm);
	for (size_t e = 0; e < c->n_expert; e++) {
		const size_t n = tokens_of(a, N, c->n_expert_used, (uint32_t)e);
		if (n)
			expert_bwd(nn, c, &l->expert[e], dnorm, dy, n, a,
			    g->expert ? &g->expert[e] : NULL); /* NULL: of adapters alone */
	}
	router_bwd(nn, c, l, dnorm, N, a, g->router);
}
