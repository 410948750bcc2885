/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_CUDA_BLAS_H
#define FC_NN_CUDA_BLAS_H

#include "nn/cuda/cuda.h"

/*
 * Products of matrices, row-major, by cuBLASLt (blas.cu); in the emulation by the CPU's device
 * (emu_blas.cc).  Operands are of the device's compute type: bfloat16 or float; sums and results
 * are floats.  A product's bits depend on its shape alone.
 *
 *   NT: c[M,N] (+)= a[M,K] b[N,K]^T    NN: c[M,N] (+)= a[M,K] b[K,N]    TN: c[M,N] (+)= a[K,M]^T
 * b[K,N]
 */
enum fc_cuda_form { FC_CUDA_NT, FC_CUDA_NN, FC_CUDA_TN };
struct fc_cuda_product {
	enum fc_cuda_form form;
	size_t M, N, K;
	size_t lda, ldb, ldc; /* of rows, in elements */
	bool accumulate;
};
extern const char *const fc_cuda_blas_name;
/* The compute type of FC_COMPUTE_AUTO. */
enum fc_compute fc_cuda_blas_best(const struct fc_cuda *cu);
int fc_cuda_blas_open(struct fc_cuda *cu, struct fc_err *e);
void fc_cuda_blas_close(struct fc_cuda *cu);
void fc_cuda_product(
    struct fc_cuda *cu, const struct fc_cuda_product *p, const void *a, const void *b, float *c);

#endif
