/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_CUDA_ASYNC_H
#define FC_NN_CUDA_ASYNC_H

/*
 * Copies of 16 bytes from device memory to shared memory that go on while lanes compute.  take()
 * begins one; from and to are multiples of 16.  What was begun since the last close() is a group;
 * wait<N>() returns when all groups but the last N closed ones have come.  Other lanes see what
 * came after a SYNC that follows the wait().
 *
 * The emulation spoils the place at once and copies in wait(): so both a place that is still read
 * and one that is read too early show.
 */

#include "nn/cuda/launch.h"

#ifdef __CUDACC__
#include <cuda_pipeline.h>

struct async_copies {
	__device__ inline void take(void *to, const void *from)
	{
		__pipeline_memcpy_async(to, from, 16);
	}
	__device__ inline void close(void)
	{
		__pipeline_commit();
	}
	template <int N>
	__device__ inline void wait(void)
	{
		__pipeline_wait_prior(N);
	}
};
#else
struct async_copies {
	enum { GROUPS = 4, MOST = 16 };
	struct copy {
		void *to;
		const void *from;
	} copy[GROUPS][MOST];
	int n[GROUPS] = {0};
	unsigned opened = 0, done = 0;

	void take(void *to, const void *from)
	{
		const unsigned g = opened % GROUPS;
		if (n[g] == MOST || opened - done == GROUPS ||
		    ((uintptr_t)to | (uintptr_t)from) % 16)
			__builtin_trap();
		memset(to, 0xff, 16);
		copy[g][n[g]++] = {to, from};
	}
	void close(void)
	{
		opened++;
	}
	template <int N>
	void wait(void)
	{
		for (; opened - done > N; done++) {
			for (int i = 0; i < n[done % GROUPS]; i++)
				memcpy(copy[done % GROUPS][i].to, copy[done % GROUPS][i].from, 16);
			n[done % GROUPS] = 0;
		}
	}
};
#endif

#endif
