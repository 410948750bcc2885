/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/adamw.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

void train_adamw_init(struct train_adamw *a, struct fc_nn *nn, const struct train_adamw_opts *opts,
    const struct fc_param *p, size_t n_param)
{
	*a = (struct train_adamw){.opts = *opts, .nn = nn, .n_param = n_param};
	a->m = FC_ARRAY(float *, n_param);
	a->v = FC_ARRAY(float *, n_param);
	for (size_t i = 0; i < n_param; i++) {
		a->m[i] = fc_nn_alloc(nn, p[i].n, sizeof(float));
		a->v[i] = fc_nn_alloc(nn, p[i].n, sizeof(float));
		fc_nn_zero(nn, a->m[i], p[i].n * sizeof(float));
		fc_nn_zero(nn, a->v[i], p[i].n * sizeof(float));
	}
}

void train_adamw_release(struct train_adamw *a)
{
	for (size_t i = 0; i < a->n_param; i++) {
		fc_nn_free(a->nn, a->m[i]);
		fc_nn_free(a->nn, a->v[i]);
	}
	free(a->m);
	free(a->v);
	*a = (struct train_adamw){0};
}

static size_t n_block(const struct fc_param *p)
{
	return (p->n + FC_SUM_BLOCK - 1) / FC_SUM_BLOCK;
}

double train_adamw_grad_norm(const struct train_adamw *a, const struct fc_param *p)
{
	size_t most = 0;
	double sum = 0;
	for (size_t i = 0; i < a->n_param; i++)
		most = n_block(&p[i]) > most ? n_block(&p[i]) : most;
	double *part = FC_ARRAY(double, most);
	for (size_t i = 0; i < a->n_param; i++) {
		fc_sum_squares(a->nn, p[i].g, p[i].n, part);
		for (size_t b = 0; b < n_block(&p[i]); b++)
			sum += part[b];
	}
	free(part);
	return sqrt(sum);
}

void train_adamw_update(struct train_adamw *a, struct fc_param *p, double lr, double grad_scale)
{
	const struct train_adamw_opts *o = &a->opts;
	const double t = (double)++a->t;
	struct fc_adamw c = {
	    .grad_scale = (float)grad_scale,
	    .beta1 = (float)o->beta1,
	    .beta2 = (float)o->beta2,
	    .step = (float)(lr / (1 - pow(o->beta1, t))),
	    .root_bias = (float)(1 / sqrt(1 - pow(o->beta2, t))),
	    .eps = (float)o->eps,
	};
	for (size_t i = 0; i < a->n_param; i++) {
		c.decay = p[i].decay ? (float)(lr * o->weight_decay) : 0;
		fc_adamw(a->nn, p[i].w, a->m[i], a->v[i], p[i].g, p[i].n, &c);
	}
}
