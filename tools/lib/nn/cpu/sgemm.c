/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/sgemm.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>

void fc_sgemm_init(void)
{
	/* The OpenMP build looks whether it runs inside of a parallel region.  To tell it a number
	 * of threads would change that of the whole program. */
	if (openblas_get_parallel() != OPENBLAS_OPENMP)
		openblas_set_num_threads(1);
}

const char *fc_sgemm_core(void)
{
	return openblas_get_corename();
}

void fc_sgemm(enum fc_sgemm form, size_t M, size_t N, size_t K, const float *a, size_t lda,
    const float *b, size_t ldb, float beta, float *c, size_t ldc)
{
	assert(M <= INT_MAX && N <= INT_MAX && K <= INT_MAX);
	assert(lda <= INT_MAX && ldb <= INT_MAX && ldc <= INT_MAX);
	cblas_sgemm(CblasRowMajor, form == FC_TN ? CblasTrans : CblasNoTrans,
	    form == FC_NT ? CblasTrans : CblasNoTrans, (blasint)M, (blasint)N, (blasint)K, 1, a,
	    (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
}
