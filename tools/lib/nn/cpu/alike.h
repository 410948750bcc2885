/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_ALIKE_H
#define FC_NN_ALIKE_H

#include "nn/cpu/backend.h"

/*
 * y [N,O], rows ldy apart, = x [N,I] w [O,I]^T, where every element of y is one chain of additions
 * over i in order: a row has the same bits alone and among any others, wherever it stands.
 */
void fc_alike_product(struct fc_cpu *cpu, float *y, size_t ldy, const float *x, const float *w,
    size_t N, size_t O, size_t I);

#endif
