/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_LINEAR_BF16_H
#define FC_NN_LINEAR_BF16_H

#include "nn/cpu/backend.h"

/*
 * The three products of linear.c with both operands rounded to bfloat16, by cpu->bf16.  Products of
 * few rows are few.h's.
 */
void fc_cpu_bf16_fwd(
    struct fc_cpu *cpu, float *y, const float *x, const struct fc_weight *w, size_t N);
void fc_cpu_bf16_bwd_x(struct fc_cpu *cpu, float *dx, const float *dy, const struct fc_weight *w,
    size_t N, bool accumulate);
void fc_cpu_bf16_bwd_w(
    struct fc_cpu *cpu, float *dw, const float *dy, const float *x, size_t N, size_t O, size_t I);

#endif
