/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/head_device.h"
#include "nn/cuda/head_sort.h"

#include <string.h>

/*
 * The K largest logits of a row.  The K-th largest of the lanes' maxima is a bound below which none
 * of them can be; what is not below it is collected, a few of a lane, and sorted.  Where that is
 * too much, since many logits are equal or K is large, the K-th largest is found by bisection
 * first.
 */
enum { LANE_MOST = 8, SORT_MOST = 2048 };

/* A logit and its id as one number that orders like them: by logit, NaN above all; of equal ones
 * the lesser id is the larger number.  Adding 0 makes -0 equal to 0. */
__device__ static inline uint64_t key_of(float z, uint32_t id)
{
	uint32_t u;
	z += 0.0f;
	memcpy(&u, &z, sizeof u);
	u = z != z ? UINT32_MAX : u ^ (u >> 31 ? UINT32_MAX : (uint32_t)1 << 31);
	return (uint64_t)u << 32 | (UINT32_MAX - id);
}

__device__ static inline uint32_t id_of(uint64_t key)
{
	return UINT32_MAX - (uint32_t)key;
}

/* How many keys are least or above, in every lane.  Has SYNC(13) and SYNC(14). */
__device__ static inline uint32_t count_from(
    const float *z, uint32_t V, uint64_t least, uint32_t *s)
{
	uint32_t n = 0, all;
	for (uint32_t v = threadIdx.x; v < V; v += blockDim.x)
		n += key_of(z[v], v) >= least;
	sum_before(n, s, &all, 13);
	return all;
}

/* The K-th largest key: the largest number that K keys or more are not below. */
__device__ static inline uint64_t kth_key(const float *z, uint32_t V, uint32_t K, uint32_t *s)
{
	uint64_t least = 0;
	for (int bit = 63; bit >= 0; bit--) {
		const uint64_t with = least | (uint64_t)1 << bit;
		/* bits that no id has are ones in every key */
		if ((bit < 32 && (V - 1) >> bit == 0) || count_from(z, V, with, s) >= K)
			least = with;
	}
	return least;
}

struct topk_room {
	uint32_t *sum;  /* [FC_WARP] */
	float *max;     /* [lanes]; max[lanes]: the bound */
	uint32_t *list; /* [LANE_MOST, lanes] */
	uint64_t *key;  /* [SORT_MOST], or, of larger K, in device memory */
};

/* The K-th largest of the lanes' maxima, of which there are K. */
__device__ static inline float least_of_top(const struct topk_room &m, float own, uint32_t K)
{
	const uint32_t lane = threadIdx.x, lanes = blockDim.x;
	uint32_t above = 0;
	m.max[lane] = own;
	SYNC(7);
	for (uint32_t j = 0; j < lanes; j++)
		above += m.max[j] > own || (m.max[j] == own && j < lane);
	if (above == K - 1)
		m.max[lanes] = own;
	SYNC(8);
	return m.max[lanes];
}

/* Keys that hold the K largest, in m.key; returns their number. */
__device__ static inline uint32_t collect(
    const struct topk_room &m, const float *z, uint32_t V, float own, uint32_t K)
{
	const uint32_t lane = threadIdx.x, lanes = blockDim.x;
	const float least = K <= lanes ? least_of_top(m, own, K) : -INFINITY;
	uint32_t n = 0, all, too_many;
	for (uint32_t v0 = lane; v0 < V; v0 += HEAD_AT_ONCE * lanes) {
		float x[HEAD_AT_ONCE];
		for (uint32_t j = 0; j < HEAD_AT_ONCE; j++)
			x[j] = v0 + j * lanes < V ? z[v0 + j * lanes] : -INFINITY;
		for (uint32_t j = 0; j < HEAD_AT_ONCE; j++)
			if (v0 + j * lanes < V && !(x[j] < least)) {
				if (n < LANE_MOST)
					m.list[n * lanes + lane] = v0 + j * lanes;
				n++;
			}
	}
	sum_before(n > LANE_MOST, m.sum, &too_many, 9);
	const uint32_t at = sum_before(n, m.sum, &all, 11);
	if (!too_many && all <= SORT_MOST) {
		for (uint32_t i = 0; i < n; i++) {
			const uint32_t v = m.list[i * lanes + lane];
			m.key[at + i] = key_of(z[v], v);
		}
		return all;
	}
	const uint64_t least_key = kth_key(z, V, K, m.sum);
	n = 0;
	for (uint32_t v = lane; v < V; v += lanes)
		n += key_of(z[v], v) >= least_key;
	uint32_t to = sum_before(n, m.sum, &all, 15);
	for (uint32_t v = lane; v < V; v += lanes)
		if (key_of(z[v], v) >= least_key)
			m.key[to++] = key_of(z[v], v);
	return all;
}

