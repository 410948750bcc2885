/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_ADAMW_H
#define FC_TRAIN_ADAMW_H

#include "model/params.h"

/*
 * AdamW (Loshchilov, Hutter, arXiv 1711.05101): Adam with the decay applied to the weights and not
 * to the gradient.  Moments and weights are float32.  All of it is elementwise but the norm, whose
 * partial sums are over fixed blocks: the same bytes for any number of threads.
 */
struct fc_adamw_opts {
	double beta1, beta2, eps, weight_decay;
};

struct fc_adamw {
	struct fc_adamw_opts opts;
	uint64_t t;     /* updates done */
	float **m, **v; /* [n_param][param.n] first and second moments */
	size_t n_param;
	struct fc_adamw_block *block;
	size_t n_block;
};

/* Moments start at zero.  p stays the caller's and must not move. */
void fc_adamw_init(
    struct fc_adamw *a, const struct fc_adamw_opts *opts, const struct fc_param *p, size_t n_param);
void fc_adamw_release(struct fc_adamw *a);

/* Euclidean norm of all gradients; not finite if one of them is not. */
double fc_adamw_grad_norm(const struct fc_adamw *a, const struct fc_param *p);
/* One update with the gradients times grad_scale. */
void fc_adamw_update(struct fc_adamw *a, struct fc_param *p, double lr, double grad_scale);

#endif
