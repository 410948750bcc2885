/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_CUDA_HEAD_DEVICE_H
#define FC_NN_CUDA_HEAD_DEVICE_H

/*
 * What the kernels of the output layer share: one block a row of logits.  Rules are those of
 * cpu/head.c: of equal logits the lesser id comes first, and a log-probability is
 * (z - max) - log sum exp(z - max).
 *
 * Files: head_device (a tile of logits, the norm of a row), head_sort (order of numbers in a
 * block), head_topk, head_draw, head_loss with head_taught (a teacher's row).
 */

#include "nn/cuda/kernels.h"
#include "nn/cuda/launch.h"

enum { HEAD_LANES_MOST = 512, HEAD_AT_ONCE = 8 };

/* Lanes of a row's block: by the vocabulary alone, since a row's sum depends on them. */
static inline unsigned head_lanes(size_t n_vocab)
{
	unsigned n = FC_WARP;
	while (n < HEAD_LANES_MOST && n < n_vocab / 2)
		n *= 2;
	return n;
}

struct head_norm {
	float max;
	double sum, log_sum;
	/* Of the logits of this lane, those of ids lane, lane + blockDim.x, ...: the largest and
	 * the least id that has it. */
	float own_max;
	uint32_t own_best;
};

__device__ inline double head_logprob(const struct head_norm &n, float z)
{
	return (double)(z - n.max) - n.log_sum;
}

/*
 * One pass: every lane keeps a maximum and the sum of exponentials relative to it, which it scales
 * when the maximum is raised; float sums of HEAD_AT_ONCE terms are added up as doubles.  A NaN is
 * no maximum and makes the sum NaN.  s: FC_WARP values of shared memory.  Has SYNC(i) to SYNC(i +
 * 3).
 */
__device__ inline struct head_norm head_norm_of(const float *z, uint32_t V, double *s, int i)
{
	float most = -INFINITY;
	double sum = 0;
	uint32_t best = threadIdx.x;
	for (uint32_t v = threadIdx.x; v < V; v += HEAD_AT_ONCE * blockDim.x) {
		float x[HEAD_AT_ONCE], max = most, part = 0;
		for (uint32_t j = 0; j < HEAD_AT_ONCE; j++) {
			const uint32_t id = v + j * blockDim.x;
			x[j] = id < V ? z[id] : -INFINITY;
		}
		for (uint32_t j = 0; j < HEAD_AT_ONCE; j++)
			if (x[j] > max) {
				max = x[j];
				best = v + j * blockDim.x;
			}
		for (uint32_t j = 0; j < HEAD_AT_ONCE; j++)
			part += max > -INFINITY ? expf(x[j] - max) : x[j] != x[j] ? x[j] : 0;
		if (max != most)
			sum *= (double)expf(most - max);
		sum += (double)part;
		most = max;
	}
	struct head_norm n;
	n.own_max = most;
	n.own_best = best;
	n.max = (float)block_max((double)most, s, i);
	n.sum = block_sum(sum * (double)expf(most - n.max), s, i + 2);
	n.log_sum = log(n.sum);
	return n;
}

/* The least id with the largest logit.  Has the barriers i and i + 1. */
__device__ inline uint32_t head_best_of(const struct head_norm &n, double *s, int i)
{
	const double own = n.own_max == n.max ? -(double)n.own_best : -INFINITY;
	return (uint32_t)-block_max(own, s, i);
}

/* z[v] = f(v, z[v]), v < n; several loads are under way before a store. */
template <class F>
__device__ inline void head_each(float *z, uint32_t n, F f)
{
	for (uint32_t v = threadIdx.x; v < n; v += HEAD_AT_ONCE * blockDim.x) {
		float x[HEAD_AT_ONCE];
		for (uint32_t j = 0; j < HEAD_AT_ONCE; j++)
			x[j] = v + j * blockDim.x < n ? z[v + j * blockDim.x] : 0;
		for (uint32_t j = 0; j < HEAD_AT_ONCE; j++)
			if (v + j * blockDim.x < n)
				z[v + j * blockDim.x] = f(v + j * blockDim.x, x[j]);
	}
}

/* Rows of x whose logits are held at a time. */
size_t head_tile_rows(const struct fc_nn *nn, const struct fc_head *h, size_t N);
/* logits [N,V'] with the cap applied. */
void head_tile(struct fc_nn *nn, const struct fc_head *h, const float *x, size_t N, float *logits);

#endif
