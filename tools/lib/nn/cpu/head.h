/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_HEAD_H
#define FC_NN_HEAD_H

#include "nn/cpu/backend.h"

/* Rows of x whose logits are held at a time, at most N. */
size_t fc_head_tile_rows(const struct fc_head *h, size_t N);
/* logits [N,V'] with the cap applied. */
void fc_head_tile(
    struct fc_cpu *cpu, const struct fc_head *h, const float *x, size_t N, float *logits);

/*
 * The largest logit of each of a row's groups (fc_kern's group_max) makes finding the top-k cheap.
 * The log-sum-exp is kept in two parts, since next to a huge logit the second one would vanish:
 * log p = (z - max) - log_sum.
 */
struct fc_head_norm {
	float max;
	double sum, log_sum; /* of exp(z - max) */
};
struct fc_head_norm fc_head_norm_row(const struct fc_kern *k, const float *z, size_t n_vocab,
    float *group_max /* [fc_kern_n_group(n_vocab)] */);

static inline double fc_head_logprob(const struct fc_head_norm *n, float z)
{
	return (double)(z - n->max) - n->log_sum;
}

/* The least id with the largest logit. */
uint32_t fc_head_best(const float *z, size_t n_vocab, const float *group_max, float max);

#endif
