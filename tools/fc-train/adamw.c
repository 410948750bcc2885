/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/adamw.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

void train_adamw_init(struct train_adamw *a, struct fc_nn *nn, const struct train_adamw_opts *opts,
    size_t n_param, const struct train_shares *shares, size_t rank)
{
	struct fc_nn *home = fc_nn_home(nn);
	*a = (struct train_adamw){.opts = *opts, .nn = nn, .home = home, .n_param = n_param};
	a->own = FC_ARRAY(struct train_own, n_param);
	a->m = FC_ARRAY(float *, n_param);
	a->v = FC_ARRAY(float *, n_param);
	for (size_t i = 0; i < n_param; i++) {
		const size_t n = (a->own[i] = train_shares_own(shares, rank, i)).n;
		if (!n)
			continue;
		a->m[i] = fc_nn_alloc_for(home, FC_USE_MOMENTS, n, sizeof(float));
		a->v[i] = fc_nn_alloc_for(home, FC_USE_MOMENTS, n, sizeof(float));
		fc_nn_zero(home, a->m[i], n * sizeof(float));
		fc_nn_zero(home, a->v[i], n * sizeof(float));
	}
}

void train_adamw_release(struct train_adamw *a)
{
	for (size_t i = 0; i < a->n_param; i++) {
		fc_nn_free(a->home, a->m[i]);
		fc_nn_free(a->home, a->v[i]);
	}
	free(a->own);
	free(a->m);
	free(a->v);
	*a = (struct train_adamw){0};
}

void train_adamw_squares(const struct train_adamw *a, double *sum)
{
	for (size_t i = 0; i < a->n_param; i++) {
		const struct train_own own = a->own[i];
		if (own.n)
			fc_sum_squares(a->nn, a->g[i], own.n, sum);
		sum += (own.n + FC_SUM_BLOCK - 1) / FC_SUM_BLOCK;
	}
}

/* What is this rank's of the i-th parameter, where its weights and moments are: the gradient comes
 * to them, a piece at a time. */
static void update_param(struct train_adamw *a, const struct fc_param *p, struct train_own own,
    size_t i, const struct fc_adamw *c)
{
	float *m = a->m[i], *v = a->v[i];
	if (a->home == a->nn) {
		fc_adamw(a->nn, p->w + own.begin, m, v, a->g[i], own.n, c);
		return;
	}
	float *g = FC_ARRAY(float, own.n < TRAIN_PIECE ? own.n : TRAIN_PIECE);
	for (size_t at = 0, n; at < own.n; at += n) {
		n = own.n - at < TRAIN_PIECE ? own.n - at : TRAIN_PIECE;
		fc_nn_get(a->nn, g, a->g[i] + at, n * sizeof *g);
		fc_adamw(a->home, p->w + own.begin + at, m + at, v + at, g, n, c);
	}
	free(g);
}

void train_adamw_update(struct train_adamw *a, struct fc_param *p, double lr, double grad_scale)
{
	const struct train_adamw_opts *o = &a->opts;
	const double t = (double)++a->t;
	struct fc_adamw c = {
	    .grad_scale = (float)grad_scale,
	    .beta1 = (float)o->beta1,
	    .beta2 = (float)o->beta2,
	    .eps = (float)o->eps,
	};
	/* of the betas that the moments are made with: 1 - 0.999 in float32 is another number,
	 * by 1.3e-5 */
	c.step = (float)(lr / (1 - pow((double)c.beta1, t)));
	c.root_bias = (float)(1 / sqrt(1 - pow((double)c.beta2, t)));
	for (size_t i = 0; i < a->n_param; i++) {
		const struct train_own own = a->own[i];
		c.decay = p[i].decay ? (float)(lr * o->weight_decay) : 0;
		if (own.n)
			update_param(a, &p[i], own, i, &c);
	}
}
