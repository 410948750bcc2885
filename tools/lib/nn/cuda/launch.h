/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_CUDA_LAUNCH_H
#define FC_NN_CUDA_LAUNCH_H

/*
 * How a kernel is written and started, so that one source is compiled by nvcc for the device and by
 * a C++ compiler for the emulation (emu.h):
 *
 *   __global__ void rows_k(float *y, size_t C)
 *   {
 *       DYN_SHARED(float, s);          // the dynamic shared memory; once a kernel
 *       SHARED(float, t, 32);          // t[32] in static shared memory; at the top of the kernel
 *       ...
 *       SYNC(1);                       // __syncthreads(), numbered within the kernel
 *   }
 *   KLAUNCH(cu, rows_k, dim3(n_block), 256, n * sizeof(float), y, C);
 *
 * Blocks are of whole warps, and all lanes of a block reach every SYNC, all lanes of a warp every
 * lane_*() and WARP_SYNC; the emulation reports those that do not.  Kernels' names are unique.  A
 * grid without blocks is not started.
 *
 * A number of a SYNC is told to the emulation, which can leave that barrier out (emu.h); the test
 * of the tests drops each once.
 */

#include "nn/cuda/cuda.h"

enum { FC_WARP = 32, FC_BLOCK_MOST = 1024, FC_GRID_YZ_MOST = 65535 };
/* Bytes: what every device of compute capability 8.0 or more gives a block; up to FC_SHARED_PLAIN
 * without asking for it. */
enum { FC_SHARED_MOST = 99 * 1024, FC_SHARED_PLAIN = 48 * 1024, FC_PARAM_MOST = 4096 };

struct fc_launch {
	const char *name;
	dim3 grid, block;
	size_t shared_bytes, param_bytes;
};

/* False: nothing is to be started, since there are no blocks or there was an error. */
bool fc_launch_begin(struct fc_cuda *cu, const struct fc_launch *l);
void fc_launch_end(struct fc_cuda *cu, const struct fc_launch *l);

template <class... A>
constexpr size_t fc_param_bytes(A...)
{
	return (size_t(0) + ... + ((sizeof(A) + 7) / 8 * 8));
}

#ifdef __CUDACC__

#define FC_DEVICE_NAME "cuda"
#define FC_RUNTIME_MAJOR (CUDART_VERSION / 1000)
#define FC_LAUNCH_KERNEL(cu, l, kernel, ...)                                                       \
	if ((l).shared_bytes > FC_SHARED_PLAIN)                                                    \
		cudaFuncSetAttribute(                                                              \
		    kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)(l).shared_bytes);   \
	kernel<<<(l).grid, (l).block, (l).shared_bytes, (cu)->stream>>>(__VA_ARGS__)

#define DYN_SHARED(T, name)                                                                        \
	extern __shared__ __align__(128) unsigned char fc_dyn_shared[];                            \
	T *const name = reinterpret_cast<T *>(fc_dyn_shared)
#define SHARED(T, name, n) __shared__ T name[n]
/* Memory nobody has written to is nobody's: the emulation fills it. */
#define FC_POISON(cu, p, n_bytes) ((void)(cu))
/* a * b and a + b, each rounded, never fused. */
#define mul_rn(a, b) __fmul_rn(a, b)
#define add_rn(a, b) __fadd_rn(a, b)
/* Weights that are converted at a time for a product; blocks of a grid at most.  Small in the
 * emulation, so that tests come to what lies beyond. */
enum { FC_PANEL_ELEMENTS = 1 << 25, FC_ELEMENT_BLOCKS = 2048, FC_ROW_BLOCKS = 1 << 16 };
/* Lanes of a block where any number of warps will do: fewer in the emulation, where each costs. */
constexpr unsigned fc_lanes(unsigned n)
{
	return n;
}
#define SYNC(i) ((void)(i), __syncthreads())
#define WARP_SYNC(i) ((void)(i), __syncwarp())

