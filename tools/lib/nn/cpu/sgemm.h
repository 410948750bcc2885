/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_SGEMM_H
#define FC_NN_SGEMM_H

#include <stddef.h>

/*
 * C = A' B' + beta C on one thread, where A' B' is A B (NN), A B^T (NT) or A^T B (TN), C is [M,N]
 * and the inner dimension is K.  ld*: floats from one row to the next.  Call it inside of a
 * parallel region: only there the OpenMP build of the library is sure to stay on one thread.
 * Products of at most 2^18 multiplications it never divides.
 */
enum fc_sgemm { FC_NN, FC_NT, FC_TN };
void fc_sgemm(enum fc_sgemm form, size_t M, size_t N, size_t K, const float *a, size_t lda,
    const float *b, size_t ldb, float beta, float *c, size_t ldc);

/* Once before the first product. */
void fc_sgemm_init(void);

/* The processor that the library has chosen, by its own name: "SkylakeX". */
const char *fc_sgemm_core(void);

#endif
