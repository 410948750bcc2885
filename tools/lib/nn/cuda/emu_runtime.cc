/* SPDX-License-Identifier: Apache-2.0 */
#include <map>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "nn/cuda/emu_env.h"

/* The runtime's functions.  Everything is done when it is asked for. */

static struct {
	cudaError_t status;
	char text[256];
} last;

static size_t memory_bytes(void)
{
	const char *s = getenv("FC_EMU_MEMORY");
	return s ? strtoull(s, NULL, 10) : (size_t)1 << 31;
}

static int devices(void)
{
	const char *s = getenv("FC_EMU_DEVICES");
	return s ? atoi(s) : 1;
}

/* Blocks of the device with their bytes.  Large ones are mapped, for they are hardly used; others
 * are malloc's, so that a memory checker knows their ends. */
enum { MAPPED_BYTES = 64 << 20, ALIGN = 256 };
static std::map<void *, size_t> blocks;

static size_t used_bytes(void)
{
	size_t n = 0;
	for (const auto &b : blocks)
		n += b.second;
	return n;
}

cudaError_t fc_emu_raise(cudaError_t status, const char *text)
{
	last.status = status;
	snprintf(last.text, sizeof last.text, "%s", text);
	return status;
}

const char *cudaGetErrorString(cudaError_t status)
{
	if (status == cudaSuccess)
		return "no error";
	return status == last.status ? last.text : "an error of the emulation";
}

cudaError_t cudaPeekAtLastError(void)
{
	return last.status;
}

cudaError_t cudaGetLastError(void)
{
	const cudaError_t status = last.status;
	if (status != cudaErrorLaunchFailure) /* which stays, as on a device */
		last.status = cudaSuccess;
	return status;
}

cudaError_t cudaDriverGetVersion(int *version)
{
	*version = devices() == -1 ? 0 : devices() == -2 ? 11020 : 13000;
	return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *n)
{
	*n = devices() > 0 ? devices() : 0;
	if (devices() < 0)
		return fc_emu_raise(cudaErrorInsufficientDriver, "the driver is too old");
	return *n ? cudaSuccess : fc_emu_raise(cudaErrorNoDevice, "there is no device");
}

cudaError_t cudaSetDevice(int index)
{
	return index >= 0 && index < devices()
	    ? cudaSuccess
	    : fc_emu_raise(cudaErrorInvalidValue, "no such device");
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int index)
{
	snprintf(p->name, sizeof p->name, "emulation %d", index);
	p->totalGlobalMem = memory_bytes();
	p->major = 9;
	p->minor = 0;
	p->multiProcessorCount = 4;
	return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *n_free, size_t *n_total)
{
	*n_total = memory_bytes();
	*n_free = *n_total - used_bytes();
	return cudaSuccess;
}

cudaError_t cudaMalloc(void **p, size_t n_bytes)
{
	*p = NULL;
	if (n_bytes > memory_bytes() - used_bytes())
		return fc_emu_raise(cudaErrorMemoryAllocation, "out of memory");
	if (n_bytes >= MAPPED_BYTES) {
		void *m = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		*p = m == MAP_FAILED ? NULL : m;
	} else if (posix_memalign(p, ALIGN, n_bytes))
		*p = NULL;
	if (!*p)
		return fc_emu_raise(cudaErrorMemoryAllocation, "out of memory of the machine");
	blocks[*p] = n_bytes;
	return cudaSuccess;
}

cudaError_t cudaFree(void *p)
{
	if (!p)
		return cudaSuccess;
	const auto it = blocks.find(p);
	if (it == blocks.end())
		return fc_emu_raise(cudaErrorInvalidValue, "freed memory that was not allocated");
	if (it->second >= MAPPED_BYTES)
		munmap(p, it->second);
	else
		free(p);
	blocks.erase(it);
	return cudaSuccess;
}

cudaError_t cudaMallocHost(void **p, size_t n_bytes)
{
	*p = malloc(n_bytes);
	return *p ? cudaSuccess : fc_emu_raise(cudaErrorMemoryAllocation, "out of memory");
}

cudaError_t cudaFreeHost(void *p)
{
	free(p);
	return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n, cudaMemcpyKind, cudaStream_t)
{
	memmove(to, from, n);
	return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *p, int value, size_t n_bytes, cudaStream_t)
{
	memset(p, value, n_bytes);
	return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *s)
{
	*s = new struct fc_emu_stream();
	return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t s)
{
	delete s;
	return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t)
{
	return last.status == cudaErrorLaunchFailure ? last.status : cudaSuccess;
}

/* Nothing is ever under way, so there is nothing that an event could wait for. */
cudaError_t cudaEventCreate(cudaEvent_t *e)
{
	*e = new int(0);
	return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t e)
{
	delete e;
	return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t)
{
	return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t)
{
	return cudaSuccess;
}