/* The value that another lane of the warp has. */
template <class T>
__device__ inline T lane_at(T v, int lane)
{
	return __shfl_sync(0xffffffffu, v, lane);
}
template <class T>
__device__ inline T lane_xor(T v, int mask)
{
	return __shfl_xor_sync(0xffffffffu, v, mask);
}
/* N values of each lane at once. */
template <class T, int N>
__device__ inline void lane_xor_each(T (&v)[N], int mask)
{
#pragma unroll
	for (int i = 0; i < N; i++)
		v[i] = lane_xor(v[i], mask);
}
/* f over all lanes, as a tree, in each of them. */
template <class T, class F>
__device__ inline T warp_reduce(T v, F f)
{
#pragma unroll
	for (int mask = FC_WARP / 2; mask > 0; mask /= 2)
		v = f(v, lane_xor(v, mask));
	return v;
}

#else

#define FC_DEVICE_NAME "emu"
#define FC_LAUNCH_KERNEL(cu, l, kernel, ...)                                                       \
	fc_emu_launch{(l).name, (l).grid, (l).block, (l).shared_bytes, kernel}(__VA_ARGS__)

#define DYN_SHARED(T, name) T *const name = reinterpret_cast<T *>(fc_emu_dynamic_shared())
#define SHARED(T, name, n) T *const name = reinterpret_cast<T *>(fc_emu_shared(sizeof(T) * (n)))
#define FC_POISON(cu, p, n_bytes) cudaMemsetAsync(p, 0xff, n_bytes, (cu)->stream)
#define mul_rn(a, b) ((a) * (b))
#define add_rn(a, b) ((a) + (b))
enum { FC_PANEL_ELEMENTS = 1 << 17, FC_ELEMENT_BLOCKS = 8, FC_ROW_BLOCKS = 3 };
constexpr unsigned fc_lanes(unsigned n)
{
	return n < 2 * FC_WARP ? n : 2 * FC_WARP;
}
#define SYNC(i) fc_emu_sync(i)
#define WARP_SYNC(i) fc_emu_warp_sync(i)

template <class T>
inline T lane_at(T v, int lane)
{
	const struct fc_emu_exchange e = fc_emu_give();
	T *all = static_cast<T *>(e.values);
	static_assert(sizeof v <= FC_EMU_EXCHANGE_MOST);
	all[e.lane] = v;
	fc_emu_meet();
	return all[lane & (FC_WARP - 1)];
}
template <class T>
inline T lane_xor(T v, int mask)
{
	return lane_at(v, (int)(threadIdx.x & (FC_WARP - 1)) ^ mask);
}
template <class T, int N>
inline void lane_xor_each(T (&v)[N], int mask)
{
	const struct fc_emu_exchange e = fc_emu_give();
	T *all = static_cast<T *>(e.values);
	static_assert(sizeof v <= FC_EMU_EXCHANGE_MOST);
	memcpy(all + e.lane * N, v, sizeof v);
	fc_emu_meet();
	memcpy(v, all + (e.lane ^ (unsigned)mask) * N, sizeof v);
}
/* The last lane that comes does what all of them do in steps on a device. */
template <class T, class F>
inline T warp_reduce(T v, F f)
{
	const struct fc_emu_exchange e = fc_emu_give();
	T *all = static_cast<T *>(e.values);
	all[e.lane] = v;
	for (unsigned mask = FC_WARP / 2; e.last && mask > 0; mask /= 2) {
		T other[FC_WARP];
		for (unsigned i = 0; i < FC_WARP; i++)
			other[i] = all[i ^ mask];
		for (unsigned i = 0; i < FC_WARP; i++)
			all[i] = f(all[i], other[i]);
	}
	fc_emu_meet();
	return all[e.lane];
}

#endif

/*
 * The sums over the lanes of V values v, a power of two of at most FC_WARP; lane l keeps the one
 * with number l / (FC_WARP / V), as v[0].  Lanes l and l ^ 16 are added first, then those of l ^ 8
 * and so on, whatever the value: half of the values that a lane still has go to its partner in each
 * step.
 */
