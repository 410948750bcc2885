/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_CUDA_ATTENTION_WALK_H
#define FC_NN_CUDA_ATTENTION_WALK_H

#include "nn/cuda/attention_tile.h"

/*
 * A tile of rows walks over its keys; as on the CPU (cpu/attention.c) every row keeps the maximum
 * and the sum of what it saw, and its output is scaled down when a tile raises the maximum.  4
 * neighbouring lanes do a row's softmax.
 */
struct attn_rows {
	uint32_t query, head, heads; /* row r: head + r % heads of query + r / heads */
	uint32_t first, n;           /* the tile's are n from the first on */
	uint32_t lo, hi;             /* keys; lo is a multiple of ATTN_SEEN */
};

/* Shared memory of a block with that many rows. */
template <class T>
struct attn_room {
	float *o, *s; /* [rows, wide], [rows, ATTN_SEEN] */
	T *p;         /* exp(score - max), in the place of s */
	T *q, *part;  /* [rows, wide], [ATTN_SEEN, ATTN_SEEN] */
	float *row;   /* [rows] */
};

template <class T>
__host__ __device__ inline size_t attn_room_bytes(int rows, int wide)
{
	return attn_tile_bytes<float>(rows, wide) + attn_tile_bytes<float>(rows, ATTN_SEEN) +
	    attn_tile_bytes<T>(rows, wide) + attn_tile_bytes<T>(ATTN_SEEN, ATTN_SEEN) +
	    (size_t)rows * sizeof(float);
}

template <class T>
__device__ inline struct attn_room<T> attn_room_of(unsigned char *m, int wide) {
	const int rows = (int)blockDim.x / 4;
	struct attn_room<T> r;
	r.o = reinterpret_cast<float *>(m);
	m += attn_tile_bytes<float>(rows, wide);
	r.s = reinterpret_cast<float *>(m);
	r.p = reinterpret_cast<T *>(m);
	m += attn_tile_bytes<float>(rows, ATTN_SEEN);
	r.q = reinterpret_cast<T *>(m);
	m += attn_tile_bytes<T>(rows, wide);
	r.part = reinterpret_cast<T *>(m);
	m += attn_tile_bytes<T>(ATTN_SEEN, ATTN_SEEN);
	r.row = reinterpret_cast<float *>(m);
	return r;
}

/* Of the row of this lane, the same in its 4 lanes. */
struct attn_running {
	float max, sum;
};

/* q of the rows; a row's D floats are in the layout of attn_item. */
template <class T>
__device__ inline void attn_load_q(const struct attn_room<T> &m, const struct attn_dims &d,
    const struct attn_item &s, const struct attn_rows &t)
{
	const int rows = (int)blockDim.x / 4, wide = (int)d.wide, D = (int)d.D;
	for (int i = (int)threadIdx.x; i < rows * wide; i += (int)blockDim.x) {
		const uint32_t r = (uint32_t)(i / wide);
		const int c = i % wide;
		const uint32_t k = t.first + r;
		const size_t at =
		    ((size_t)(t.query + k / t.heads) * d.H + t.head + k % t.heads) * d.D;
		m.q[r * (uint32_t)tile_ld<T>(wide) + (uint32_t)c] =
		    tile_from<T>(r < t.n && c < D ? s.q[at + (size_t)c] : 0);
	}
}

/* Scores of this lane's row with the keys from k0 on become exp(score - max), all being read before
 * the first is written; what the row has of its output is scaled to the new maximum.  Has
 * WARP_SYNC(7): an exchange alone orders no memory. */
template <class T>
__device__ inline void attn_softmax(const struct attn_room<T> &m, const struct attn_dims &d,
    uint32_t n_q, uint32_t n_k, const struct attn_rows &t, float slope, uint32_t k0,
    struct attn_running *now)
{
	const uint32_t row = threadIdx.x / 4, part = threadIdx.x % 4;
	const uint32_t end =
	    row < t.n ? attn_end(n_q, n_k, t.query + (t.first + row) / t.heads) : 0;
	const uint32_t first = attn_first(d.window, end);
	const float *s = m.s + row * (uint32_t)tile_ld<float>(ATTN_SEEN);
	T *p = m.p + row * (uint32_t)attn_ld_in_place<T>();
	float score[ATTN_SEEN / 4], max = -INFINITY, sum = 0;
#pragma unroll
	for (uint32_t j = 0; j < ATTN_SEEN / 4; j++) {
		const uint32_t key = k0 + part + 4 * j;
		score[j] = -INFINITY;
		if (key >= first && key < end)
			score[j] = attn_score(d, slope, s[part + 4 * j], end - 1 - key);
		max = score[j] > max ? score[j] : max;
	}
	for (int mask = 1; mask < 4; mask *= 2) {
		const float other = lane_xor(max, mask);
		max = other > max ? other : max;
	}
	WARP_SYNC(7);
	max = max > now->max ? max : now->max;
	const float shrink = max == now->max ? 1 : expf(now->max - max);
#pragma unroll
	for (uint32_t j = 0; j < ATTN_SEEN / 4; j++) {
		const uint32_t key = k0 + part + 4 * j;
		const float e = key >= first && key < end ? expf(score[j] - max) : 0;
		sum += e;
		p[part + 4 * j] = tile_from<T>(e);
	}
	for (int mask = 1; mask < 4; mask *= 2)
		sum += lane_xor(sum, mask);
	now->max = max;
	now->sum = now->sum * shrink + sum;
	if (shrink != 1)
		for (uint32_t c = part; c < d.wide; c += 4)
			m.o[row * (uint32_t)tile_ld<float>((int)d.wide) + c] *= shrink;
}

/* sink: of this lane's row, which is then in the sum; or NULL.  m.o becomes the sum of exp(score -
 * max) v, not yet divided by the sum of exponentials.  Has SYNC(1) to SYNC(5) and WARP_SYNC(7);
 * another one must follow before m.o is read. */
template <class T>
__device__ inline struct attn_running attn_walk(const struct attn_room<T> &m,
    const struct attn_dims &d, const struct attn_item &s, const struct attn_rows &t, float slope,
    const float *sink)
{
	const int rows = (int)blockDim.x / 4;
	const uint32_t G = d.G, g = t.head / (d.H / G);
	const size_t stride = (size_t)G * d.D;
	struct attn_running now = {sink ? *sink : -INFINITY, sink ? 1.0f : 0.0f};
	tile_zero(m.o, rows * tile_ld<float>((int)d.wide));
	attn_load_q(m, d, s, t);
	for (uint32_t k0 = t.lo; k0 < t.hi; k0 += ATTN_SEEN) {
		const int n = (int)(t.hi - k0 < ATTN_SEEN ? t.hi - k0 : (uint32_t)ATTN_SEEN);
		const size_t at = k0 * stride + (size_t)g * d.D;
		attn_against<T>(m.s, m.q, d, m.part, s.k + at, stride, n, 1);
		SYNC(3);
		attn_softmax<T>(m, d, s.n_q, s.n_k, t, slope, k0, &now);
		attn_mix<T>(m.o, m.p, d, m.part, s.v + at, stride, n, 4);
	}
	return now;
}

#endif
