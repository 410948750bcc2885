/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/head_device.h"

/* A tile's logits take about as much memory as all that goes into the layer (Hsu et al., Liger
 * Kernel, arXiv 2410.10989), within bounds: products of few rows run slowly. */
enum { LEAST_ROWS = 128, MOST_ROWS = 2048, CAP_LANES = fc_lanes(256) };

size_t head_tile_rows(const struct fc_nn *nn, const struct fc_head *h, size_t N)
{
	const size_t want = N * h->w.n_in / h->w.n_out;
	size_t rows = LEAST_ROWS;
	if (nn->alike && rows < FC_CUDA_ALIKE_ROWS)
		rows = FC_CUDA_ALIKE_ROWS;
	while (rows < want && rows < MOST_ROWS)
		rows *= 2;
	return rows < N ? rows : N;
}

__global__ void head_cap_k(float *z, float cap, size_t n)
{
	const float in = 1 / cap;
	for (size_t i = lane_index(); i < n; i += (size_t)gridDim.x * blockDim.x)
		z[i] = cap * tanhf(z[i] * in);
}

void head_tile(struct fc_nn *nn, const struct fc_head *h, const float *x, size_t N, float *logits)
{
	const size_t n = N * h->w.n_out;
	fc_cuda_linear_fwd(nn, logits, x, &h->w, N);
	if (h->softcap > 0)
		KLAUNCH(fc_cuda_of(nn), head_cap_k,
		    dim3((unsigned)fc_cuda_min(fc_cuda_ceil(n, CAP_LANES), 65536)), dim3(CAP_LANES),
		    0, logits, h->softcap, n);
}

/* The result is a host array; N is small. */
void fc_cuda_head_logits(
    struct fc_nn *nn, const struct fc_head *h, const float *x, size_t N, float *logits)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	float *z =
	    static_cast<float *>(fc_cuda_scratch(cu, FC_CUDA_LOGITS, N * h->w.n_out, sizeof *z));
	if (cu->failed)
		return;
	head_tile(nn, h, x, N, z);
	fc_cuda_get(nn, logits, z, N * h->w.n_out * sizeof *z);
}
