/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/kernels.h"
#include "nn/cuda/launch.h"

enum { ROUTE_BLOCK = fc_lanes(128) };

/*
 * A token a lane: K times the largest of the logits behind the one chosen last, equal ones in their
 * order; the softmax over them.  A logit that is no number comes last.
 */
__global__ void route_k(
    uint32_t *expert, float *weight, const float *logit, size_t N, size_t E, size_t K)
{
	for (size_t n = lane_index(); n < N; n += lane_count()) {
		const float *z = logit + n * E;
		uint32_t *chosen = expert + n * K;
		double sum = 0;
		for (size_t k = 0; k < K; k++) {
			uint32_t best = UINT32_MAX;
			for (uint32_t e = 0; e < E; e++) {
				const uint32_t last = k ? chosen[k - 1] : 0;
				const bool behind =
				    k == 0 || z[e] < z[last] || (z[e] == z[last] && e > last);
				if (behind && (best == UINT32_MAX || z[e] > z[best]))
					best = e;
			}
			chosen[k] = best == UINT32_MAX ? (uint32_t)k : best;
			sum += exp((double)z[chosen[k]] - (double)z[chosen[0]]);
		}
		for (size_t k = 0; k < K; k++)
			weight[n * K + k] =
			    (float)(exp((double)z[chosen[k]] - (double)z[chosen[0]]) / sum);
	}
}

void fc_cuda_route(struct fc_nn *nn, const struct fc_weight *w, const float *bias, const float *x,
    size_t N, size_t K, uint32_t *expert, float *weight)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	const size_t E = w->n_out;
	float *logit = static_cast<float *>(
	    fc_cuda_scratch(cu, FC_CUDA_ROUTE, N * (E + 2 * K), sizeof *logit));
	if (!logit)
		return;
	float *chosen_weight = logit + N * E;
	uint32_t *chosen = reinterpret_cast<uint32_t *>(chosen_weight + N * K);
	fc_cuda_few_fwd(cu, logit, x, w, N, false);
	if (bias)
		fc_cuda_bias_fwd(nn, logit, bias, N, E);
	KLAUNCH(cu, route_k, fc_element_blocks(N, ROUTE_BLOCK), ROUTE_BLOCK, 0, chosen,
	    chosen_weight, logit, N, E, K);
	fc_cuda_get(nn, expert, chosen, N * K * sizeof *expert);
	fc_cuda_get(nn, weight, chosen_weight, N * K * sizeof *weight);
	for (size_t i = 0; cu->dry && i < N * K; i++)
		expert[i] = (uint32_t)(i % K); /* no token twice at one expert */
}