template <int V, int MASK = FC_WARP / 2>
__device__ static inline void lane_sums_by_steps(float *v)
{
	if constexpr (V > 1) {
		const bool upper = threadIdx.x & MASK;
		float given[V / 2];
#pragma unroll
		for (int j = 0; j < V / 2; j++) {
			given[j] = upper ? v[j] : v[j + V / 2];
			v[j] = upper ? v[j + V / 2] : v[j];
		}
		lane_xor_each(given, MASK);
#pragma unroll
		for (int j = 0; j < V / 2; j++)
			v[j] += given[j];
		lane_sums_by_steps<V / 2, MASK / 2>(v);
	} else if constexpr (MASK > 0) {
		v[0] += lane_xor(v[0], MASK);
		lane_sums_by_steps<1, MASK / 2>(v);
	}
}

#ifdef __CUDACC__
template <int V>
__device__ static inline void lane_sums(float *v)
{
	lane_sums_by_steps<V>(v);
}
#else
/* What lane_sums_by_steps() makes, to the bit, in one exchange. */
template <int V>
inline void lane_sums(float *v)
{
	const struct fc_emu_exchange e = fc_emu_give();
	float *all = static_cast<float *>(e.values);
	static_assert(V * sizeof *v <= FC_EMU_EXCHANGE_MOST);
	memcpy(all + e.lane * V, v, V * sizeof *v);
	for (int n = FC_WARP / 2 * V; e.last && n >= V; n /= 2)
		for (int i = 0; i < n; i++)
			all[i] += all[i + n];
	fc_emu_meet();
	v[0] = all[e.lane / (FC_WARP / V)];
}
#endif

#define KLAUNCH(cu, kernel, grid, block, shared_bytes, ...)                                        \
	do {                                                                                       \
		const struct fc_launch l_ = {                                                      \
		    #kernel, grid, block, shared_bytes, fc_param_bytes(__VA_ARGS__)};              \
		if (fc_launch_begin(cu, &l_)) {                                                    \
			FC_LAUNCH_KERNEL(cu, l_, kernel, __VA_ARGS__);                             \
			fc_launch_end(cu, &l_);                                                    \
		}                                                                                  \
	} while (0)

/* ---- sums and maxima; the order of additions depends on the number of lanes alone ---- */

template <class T>
__device__ inline T warp_sum(T v)
{
	return warp_reduce(v, [](T a, T b) { return a + b; });
}

template <class T>
__device__ inline T warp_max(T v)
{
	return warp_reduce(v, [](T a, T b) { return b > a ? b : a; });
}

/* Of all lanes of a block of one dimension, in every lane; s: FC_WARP values of shared memory,
 * free again after the call.  Has the barriers i and i + 1. */
#define FC_BLOCK_REDUCE(name, warp_of, none)                                                       \
	template <class T>                                                                         \
	__device__ inline T name(T v, T *s, int i)                                                 \
	{                                                                                          \
		const unsigned n = blockDim.x / FC_WARP, lane = threadIdx.x % FC_WARP;             \
		v = warp_of(v);                                                                    \
		if (lane == 0)                                                                     \
			s[threadIdx.x / FC_WARP] = v;                                              \
		SYNC(i);                                                                           \
		v = warp_of(lane < n ? s[lane] : (none));                                          \
		SYNC(i + 1);                                                                       \
		return v;                                                                          \
	}
FC_BLOCK_REDUCE(block_sum, warp_sum, T(0))
FC_BLOCK_REDUCE(block_max, warp_max, T(-INFINITY))

/* Of this lane among all of a grid of one dimension, and how many those are. */
__device__ inline size_t lane_index()
{
	return (size_t)blockIdx.x * blockDim.x + threadIdx.x;
}
__device__ inline size_t lane_count()
{
	return (size_t)gridDim.x * blockDim.x;
}

/* Blocks for n elements, of which a lane takes every lane_count()-th, and for n rows, of which a
 * block takes every gridDim.x-th. */
static inline unsigned fc_element_blocks(size_t n, unsigned block)
{
	return (unsigned)fc_cuda_min(fc_cuda_ceil(n, block), FC_ELEMENT_BLOCKS);
}
static inline unsigned fc_row_blocks(size_t n)
{
	return (unsigned)fc_cuda_min(n, FC_ROW_BLOCKS);
}

#endif
