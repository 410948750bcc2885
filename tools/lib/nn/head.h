/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_HEAD_H
#define FC_NN_HEAD_H

#include "nn/nn.h"

/* Rows of x whose logits are held at a time. */
size_t fc_head_tile_rows(const struct fc_head *h, size_t N);
/* logits [N,V'] with the cap applied. */
void fc_head_tile(
    struct fc_nn *nn, const struct fc_head *h, const float *x, size_t N, float *logits);
/* log(sum(exp(z))); -inf where all are. */
double fc_head_lse(const float *z /* [n] */, size_t n);

#endif
