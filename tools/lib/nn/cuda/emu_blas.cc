/* SPDX-License-Identifier: Apache-2.0 */
#include <vector>

#include "nn/cuda/blas.h"

extern "C" {
#include "tensor/dtype.h"
}

/* Products by the linear maps of the CPU's device, whose matrices have no gaps between rows. */

const char *const fc_cuda_blas_name = "the CPU";

enum fc_compute fc_cuda_blas_best(const struct fc_cuda *cu)
{
	return cu->cpu->compute;
}

int fc_cuda_blas_open(struct fc_cuda *cu, struct fc_err *e)
{
	if (cu->cpu->compute != cu->nn.compute)
		return fc_fail(e, "device emu: the CPU's device computes in another type");
	return 0;
}

void fc_cuda_blas_close(struct fc_cuda *)
{
}

static std::vector<float> matrix(
    const struct fc_cuda *cu, const void *p, size_t ld, size_t rows, size_t cols)
{
	std::vector<float> m(rows * cols);
	for (size_t r = 0; r < rows; r++)
		for (size_t c = 0; c < cols; c++)
			m[r * cols + c] = cu->nn.compute == FC_COMPUTE_BF16
			    ? fc_bf16_to_f32(static_cast<const uint16_t *>(p)[r * ld + c])
			    : static_cast<const float *>(p)[r * ld + c];
	return m;
}

void fc_cuda_product(
    struct fc_cuda *cu, const struct fc_cuda_product *p, const void *a, const void *b, float *c)
{
	const size_t M = p->M, N = p->N, K = p->K;
	fc_cuda_written(cu, c, p->M * p->ldc);
	if (cu->failed || cu->nn.idle)
		return;
	const bool at = p->form == FC_CUDA_TN, bt = p->form == FC_CUDA_NT;
	const std::vector<float> av = matrix(cu, a, p->lda, at ? K : M, at ? M : K);
	const std::vector<float> bv = matrix(cu, b, p->ldb, bt ? N : K, bt ? K : N);
	std::vector<float> cv(M * N);
	for (size_t m = 0; p->accumulate && m < M; m++)
		for (size_t n = 0; n < N; n++)
			cv[m * N + n] = c[m * p->ldc + n];
	struct fc_nn *cpu = cu->cpu;
	const struct fc_weight w = {bv.data(), FC_F32, bt ? N : K, bt ? K : N};
	if (p->form == FC_CUDA_NT && p->accumulate) {
		std::vector<float> y(M * N);
		cpu->ops->linear_fwd(cpu, y.data(), av.data(), &w, M);
		for (size_t i = 0; i < M * N; i++)
			cv[i] += y[i];
	} else if (p->form == FC_CUDA_NT)
		cpu->ops->linear_fwd(cpu, cv.data(), av.data(), &w, M);
	else if (p->form == FC_CUDA_NN)
		cpu->ops->linear_bwd_x(cpu, cv.data(), av.data(), &w, M, p->accumulate);
	else /* c is all zeros where it is not added to */
		cpu->ops->linear_bwd_w(cpu, cv.data(), av.data(), bv.data(), K, M, N);
	for (size_t m = 0; m < M; m++)
		for (size_t n = 0; n < N; n++)
			c[m * p->ldc + n] = cv[m * N + n];
}
