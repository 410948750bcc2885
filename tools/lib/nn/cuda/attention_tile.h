/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_CUDA_ATTENTION_TILE_H
#define FC_NN_CUDA_ATTENTION_TILE_H

/*
 * What the attention kernels share.  A block keeps a tile of rows in shared memory and walks over
 * tiles of ATTN_SEEN keys (or, for gradients of keys, queries), which it reads ATTN_SEEN components
 * of a head at a time; so shared memory grows with D only by what is kept.
 *
 * Files: attention (whole sequences), attention_decode (few queries, the keys split over blocks),
 * attention_bwd; attention_walk is the softmax over keys of the first two.
 */

#include "nn/cuda/kernels.h"
#include "nn/cuda/tile.h"

enum { ATTN_SEEN = TILE_WIDE };

/* Sequences and slopes travel as parameters of a kernel, this many a launch. */
enum { ATTN_SEQS = 40, ATTN_SLOPES = 128 };

struct attn_dims {
	uint32_t H, G, D, window;
	uint32_t wide; /* D up to a multiple of TILE_STEP */
	float scale, softcap;
	bool four;         /* rows of q, k, v, o and gradients begin at multiples of 16 bytes */
	bool slope;        /* ALiBi */
	const float *sink; /* [H] or NULL */
	/* What lies at o[i] of an item comes rounded to narrow[o + i - o_first], too; or NULL. */
	uint16_t *narrow;
	const float *o_first;
};

struct attn_item {
	const float *q, *k, *v; /* [n_q, H*D], [n_k, G*D] */
	float *o, *lse;         /* lse may be NULL */
	uint32_t n_q, n_k;
	uint32_t first; /* its first block of the grid */
};

struct attn_list {
	struct attn_dims d;
	uint32_t n_item;
	uint32_t end; /* blocks of the grid */
	float slope[ATTN_SLOPES];
	struct attn_item item[ATTN_SEQS];
};

/* Query i of a sequence sees the keys [first, end). */
__device__ __host__ inline uint32_t attn_end(uint32_t n_q, uint32_t n_k, uint32_t i)
{
	return i + n_k - n_q + 1;
}
__device__ __host__ inline uint32_t attn_first(uint32_t window, uint32_t end)
{
	return window && end > window ? end - window : 0;
}

/* The item whose block this is. */
template <class LIST>
__device__ inline uint32_t attn_item_of(const LIST &l, uint32_t block)
{
	uint32_t s = 0;
	while (s + 1 < l.n_item && l.item[s + 1].first <= block)
		s++;
	return s;
}

/* An element of what attention gives; at: its place. */
__device__ inline void attn_give(const struct attn_dims &d, float *at, float x)
{
	*at = x;
	if (d.narrow)
		d.narrow[at - d.o_first] = bf16_of_float(x);
}

/* A score from a product of query and key, `back` keys before the query. */
__device__ inline float attn_score(const struct attn_dims &d, float slope, float x, uint32_t back)
{
	if (d.slope)
		return d.scale * x - slope * (float)back;
	if (d.softcap > 0)
		return d.softcap * tanhf(x * (d.scale / d.softcap));
	return d.scale * x;
}

/* Elements from row to row of a tile of T that takes the place of scores. */
template <class T>
__host__ __device__ constexpr int attn_ld_in_place()
{
	return tile_ld<float>(ATTN_SEEN) * (int)(sizeof(float) / sizeof(T));
}

/* c[rows, ATTN_SEEN] = a[rows, wide] times rows of x, ATTN_SEEN of which the first n_valid are
 * there.  chunk: shared memory for ATTN_SEEN components of them.  Has SYNC(i), after which the
 * chunk is written, and SYNC(i + 1); a barrier must follow before c is read. */
template <class T>
__device__ inline void attn_against(float *c, const T *a, const struct attn_dims &d, T *chunk,
    const float *x, size_t stride, int n_valid, int i)
{
	const int wide = (int)d.wide, D = (int)d.D;
	for (int d0 = 0; d0 < wide; d0 += ATTN_SEEN) {
		const int part = wide - d0 < ATTN_SEEN ? wide - d0 : (int)ATTN_SEEN;
		SYNC(i);
		tile_load<T>(chunk, ATTN_SEEN, part, tile_ld<T>(ATTN_SEEN), x + d0, stride, n_valid,
		    D - d0, d.four);
		SYNC(i + 1);
		tile_nt<T>(c, tile_ld<float>(ATTN_SEEN), a + d0, tile_ld<T>(wide), chunk,
		    tile_ld<T>(ATTN_SEEN), ATTN_SEEN, part, d0 > 0);
	}
}

/* c[rows, wide] += p[rows, ATTN_SEEN] times such rows of x, p being in the place of scores.  Has
 * SYNC(i), after which the chunk is written, and SYNC(i + 1), after which p is read. */
template <class T>
__device__ inline void attn_mix(float *c, const T *p, const struct attn_dims &d, T *chunk,
    const float *x, size_t stride, int n_valid, int i)
{
	const int wide = (int)d.wide, D = (int)d.D;
	for (int d0 = 0; d0 < wide; d0 += ATTN_SEEN) {
		const int part = wide - d0 < ATTN_SEEN ? wide - d0 : (int)ATTN_SEEN;
		SYNC(i);
		tile_load<T>(chunk, ATTN_SEEN, part, tile_ld<T>(ATTN_SEEN), x + d0, stride, n_valid,
		    D - d0, d.four);
		SYNC(i + 1);
		tile_nn<T>(c + d0, tile_ld<float>(wide), p, attn_ld_in_place<T>(), chunk,
		    tile_ld<T>(ATTN_SEEN), part, ATTN_SEEN);
	}
}

/* ---- the host's side ---- */

/* The most rows of a tile, 64, 32 or 16, so that bytes(rows) of shared memory are not too much, and
 * that most rows have a use for; 0: there are none. */
template <class BYTES>
int attn_rows_fit(size_t most, BYTES bytes)
{
	int rows = 64;
	while (rows >= TILE_STEP && bytes(rows) > FC_SHARED_MOST)
		rows /= 2;
	while (rows > TILE_STEP && (size_t)rows / 2 >= most)
		rows /= 2;
	return rows >= TILE_STEP ? rows : 0;
}

/* Bytes of a tile, a multiple of 32. */
template <class T>
__host__ __device__ inline size_t attn_tile_bytes(int rows, int wide)
{
	return ((size_t)rows * (size_t)tile_ld<T>(wide) * sizeof(T) + 31) / 32 * 32;
}

/* Are slopes and the width within what kernels take?  False is an error of the device. */
bool attn_set_slopes(struct fc_cuda *cu, float *slope, const struct fc_attn *a);
bool attn_has_room(struct fc_cuda *cu, const struct fc_attn *a, int rows);
struct attn_dims attn_dims_of(const struct fc_attn *a);
/* d->four is false then where it does not hold for s. */
struct attn_item attn_item_from(struct attn_dims *d, const struct fc_attn_seq *s);
bool attn_is_four(const struct attn_dims *d, const void *p);

/* attention_decode.cu: sequences of few queries; the others are left.  narrow: rounded results,
 * where those of all sequences are one array; or NULL. */
bool attn_is_few(const struct fc_attn_seq *s);
void attn_decode(struct fc_cuda *cu, const struct fc_attn *a, const struct fc_attn_seq *seq,
    size_t n_seq, uint16_t *narrow);

#endif
