/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_CUDA_TILE_H
#define FC_NN_CUDA_TILE_H

/*
 * Products of tiles that lie in shared memory, by all lanes of a block of 4 * rows lanes:
 *
 *   tile_nt: c[rows, n] (+)= a[rows, k] b[n, k]^T        tile_nn: c[rows, n] += a[rows, k] b[k, n]
 *
 * c is float32; a and b are of type T: float, whose products are those of float32, or tile_bf16,
 * whose products are of bfloat16 with sums in float32, by the tensor cores where there are any.
 * rows, n and k are multiples of 16, n is at most 64.  An element's sum is over ascending k,
 * whatever rows is.  Rows of a tile are tile_ld() apart, so that lanes that read a column use
 * different banks; tiles begin at multiples of 32 bytes.
 *
 * Lanes see what others wrote after a SYNC only; these functions have none.
 */

#include "nn/cuda/launch.h"
#include "nn/cuda/weight.h"

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <mma.h>
#include <type_traits>
typedef __nv_bfloat16 tile_bf16;
#else
struct tile_bf16 {
	uint16_t bits;
};
#endif

/* 4 sums, which registers hold. */
#ifdef __CUDACC__
typedef float tile_four[4];
#else
typedef float tile_four __attribute__((vector_size(16)));
#endif

enum { TILE_WIDE = 64, TILE_STEP = 16 };

/* Elements from row to row of a tile that is so wide. */
template <class T>
__host__ __device__ constexpr int tile_ld(int wide)
{
	return wide + 16 / (int)sizeof(T);
}

template <class T>
__device__ inline T tile_from(float x);
template <>
__device__ inline float tile_from<float>(float x)
{
	return x;
}
__device__ inline float tile_value(float x)
{
	return x;
}

#ifdef __CUDACC__
template <>
__device__ inline tile_bf16 tile_from<tile_bf16>(float x)
{
	return __float2bfloat16_rn(x);
}
__device__ inline float tile_value(tile_bf16 x)
{
	return __bfloat162float(x);
}
#else
template <>
inline tile_bf16 tile_from<tile_bf16>(float x)
{
	return {bf16_of_float(x)};
}
inline float tile_value(tile_bf16 x)
{
	return float_of_bf16(x.bits);
}
#endif

/* sum += x y */
__device__ inline void tile_add(tile_four &sum, float x, const tile_four &y)
{
#ifdef __CUDACC__
#pragma unroll
	for (int j = 0; j < 4; j++)
		sum[j] += x * y[j];
#else
	sum += x * y;
#endif
}

/*
 * A lane has 4 rows, blockDim.x / 16 apart, and 4 columns, 16 apart.  b's element of column j and
 * place p of the sum is at j * ldb + p, or, unless NT, at p * ldb + j.
 */
template <bool NT, class T>
__device__ inline void tile_lanes(
    float *c, int ldc, const T *a, int lda, const T *b, int ldb, int n, int k, bool add)
{
	const int step = (int)blockDim.x / 16, row = (int)threadIdx.x / 16;
	const int col = (int)threadIdx.x % 16;
	tile_four sum[4] = {};
#pragma unroll
	for (int i = 0; i < 4; i++)
#pragma unroll
		for (int j = 0; j < 4; j++)
			sum[i][j] =
			    add && col + 16 * j < n ? c[(row + step * i) * ldc + col + 16 * j] : 0;
	for (int p = 0; p < k; p++) {
		float x[4];
		tile_four y = {};
#pragma unroll
		for (int i = 0; i < 4; i++) {
			const int j = col + 16 * i;
			x[i] = tile_value(a[(row + step * i) * lda + p]);
			y[i] = j < n ? tile_value(NT ? b[j * ldb + p] : b[p * ldb + j]) : 0;
		}
#pragma unroll
		for (int i = 0; i < 4; i++)
			tile_add(sum[i], x[i], y);
	}
#pragma unroll
	for (int i = 0; i < 4; i++)
#pragma unroll
		for (int j = 0; j < 4; j++)
			if (col + 16 * j < n)
				c[(row + step * i) * ldc + col + 16 * j] = sum[i][j];
}

