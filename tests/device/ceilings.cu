/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ceilings: what the GPU does at best, measured by the libraries alone: bytes a second of a copy on
 * the device (read and written) and from pinned memory, and operations a second of a product of
 * bfloat16 with sums in float32, of 8192 x 8192 x 8192 random numbers.  A line each.
 */
#include <cublasLt.h>
#include <cuda_bf16.h>
#include <cuda_runtime.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 8192, WORKSPACE_BYTES = 64 << 20, PROPOSALS = 8, TIMES = 10 };

#define MUST(what, good)                                                                           \
	do {                                                                                       \
		if (!(good)) {                                                                     \
			fprintf(stderr, "ceilings: %s failed: %s\n", what,                         \
			    cudaGetErrorString(cudaGetLastError()));                               \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)
#define CUDA(call) MUST(#call, (call) == cudaSuccess)
#define BLAS(call) MUST(#call, (call) == CUBLAS_STATUS_SUCCESS)

/* Numbers in [-1, 1) that look random (splitmix64). */
__global__ void fill_k(__nv_bfloat16 *x, size_t n, uint64_t seed)
{
	for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < n;
	     i += (size_t)gridDim.x * blockDim.x) {
		uint64_t z = (seed + i) * 0x9e3779b97f4a7c15;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		x[i] = __float2bfloat16_rn((float)(z >> 40) * 0x1p-23f - 1);
	}
}

/* Seconds of a call, the mean of `times` after one more. */
template <class F>
static double seconds_of(int times, F f)
{
	cudaEvent_t from, to;
	float ms = 0;
	CUDA(cudaEventCreate(&from));
	CUDA(cudaEventCreate(&to));
	f();
	CUDA(cudaEventRecord(from));
	for (int i = 0; i < times; i++)
		f();
	CUDA(cudaEventRecord(to));
	CUDA(cudaEventSynchronize(to));
	CUDA(cudaEventElapsedTime(&ms, from, to));
	CUDA(cudaEventDestroy(from));
	CUDA(cudaEventDestroy(to));
	return (double)ms / 1e3 / times;
}

static void copies(void)
{
	size_t n_free, n_total;
	void *a, *b, *host;
	CUDA(cudaMemGetInfo(&n_free, &n_total));
	const size_t n = (n_free / 4 < (size_t)4 << 30 ? n_free / 4 : (size_t)4 << 30) / 256 * 256;
	const size_t n_host = n < (size_t)256 << 20 ? n : (size_t)256 << 20;
	CUDA(cudaMalloc(&a, n));
	CUDA(cudaMalloc(&b, n));
	CUDA(cudaMallocHost(&host, n_host));
	CUDA(cudaMemset(a, 1, n));
	double s =
	    seconds_of(TIMES, [=] { CUDA(cudaMemcpyAsync(b, a, n, cudaMemcpyDeviceToDevice)); });
	printf("copy\t%.4g\tB/s\n", 2 * (double)n / s);
	s = seconds_of(
	    TIMES, [=] { CUDA(cudaMemcpyAsync(b, host, n_host, cudaMemcpyHostToDevice)); });
	printf("to-device\t%.4g\tB/s\n", (double)n_host / s);
	s = seconds_of(
	    TIMES, [=] { CUDA(cudaMemcpyAsync(host, b, n_host, cudaMemcpyDeviceToHost)); });
	printf("from-device\t%.4g\tB/s\n", (double)n_host / s);
	CUDA(cudaFree(a));
	CUDA(cudaFree(b));
	CUDA(cudaFreeHost(host));
}

static void product(void)
{
	const size_t n = (size_t)SIDE * SIDE, workspace_bytes = WORKSPACE_BYTES;
	const cublasOperation_t transposed = CUBLAS_OP_T;
	const float one = 1, zero = 0;
	__nv_bfloat16 *a, *b;
	float *c;
	void *workspace;
	cublasLtHandle_t lt;
	cublasLtMatmulDesc_t op;
	cublasLtMatrixLayout_t in, out;
	cublasLtMatmulPreference_t pref;
	cublasLtMatmulHeuristicResult_t way[PROPOSALS];
	int n_way = 0;
	double best = 0;
	CUDA(cudaMalloc(&a, n * sizeof *a));
	CUDA(cudaMalloc(&b, n * sizeof *b));
	CUDA(cudaMalloc(&c, n * sizeof *c));
	CUDA(cudaMalloc(&workspace, workspace_bytes));
	fill_k<<<1024, 256>>>(a, n, 1);
	fill_k<<<1024, 256>>>(b, n, 1 + n);
	CUDA(cudaGetLastError());
	BLAS(cublasLtCreate(&lt));
	BLAS(cublasLtMatmulDescCreate(&op, CUBLAS_COMPUTE_32F, CUDA_R_32F));
	BLAS(cublasLtMatmulDescSetAttribute(
	    op, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed));
	BLAS(cublasLtMatrixLayoutCreate(&in, CUDA_R_16BF, SIDE, SIDE, SIDE));
	BLAS(cublasLtMatrixLayoutCreate(&out, CUDA_R_32F, SIDE, SIDE, SIDE));
	BLAS(cublasLtMatmulPreferenceCreate(&pref));
	BLAS(cublasLtMatmulPreferenceSetAttribute(pref, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
	    &workspace_bytes, sizeof workspace_bytes));
	BLAS(
	    cublasLtMatmulAlgoGetHeuristic(lt, op, in, in, out, out, pref, PROPOSALS, way, &n_way));
	for (int i = 0; i < n_way; i++) {
		if (way[i].state != CUBLAS_STATUS_SUCCESS)
			continue;
		const double s = seconds_of(TIMES, [&] {
			BLAS(cublasLtMatmul(lt, op, &one, a, in, b, in, &zero, c, out, c, out,
			    &way[i].algo, workspace, workspace_bytes, 0));
		});
		const double rate = 2.0 * SIDE * SIDE * SIDE / s;
		best = rate > best ? rate : best;
	}
	MUST("a product", best > 0);
	printf("product\t%.4g\tFLOP/s\n", best);
}

int main(void)
{
	copies();
	product();
	return 0;
}
