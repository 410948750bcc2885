/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/kernels.h"
#include "nn/cuda/weight.h"

/* One block a row; sums of squares are doubles, so that a row's width costs no bits. */
enum { NORM_BLOCK = fc_lanes(256), NORM_COLUMNS = fc_lanes(128) };

/* sum f(i), i < n, in every lane of the block; has the barriers sync and sync + 1. */
template <class F>
__device__ static inline double row_sum(size_t n, double *s, int sync, F f)
{
	double sum = 0;
	for (size_t i = threadIdx.x; i < n; i += blockDim.x)
		sum += f(i);
	return block_sum(sum, s, sync);
}

__device__ static inline double inverse_rms(
    const float *x, size_t C, float eps, double *s, int sync)
{
	const double sum =
	    row_sum(C, s, sync, [=](size_t i) { return (double)x[i] * (double)x[i]; });
	return 1 / sqrt(sum / (double)C + (double)eps);
}

/* narrow: y as products read it, or NULL */
__global__ void rmsnorm_fwd_k(float *y, uint16_t *narrow, const float *x, const float *w, size_t N,
    size_t C, float eps, float one)
{
	SHARED(double, s, FC_WARP);
	for (size_t n = blockIdx.x; n < N; n += gridDim.x) {
		const float r = (float)inverse_rms(x + n * C, C, eps, s, 1);
		for (size_t i = threadIdx.x; i < C; i += blockDim.x) {
			const float v = x[n * C + i] * r * (w[i] + one);
			y[n * C + i] = v;
			if (narrow)
				narrow[n * C + i] = bf16_of_float(v);
		}
	}
}

/* With r = 1/rms and g = dy * (w + one):  dx += r g - x r^3 mean(g x) */
__global__ void rmsnorm_bwd_x_k(float *dx, float *inv /* [N] r, or NULL */, const float *dy,
    const float *x, const float *w, size_t N, size_t C, float eps, float one)
{
	SHARED(double, s, FC_WARP);
	for (size_t n = blockIdx.x; n < N; n += gridDim.x) {
		const float *xn = x + n * C, *dyn = dy + n * C;
		const float r = (float)inverse_rms(xn, C, eps, s, 1);
		const double dot = row_sum(C, s, 3,
		    [=](size_t i) { return (double)(dyn[i] * (w[i] + one)) * (double)xn[i]; });
		const float m = (float)(dot / (double)C) * r * r * r;
		for (size_t i = threadIdx.x; i < C; i += blockDim.x)
			dx[n * C + i] += dyn[i] * (w[i] + one) * r - xn[i] * m;
		if (inv && threadIdx.x == 0)
			inv[n] = r;
	}
}

/* A lane a column: part[p, i] = sum over the p-th part of the rows of dy x r. */
__global__ void rmsnorm_bwd_w_k(double *part, const float *dy, const float *x, const float *inv,
    size_t N, size_t C, size_t n_part)
{
	const size_t i = lane_index(), p = blockIdx.y;
	if (i >= C)
		return;
	double sum = 0;
	for (size_t n = N * p / n_part; n < N * (p + 1) / n_part; n++)
		sum += (double)(dy[n * C + i] * x[n * C + i] * inv[n]);
	part[p * C + i] = sum;
}

__global__ void layernorm_fwd_k(float *y, uint16_t *narrow, const float *x, const float *w,
    const float *bias, size_t N, size_t C, float eps)
{
	SHARED(double, s, FC_WARP);
	for (size_t n = blockIdx.x; n < N; n += gridDim.x) {
		const float *xn = x + n * C;
		const double mean =
		    row_sum(C, s, 1, [=](size_t i) { return (double)xn[i]; }) / (double)C;
		const double variance = row_sum(C, s, 3, [=](size_t i) {
			return ((double)xn[i] - mean) * ((double)xn[i] - mean);
		}) / (double)C;
		const float r = (float)(1 / sqrt(variance + (double)eps));
		for (size_t i = threadIdx.x; i < C; i += blockDim.x) {
			const float v =
			    (float)((double)xn[i] - mean) * r * w[i] + (bias ? bias[i] : 0);
			y[n * C + i] = v;
			if (narrow)
				narrow[n * C + i] = bf16_of_float(v);
		}
	}
}