template <class T>
__device__ inline void tile_nt(
    float *c, int ldc, const T *a, int lda, const T *b, int ldb, int n, int k, bool add)
{
	tile_lanes<true>(c, ldc, a, lda, b, ldb, n, k, add);
}
template <class T>
__device__ inline void tile_nn(
    float *c, int ldc, const T *a, int lda, const T *b, int ldb, int n, int k)
{
	tile_lanes<false>(c, ldc, a, lda, b, ldb, n, k, true);
}

#if defined __CUDA_ARCH__ && __CUDA_ARCH__ >= 800
/* A warp has two neighbouring squares of 16 by 16; as many warps as there are pairs of squares. */
template <bool NT>
__device__ inline void tile_mma(float *c, int ldc, const tile_bf16 *a, int lda, const tile_bf16 *b,
    int ldb, int n, int k, bool add)
{
	using namespace nvcuda;
	typedef std::conditional_t<NT, wmma::col_major, wmma::row_major> order;
	const int warp = (int)threadIdx.x / FC_WARP, row = warp / 2 * 16, col = warp % 2 * 32;
	wmma::fragment<wmma::accumulator, 16, 16, 16, float> sum[2];
	float *to = c + row * ldc + col;
#pragma unroll
	for (int j = 0; j < 2; j++) {
		wmma::fill_fragment(sum[j], 0.0f);
		if (add && col + 16 * j < n)
			wmma::load_matrix_sync(
			    sum[j], to + 16 * j, (unsigned)ldc, wmma::mem_row_major);
	}
	for (int p = 0; p < k; p += 16) {
		wmma::fragment<wmma::matrix_a, 16, 16, 16, tile_bf16, wmma::row_major> x;
		wmma::load_matrix_sync(x, a + row * lda + p, (unsigned)lda);
#pragma unroll
		for (int j = 0; j < 2; j++) {
			wmma::fragment<wmma::matrix_b, 16, 16, 16, tile_bf16, order> y;
			const int at = col + 16 * j;
			if (at >= n)
				continue;
			wmma::load_matrix_sync(
			    y, NT ? b + at * ldb + p : b + p * ldb + at, (unsigned)ldb);
			wmma::mma_sync(sum[j], x, y, sum[j]);
		}
	}
#pragma unroll
	for (int j = 0; j < 2; j++)
		if (col + 16 * j < n)
			wmma::store_matrix_sync(
			    to + 16 * j, sum[j], (unsigned)ldc, wmma::mem_row_major);
}
template <>
__device__ inline void tile_nt<tile_bf16>(float *c, int ldc, const tile_bf16 *a, int lda,
    const tile_bf16 *b, int ldb, int n, int k, bool add)
{
	tile_mma<true>(c, ldc, a, lda, b, ldb, n, k, add);
}
template <>
__device__ inline void tile_nn<tile_bf16>(
    float *c, int ldc, const tile_bf16 *a, int lda, const tile_bf16 *b, int ldb, int n, int k)
{
	tile_mma<false>(c, ldc, a, lda, b, ldb, n, k, true);
}
#endif

/*
 * The sums of one warp in registers: HIGH by WIDE squares of 16 by 16 of c = a b^T, from
 * add() to add(), each of which goes on by 16 places of the sum.  a and b begin at multiples of 32
 * bytes, their rows at multiples of 16.
 */
#if defined __CUDA_ARCH__ && __CUDA_ARCH__ >= 800
template <int HIGH, int WIDE>
struct tile_sums {
	nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, 16, float> sum[HIGH][WIDE];

