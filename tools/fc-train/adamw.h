/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_ADAMW_H
#define FC_TRAIN_ADAMW_H

#include "model/params.h"

/*
 * AdamW (Loshchilov, Hutter, arXiv 1711.05101): Adam with the decay applied to the weights and not
 * to the gradient.  Moments and weights are float32.  All of it is elementwise but the norm, whose
 * partial sums are over fixed blocks: the same bytes for any number of threads.
 */
struct train_adamw_opts {
	double beta1, beta2, eps, weight_decay;
};

struct train_adamw {
	struct train_adamw_opts opts;
	uint64_t t; /* updates done */
	struct fc_nn *nn;
	float **m, **v; /* [n_param][param.n] first and second moments, the device's */
	size_t n_param;
};

/* Moments start at zero.  p stays the caller's and must not move. */
void train_adamw_init(struct train_adamw *a, struct fc_nn *nn, const struct train_adamw_opts *opts,
    const struct fc_param *p, size_t n_param);
void train_adamw_release(struct train_adamw *a);

/* Euclidean norm of all gradients; not finite if one of them is not. */
double train_adamw_grad_norm(const struct train_adamw *a, const struct fc_param *p);
/* One update with the gradients times grad_scale. */
void train_adamw_update(struct train_adamw *a, struct fc_param *p, double lr, double grad_scale);

#endif