/* With h = (x - mean) r and g = dy * w:  dx += r (g - mean(g) - h mean(g h)) */
__global__ void layernorm_bwd_x_k(float *dx, double *means /* [N] */, double *inv /* [N] r */,
    const float *dy, const float *x, const float *w, size_t N, size_t C, float eps)
{
	SHARED(double, s, FC_WARP);
	for (size_t n = blockIdx.x; n < N; n += gridDim.x) {
		const float *xn = x + n * C, *dyn = dy + n * C;
		const double mean =
		    row_sum(C, s, 1, [=](size_t i) { return (double)xn[i]; }) / (double)C;
		const double variance = row_sum(C, s, 3, [=](size_t i) {
			return ((double)xn[i] - mean) * ((double)xn[i] - mean);
		}) / (double)C;
		const double sum =
		    row_sum(C, s, 5, [=](size_t i) { return (double)dyn[i] * (double)w[i]; });
		const double dot = row_sum(C, s, 7, [=](size_t i) {
			return (double)dyn[i] * (double)w[i] * ((double)xn[i] - mean);
		});
		const double r = 1 / sqrt(variance + (double)eps);
		for (size_t i = threadIdx.x; i < C; i += blockDim.x)
			dx[n * C + i] += (float)(r *
			    ((double)dyn[i] * (double)w[i] - sum / (double)C -
				((double)xn[i] - mean) * r * r * dot / (double)C));
		if (threadIdx.x == 0) {
			means[n] = mean;
			inv[n] = r;
		}
	}
}

/* A lane a column: part[p, i] = sum over the p-th part of the rows of dy h. */
__global__ void layernorm_bwd_w_k(double *part, const float *dy, const float *x,
    const double *means, const double *inv, size_t N, size_t C, size_t n_part)
{
	const size_t i = lane_index(), p = blockIdx.y;
	if (i >= C)
		return;
	double sum = 0;
	for (size_t n = N * p / n_part; n < N * (p + 1) / n_part; n++)
		sum += (double)dy[n * C + i] * ((double)x[n * C + i] - means[n]) * inv[n];
	part[p * C + i] = sum;
}

void fc_cuda_rmsnorm_fwd(struct fc_nn *nn, float *y, const float *x, const float *w, size_t N,
    size_t C, float eps, bool plus_one)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	uint16_t *narrow = fc_cuda_rounded_begin(cu, N, C);
	KLAUNCH(cu, rmsnorm_fwd_k, fc_row_blocks(N), NORM_BLOCK, 0, y, narrow, x, w, N, C, eps,
	    plus_one ? 1.0f : 0.0f);
	fc_cuda_rounded_end(cu, narrow, y, N, C);
}

void fc_cuda_rmsnorm_bwd(struct fc_nn *nn, float *dx, float *dw, const float *dy, const float *x,
    const float *w, size_t N, size_t C, float eps, bool plus_one)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	const size_t n_part = fc_cuda_min(N, FC_CUDA_PARTS_MOST);
	double *part = NULL;
	float *inv = NULL;
	if (dw) {
		part = static_cast<double *>(fc_cuda_scratch(
		    cu, FC_CUDA_SUMS, n_part * C * sizeof *part + N * sizeof *inv, 1));
		inv = reinterpret_cast<float *>(part + n_part * C);
	}
	if (cu->failed)
		return;
	KLAUNCH(cu, rmsnorm_bwd_x_k, fc_row_blocks(N), NORM_BLOCK, 0, dx, inv, dy, x, w, N, C, eps,
	    plus_one ? 1.0f : 0.0f);
	if (!dw)
		return;
	KLAUNCH(cu, rmsnorm_bwd_w_k,
	    dim3((unsigned)fc_cuda_ceil(C, NORM_COLUMNS), (unsigned)n_part), NORM_COLUMNS, 0, part,
	    dy, x, inv, N, C, n_part);
	fc_cuda_add_parts(cu, dw, part, n_part, C);
}

void fc_cuda_layernorm_fwd(struct fc_nn *nn, float *y, const float *x, const float *w,
    const float *bias, size_t N, size_t C, float eps)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	uint16_t *narrow = fc_cuda_rounded_begin(cu, N, C);
	KLAUNCH(
	    cu, layernorm_fwd_k, fc_row_blocks(N), NORM_BLOCK, 0, y, narrow, x, w, bias, N, C, eps);
	fc_cuda_rounded_end(cu, narrow, y, N, C);
}

void fc_cuda_layernorm_bwd(struct fc_nn *nn, float *dx, float *dw, float *dbias, const float *dy,
    const float *x, const float *w, size_t N, size_t C, float eps)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	const size_t n_part = fc_cuda_min(N, FC_CUDA_PARTS_MOST);
	double *part = static_cast<double *>(
	    fc_cuda_scratch(cu, FC_CUDA_SUMS, n_part * C + 2 * N, sizeof *part));
	double *means = part + n_part * C, *inv = means + N;
	if (!part)
		return;
	KLAUNCH(cu, layernorm_bwd_x_k, fc_row_blocks(N), NORM_BLOCK, 0, dx, means, inv, dy, x, w, N,
	    C, eps);
	if (dw) {
		KLAUNCH(cu, layernorm_bwd_w_k,
		    dim3((unsigned)fc_cuda_ceil(C, NORM_COLUMNS), (unsigned)n_part), NORM_COLUMNS,
		    0, part, dy, x, means, inv, N, C, n_part);
		fc_cuda_add_parts(cu, dw, part, n_part, C);
	}
	if (dbias)
		fc_cuda_bias_bwd(nn, dbias, dy, N, C);
}
