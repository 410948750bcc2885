/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_CUDA_HEAD_SORT_H
#define FC_NN_CUDA_HEAD_SORT_H

#include "nn/cuda/launch.h"

/* Order of numbers by all lanes of a block. */

/* A power of two that is at least n. */
__host__ __device__ inline uint32_t sort_size(uint32_t n)
{
	uint32_t size = 1;
	while (size < n)
		size *= 2;
	return size;
}

/* key[n], n a power of two, in shared or in device memory, becomes descending (Batcher 1968).  Has
 * SYNC(i), also after the last exchange; one must have come after key was written. */
template <class T>
__device__ inline void sort_descending(T *key, uint32_t n, int i)
{
	for (uint32_t run = 2; run <= n; run *= 2)
		for (uint32_t step = run / 2; step > 0; step /= 2) {
			for (uint32_t p = threadIdx.x; p < n / 2; p += blockDim.x) {
				const uint32_t a = p / step * step * 2 + p % step, b = a + step;
				const bool rises = a & run;
				const T x = key[a], y = key[b];
				if ((x < y) != rises && x != y) {
					key[a] = y;
					key[b] = x;
				}
			}
			SYNC(i);
		}
}

/* The sum of the values of the lanes before this one, and of all; s: FC_WARP values of shared
 * memory.  Has SYNC(i) and SYNC(i + 1). */
__device__ inline uint32_t sum_before(uint32_t v, uint32_t *s, uint32_t *all, int i)
{
	const int lane = (int)threadIdx.x % FC_WARP;
	const uint32_t warp = threadIdx.x / FC_WARP;
	uint32_t sum = v;
	for (int step = 1; step < FC_WARP; step *= 2) {
		const uint32_t other = lane_at(sum, lane - step < 0 ? lane : lane - step);
		sum += lane >= step ? other : 0;
	}
	if (lane == FC_WARP - 1)
		s[warp] = sum;
	SYNC(i);
	uint32_t before = sum - v;
	*all = 0;
	for (uint32_t w = 0; w < blockDim.x / FC_WARP; w++) {
		before += w < warp ? s[w] : 0;
		*all += s[w];
	}
	SYNC(i + 1);
	return before;
}

#endif
