/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/kernels.h"

void fc_cuda_route_logits(struct fc_nn *nn, const struct fc_weight *w, const float *bias,
    const float *x, size_t N, float *logit)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	const size_t E = w->n_out;
	float *z = static_cast<float *>(fc_cuda_scratch(cu, FC_CUDA_ROUTE, N * E, sizeof *z));
	if (!z)
		return;
	fc_cuda_few_fwd(cu, z, x, w, N, false);
	if (bias)
		fc_cuda_bias_fwd(nn, z, bias, N, E);
	fc_cuda_get(nn, logit, z, N * E * sizeof *logit);
}
