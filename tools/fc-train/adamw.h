/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_ADAMW_H
#define FC_TRAIN_ADAMW_H

#include "fc-train/shares.h"

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
	uint64_t t;              /* updates done */
	struct fc_nn *nn, *home; /* where gradients are; weights and moments, see fc_nn_home() */
	struct train_own *own;   /* [n_param] what of each is updated here */
	float **m, **v;          /* [n_param][own.n] first and second moments */
	float *const *g;         /* [n_param][own.n] gradients, set by who has them */
	size_t n_param;
};

/* Of a rank's share.  Moments start at zero. */
void train_adamw_init(struct train_adamw *a, struct fc_nn *nn, const struct train_adamw_opts *opts,
    size_t n_param, const struct train_shares *shares, size_t rank);
void train_adamw_release(struct train_adamw *a);

/* Sums of squares of the gradient's own blocks. */
void train_adamw_squares(const struct train_adamw *a, double *sum);
/* One update with the gradients times grad_scale. */
void train_adamw_update(struct train_adamw *a, struct fc_param *p, double lr, double grad_scale);

#endif