struct topk_args {
	const float *z;
	size_t ld;
	uint32_t V, K;
	const uint32_t *target;
	uint64_t *key; /* [N, sort_size(K)] where that is more than SORT_MOST */
	uint32_t *id;
	float *logprob, *truth;
};

__global__ void __launch_bounds__(HEAD_LANES_MOST, 2)
    head_topk_k(const __grid_constant__ struct topk_args a)
{
	SHARED(double, reduce, FC_WARP);
	SHARED(uint32_t, sum, FC_WARP);
	SHARED(float, max, HEAD_LANES_MOST + 1);
	SHARED(uint32_t, list, LANE_MOST * HEAD_LANES_MOST);
	SHARED(uint64_t, key, SORT_MOST);
	const size_t row = blockIdx.x;
	const float *z = a.z + row * a.ld;
	const struct head_norm norm = head_norm_of(z, a.V, reduce, 1);
	if (threadIdx.x == 0) {
		const uint32_t target = a.target[row];
		a.truth[row] = target == FC_NO_TARGET ? 0 : (float)head_logprob(norm, z[target]);
	}
	if (!a.K)
		return;
	struct topk_room m = {sum, max, list, key};
	if (a.key)
		m.key = a.key + row * sort_size(a.K);
	const uint32_t n = collect(m, z, a.V, norm.own_max, a.K), size = sort_size(n);
	for (uint32_t i = n + threadIdx.x; i < size; i += blockDim.x)
		m.key[i] = 0;
	SYNC(17);
	sort_descending(m.key, size, 18);
	for (uint32_t k = threadIdx.x; k < a.K; k += blockDim.x) {
		const uint32_t id = id_of(m.key[k]);
		a.id[row * a.K + k] = id;
		a.logprob[row * a.K + k] = (float)head_logprob(norm, z[id]);
	}
}

void fc_cuda_head_topk(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, size_t N, size_t K, uint32_t *id, float *logprob, float *true_logprob)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	const size_t C = h->w.n_in, ld = h->w.n_out, tile = head_tile_rows(nn, h, N);
	const size_t n_key = K > SORT_MOST ? tile * sort_size((uint32_t)K) : 0;
	const uint32_t *on_device =
	    static_cast<uint32_t *>(fc_cuda_list(cu, FC_CUDA_LISTS, target, N, sizeof *target));
	float *logits =
	    static_cast<float *>(fc_cuda_scratch(cu, FC_CUDA_LOGITS, tile * ld, sizeof *logits));
	uint64_t *key =
	    static_cast<uint64_t *>(fc_cuda_scratch(cu, FC_CUDA_HEAD2, n_key, sizeof *key));
	float *result = static_cast<float *>(
	    fc_cuda_scratch(cu, FC_CUDA_HEAD, N * (2 * K + 1), sizeof *result));
	if (cu->failed)
		return;
	uint32_t *ids = reinterpret_cast<uint32_t *>(result + N * (K + 1));
	for (size_t n0 = 0; n0 < N; n0 += tile) {
		const size_t n = fc_cuda_min(tile, N - n0);
		head_tile(nn, h, x + n0 * C, n, logits);
		const struct topk_args a = {logits, ld, (uint32_t)h->n_vocab, (uint32_t)K,
		    on_device + n0, n_key ? key : NULL, ids + n0 * K, result + N + n0 * K,
		    result + n0};
		KLAUNCH(cu, head_topk_k, dim3((unsigned)n), dim3(head_lanes(h->n_vocab)), 0, a);
	}
	fc_cuda_get(nn, true_logprob, result, N * sizeof *true_logprob);
	fc_cuda_get(nn, logprob, result + N, N * K * sizeof *logprob);
	fc_cuda_get(nn, id, ids, N * K * sizeof *id);
}