	__device__ inline tile_sums()
	{
#pragma unroll
		for (int i = 0; i < HIGH; i++)
#pragma unroll
			for (int j = 0; j < WIDE; j++)
				nvcuda::wmma::fill_fragment(sum[i][j], 0.0f);
	}
	__device__ inline void add(const tile_bf16 *a, int lda, const tile_bf16 *b, int ldb)
	{
		using namespace nvcuda;
		wmma::fragment<wmma::matrix_b, 16, 16, 16, tile_bf16, wmma::col_major> y[WIDE];
#pragma unroll
		for (int j = 0; j < WIDE; j++)
			wmma::load_matrix_sync(y[j], b + 16 * j * ldb, (unsigned)ldb);
#pragma unroll
		for (int i = 0; i < HIGH; i++) {
			wmma::fragment<wmma::matrix_a, 16, 16, 16, tile_bf16, wmma::row_major> x;
			wmma::load_matrix_sync(x, a + 16 * i * lda, (unsigned)lda);
#pragma unroll
			for (int j = 0; j < WIDE; j++)
				wmma::mma_sync(sum[i][j], x, y[j], sum[i][j]);
		}
	}
	__device__ inline void store(float *c, int ldc) const
	{
#pragma unroll
		for (int i = 0; i < HIGH; i++)
#pragma unroll
			for (int j = 0; j < WIDE; j++)
				nvcuda::wmma::store_matrix_sync(c + 16 * i * ldc + 16 * j,
				    sum[i][j], (unsigned)ldc, nvcuda::wmma::mem_row_major);
	}
};
#else
/* A lane has every eighth row and every fourth column. */
template <int HIGH, int WIDE>
struct tile_sums {
	tile_four sum[2 * HIGH][WIDE] = {};

	__device__ inline void add(const tile_bf16 *a, int lda, const tile_bf16 *b, int ldb)
	{
		const int lane = (int)threadIdx.x % FC_WARP, row = lane / 4, col = lane % 4;
		for (int p = 0; p < 16; p++) {
			tile_four y[WIDE] = {};
			for (int j = 0; j < 4 * WIDE; j++)
				y[j / 4][j % 4] = tile_value(b[(col + 4 * j) * ldb + p]);
			for (int i = 0; i < 2 * HIGH; i++)
				for (int j = 0; j < WIDE; j++)
					tile_add(sum[i][j], tile_value(a[(row + 8 * i) * lda + p]),
					    y[j]);
		}
	}
	__device__ inline void store(float *c, int ldc) const
	{
		const int lane = (int)threadIdx.x % FC_WARP, row = lane / 4, col = lane % 4;
		for (int i = 0; i < 2 * HIGH; i++)
			for (int j = 0; j < 4 * WIDE; j++)
				c[(row + 8 * i) * ldc + col + 4 * j] = sum[i][j / 4][j % 4];
	}
};
#endif

/*
 * t[n_row, wide] = the rows of x, `stride` apart, of which n_valid rows and n_col columns are
 * there; 0 elsewhere.  wide is a multiple of 16.  four: rows begin at multiples of 16 bytes.
 */
template <class T>
__device__ inline void tile_load(T *t, int n_row, int wide, int ld, const float *x, size_t stride,
    int n_valid, int n_col, bool four)
{
	for (int row = (int)threadIdx.x / 16; row < n_row; row += (int)blockDim.x / 16)
		for (int col = (int)threadIdx.x % 16 * 4; col < wide; col += 64) {
			float4 v = {0, 0, 0, 0};
			const float *from = x + (size_t)row * stride + col;
			if (row < n_valid && four && col + 4 <= n_col) {
				v = *reinterpret_cast<const float4 *>(from);
			} else if (row < n_valid) {
				v.x = col < n_col ? from[0] : 0;
				v.y = col + 1 < n_col ? from[1] : 0;
				v.z = col + 2 < n_col ? from[2] : 0;
				v.w = col + 3 < n_col ? from[3] : 0;
			}
			T *to = t + row * ld + col;
			to[0] = tile_from<T>(v.x);
			to[1] = tile_from<T>(v.y);
			to[2] = tile_from<T>(v.z);
			to[3] = tile_from<T>(v.w);
		}
}

__device__ inline void tile_zero(float *t, int n)
{
	for (int i = (int)threadIdx.x; i < n; i += (int)blockDim.x)
		t[i] = 0;
}

/* x[n_valid, n_col] = the tile, `stride` apart */
__device__ inline void tile_store(
    float *x, size_t stride, const float *t, int ld, int n_valid, int n_col)
{
	for (int i = (int)threadIdx.x; i < n_valid * n_col; i += (int)blockDim.x)
		x[(size_t)(i / n_col) * stride + (size_t)(i % n_col)] =
		    t[i / n_col * ld + i % n_col];
}

#endif
