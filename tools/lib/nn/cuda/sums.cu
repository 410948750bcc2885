/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/kernels.h"
#include "nn/cuda/launch.h"

/*
 * Sums over rows: rows are split into parts by their number alone, a lane sums a column of a part,
 * and a second kernel adds the parts in order.
 */
enum { SUM_BLOCK = fc_lanes(128), SQUARE_BLOCK = fc_lanes(512) };

__global__ void add_parts_k(float *to, const double *part, size_t n_part, size_t C)
{
	const size_t i = lane_index();
	if (i >= C)
		return;
	double sum = 0;
	for (size_t p = 0; p < n_part; p++)
		sum += part[p * C + i];
	to[i] += (float)sum;
}

__global__ void column_parts_k(double *part, const float *x, size_t N, size_t C, size_t n_part)
{
	const size_t i = lane_index(), p = blockIdx.y;
	if (i >= C)
		return;
	double sum = 0;
	for (size_t n = N * p / n_part; n < N * (p + 1) / n_part; n++)
		sum += (double)x[n * C + i];
	part[p * C + i] = sum;
}

__global__ void product_parts_k(
    double *part, const float *a, const float *b, size_t N, size_t C, size_t n_part)
{
	const size_t i = lane_index(), p = blockIdx.y;
	if (i >= C)
		return;
	double sum = 0;
	for (size_t n = N * p / n_part; n < N * (p + 1) / n_part; n++)
		sum += (double)a[n * C + i] * (double)b[n * C + i];
	part[p * C + i] = sum;
}

/* One block of lanes a block of x. */
__global__ void square_sums_k(double *sum, const float *x, size_t n)
{
	SHARED(double, s, FC_WARP);
	const size_t from = (size_t)blockIdx.x * FC_SUM_BLOCK;
	const size_t end = n - from < FC_SUM_BLOCK ? n : from + FC_SUM_BLOCK;
	double part = 0;
	for (size_t i = from + threadIdx.x; i < end; i += blockDim.x)
		part += (double)x[i] * (double)x[i];
	part = block_sum(part, s, 1);
	if (threadIdx.x == 0)
		sum[blockIdx.x] = part;
}

/* One block of lanes a row. */
__global__ void dot_rows_k(float *dot, const float *a, const float *b, size_t n, size_t C)
{
	SHARED(double, s, FC_WARP);
	for (size_t r = blockIdx.x; r < n; r += gridDim.x) {
		double part = 0;
		for (size_t i = threadIdx.x; i < C; i += blockDim.x)
			part += (double)a[r * C + i] * (double)b[r * C + i];
		part = block_sum(part, s, 1);
		if (threadIdx.x == 0)
			dot[r] = (float)part;
	}
}

void fc_cuda_add_parts(struct fc_cuda *cu, float *to, const double *part, size_t n_part, size_t C)
{
	KLAUNCH(cu, add_parts_k, (unsigned)fc_cuda_ceil(C, SUM_BLOCK), SUM_BLOCK, 0, to, part,
	    n_part, C);
}

void fc_cuda_bias_bwd(struct fc_nn *nn, float *dbias, const float *dy, size_t N, size_t O)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	const size_t n_part = fc_cuda_min(N, FC_CUDA_PARTS_MOST);
	double *part =
	    static_cast<double *>(fc_cuda_scratch(cu, FC_CUDA_SUMS, n_part * O, sizeof *part));
	KLAUNCH(cu, column_parts_k, dim3((unsigned)fc_cuda_ceil(O, SUM_BLOCK), (unsigned)n_part),
	    SUM_BLOCK, 0, part, dy, N, O, n_part);
	fc_cuda_add_parts(cu, dbias, part, n_part, O);
}

void fc_cuda_gain_bwd(
    struct fc_nn *nn, float *dgain, const float *dy, const float *x, size_t N, size_t C)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	const size_t n_part = fc_cuda_min(N, FC_CUDA_PARTS_MOST);
	double *part =
	    static_cast<double *>(fc_cuda_scratch(cu, FC_CUDA_SUMS, n_part * C, sizeof *part));
	KLAUNCH(cu, product_parts_k, dim3((unsigned)fc_cuda_ceil(C, SUM_BLOCK), (unsigned)n_part),
	    SUM_BLOCK, 0, part, dy, x, N, C, n_part);
	fc_cuda_add_parts(cu, dgain, part, n_part, C);
}

void fc_cuda_sum_squares(struct fc_nn *nn, const float *x, size_t n, double *sum)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	const size_t n_sum = fc_cuda_ceil(n, FC_SUM_BLOCK);
	double *on_device =
	    static_cast<double *>(fc_cuda_scratch(cu, FC_CUDA_SUMS, n_sum, sizeof *on_device));
	KLAUNCH(cu, square_sums_k, (unsigned)n_sum, SQUARE_BLOCK, 0, on_device, x, n);
	fc_cuda_get(nn, sum, on_device, n_sum * sizeof *sum);
}

void fc_cuda_dot_rows(
    struct fc_nn *nn, const float *a, const float *b, size_t n, size_t C, float *dot)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	float *on_device =
	    static_cast<float *>(fc_cuda_scratch(cu, FC_CUDA_SUMS, n, sizeof *on_device));
	if (!on_device)
		return;
	KLAUNCH(cu, dot_rows_k, fc_row_blocks(n), 256, 0, on_device, a, b, n, C);
	fc_cuda_get(nn, dot, on_device, n * sizeof *dot);
}
