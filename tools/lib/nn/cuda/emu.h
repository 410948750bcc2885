/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_CUDA_EMU_H
#define FC_NN_CUDA_EMU_H

/*
 * CUDA on the CPU, for tests: what launch.h and the .cu need of the language and of the runtime.
 * Every lane of a block is a fiber; blocks are spread over OpenMP's threads.  In the environment:
 *
 *   FC_EMU_ORDER=forward|reverse|shuffle[:SEED]  the order in which lanes run between two barriers,
 *       and blocks in a grid; shuffled, it is another one after every barrier
 *   FC_EMU_DROP=KERNEL:I    SYNC(I) of that kernel does nothing
 *   FC_EMU_TRACE=FILE       "KERNEL I" is added, once, for every SYNC that is met
 *   FC_EMU_MEMORY=BYTES     memory of the device, else 2 GiB (taken as it is used)
 *   FC_EMU_DEVICES=N        devices there are, else 1; 0: none, -1: no driver, -2: an old one
 *
 * Shared and device memory is full of NaN until it is written.  A launch fails when lanes end while
 * others wait at a barrier, or wait at different ones, or when a stack or shared memory is not
 * enough; like CUDA's, that error stays.
 */

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <tuple>

#define FC_RUNTIME_MAJOR 13

#define __global__ static
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__

struct uint3 {
	unsigned x, y, z;
};

struct dim3 {
	unsigned x, y, z;
	constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_)
	{
	}
};

struct alignas(16) float4 {
	float x, y, z, w;
};

struct alignas(16) uint4 {
	unsigned x, y, z, w;
};

/* ---- lanes ---- */
struct fc_emu_place {
	uint3 thread, block, block_dim, grid_dim;
};
extern __thread struct fc_emu_place fc_emu_now; /* of the lane that runs */
#define threadIdx fc_emu_now.thread
#define blockIdx fc_emu_now.block
#define blockDim fc_emu_now.block_dim
#define gridDim fc_emu_now.grid_dim

void fc_emu_sync(int i);
void fc_emu_warp_sync(int i);
/* An exchange of a warp: each lane writes its value, of at most so many bytes, at its place among
 * those of all lanes, which are whole for the last one to do so, and for all after fc_emu_meet(),
 * until the lane's next exchange but one. */
enum { FC_EMU_EXCHANGE_MOST = 128 };
struct fc_emu_exchange {
	void *values;
	unsigned lane;
	bool last;
};
struct fc_emu_exchange fc_emu_give(void);
void fc_emu_meet(void);
void *fc_emu_dynamic_shared(void);
void *fc_emu_shared(size_t n_bytes);

/* ---- runtime ---- */
enum cudaError_t {
	cudaSuccess,
	cudaErrorInvalidValue,
	cudaErrorMemoryAllocation,
	cudaErrorInsufficientDriver = 35,
	cudaErrorNoDevice = 100,
	cudaErrorLaunchFailure = 719,
	cudaErrorSystemDriverMismatch = 803,
};
enum cudaMemcpyKind {
	cudaMemcpyHostToDevice = 1,
	cudaMemcpyDeviceToHost,
	cudaMemcpyDeviceToDevice
};

struct fc_emu_stream {
	int unused;
};
typedef struct fc_emu_stream *cudaStream_t;
typedef int *cudaEvent_t;
struct cudaDeviceProp {
	char name[256];
	size_t totalGlobalMem;
	int major, minor, multiProcessorCount;
};

const char *cudaGetErrorString(cudaError_t status);
cudaError_t cudaPeekAtLastError(void);
cudaError_t cudaGetLastError(void);
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaGetDeviceCount(int *n);
cudaError_t cudaSetDevice(int index);
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int index);
cudaError_t cudaMemGetInfo(size_t *n_free, size_t *n_total);
cudaError_t cudaMalloc(void **p, size_t n_bytes);
cudaError_t cudaFree(void *p);
cudaError_t cudaMallocHost(void **p, size_t n_bytes);
cudaError_t cudaFreeHost(void *p);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n, cudaMemcpyKind k, cudaStream_t s);
cudaError_t cudaMemsetAsync(void *p, int value, size_t n_bytes, cudaStream_t s);
cudaError_t cudaStreamCreate(cudaStream_t *s);
cudaError_t cudaStreamDestroy(cudaStream_t s);
cudaError_t cudaStreamSynchronize(cudaStream_t s);
cudaError_t cudaEventCreate(cudaEvent_t *e);
cudaError_t cudaEventDestroy(cudaEvent_t e);
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s);
cudaError_t cudaEventSynchronize(cudaEvent_t e);

/* ---- launch ---- */
cudaError_t fc_emu_run(const char *kernel, dim3 grid, dim3 block, size_t shared_bytes,
    void (*lane)(const void *), const void *arg);

/* launch(a...) runs kernel(a...) in every lane. */
template <class... P>
struct fc_emu_launch {
	const char *name;
	dim3 grid, block;
	size_t shared_bytes;
	void (*kernel)(P...);

	struct call {
		void (*kernel)(P...);
		std::tuple<P...> args;
	};
	static void lane(const void *arg)
	{
		const struct call *c = static_cast<const struct call *>(arg);
		std::apply(c->kernel, c->args);
	}
	cudaError_t operator()(P... a) const
	{
		const struct call c = {kernel, std::tuple<P...>(a...)};
		return fc_emu_run(name, grid, block, shared_bytes, lane, &c);
	}
};
template <class... P>
fc_emu_launch(const char *, dim3, dim3, size_t, void (*)(P...)) -> fc_emu_launch<P...>;

#endif
