/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/attention_walk.h"

/*
 * Few queries: the rows of a tile are the queries and the heads that share keys, so that these are
 * read once, and the keys are split over blocks, ATTN_SPLIT at a time, whatever else is asked for.
 * A second kernel joins what the splits found, in their order; so a row has the bits it has alone.
 */
enum { ATTN_SPLIT = 256, ATTN_FEW = 8, JOIN_LANES = 64 };

struct attn_split_item {
	struct attn_item s;
	uint32_t lo, n_split; /* the first split, and how many */
	/* of [G][n_split][n_q * H / G] rows: D sums of exp(score - max) v, max, sum of exponentials
	 */
	float *part;
	uint32_t first_row; /* block of attn_join_k */
};

enum { ATTN_SPLIT_SEQS = 28 };

struct attn_split_list {
	struct attn_dims d;
	uint32_t n_item, end, end_row;
	float slope[ATTN_SLOPES];
	struct attn_split_item item[ATTN_SPLIT_SEQS];
};

/* attn_item_of() for the two grids of a list. */
__device__ inline uint32_t split_item_of(const struct attn_split_list &l, uint32_t block, bool rows)
{
	uint32_t s = 0;
	while (
	    s + 1 < l.n_item && (rows ? l.item[s + 1].first_row : l.item[s + 1].s.first) <= block)
		s++;
	return s;
}

template <class T>
__global__ void attn_split_k(const __grid_constant__ struct attn_split_list l)
{
	DYN_SHARED(unsigned char, shared);
	const struct attn_dims &d = l.d;
	const struct attn_split_item &it = l.item[split_item_of(l, blockIdx.x, false)];
	const uint32_t i = blockIdx.x - it.s.first, share = d.H / d.G, g = i % d.G;
	const uint32_t part = i / d.G % it.n_split, rows = blockDim.x / 4;
	const uint32_t first = i / d.G / it.n_split * rows, n_row = it.s.n_q * share;
	const uint32_t lo = (it.lo + part) * ATTN_SPLIT, row = threadIdx.x / 4;
	struct attn_rows t = {0, g * share, share, first, n_row - first, lo, lo + ATTN_SPLIT};
	t.n = t.n < rows ? t.n : rows;
	t.hi = t.hi < it.s.n_k ? t.hi : it.s.n_k;
	const struct attn_room<T> m = attn_room_of<T>(shared, (int)d.wide);
	const float slope = d.slope && row < t.n ? l.slope[t.head + (first + row) % share] : 0;
	/* a sink is in the sum of the first part */
	const float *sink =
	    d.sink && part == 0 && row < t.n ? d.sink + t.head + (first + row) % share : NULL;
	const struct attn_running r = attn_walk<T>(m, d, it.s, t, slope, sink);
	float *to = it.part + (((size_t)g * it.n_split + part) * n_row + first) * (d.D + 2);
	if (threadIdx.x % 4 == 0 && row < t.n) {
		to[(size_t)row * (d.D + 2) + d.D] = r.max;
		to[(size_t)row * (d.D + 2) + d.D + 1] = r.sum;
	}
	SYNC(6);
	tile_store(to, d.D + 2, m.o, tile_ld<float>((int)d.wide), (int)t.n, (int)d.D);
}

/* A block a row: part i of D + 2 floats is i * step from x on. */
__global__ void attn_join_k(const __grid_constant__ struct attn_split_list l)
{
	const struct attn_dims &d = l.d;
	const struct attn_split_item &it = l.item[split_item_of(l, blockIdx.x, true)];
	const uint32_t i = blockIdx.x - it.first_row, query = i / d.H, head = i % d.H;
	const uint32_t share = d.H / d.G, n_row = it.s.n_q * share;
	const size_t step = (size_t)n_row * (d.D + 2);
	const float *x = it.part + (size_t)(head / share) * it.n_split * step +
	    (size_t)(query * share + head % share) * (d.D + 2);
	float max = -INFINITY, sum = 0;
	for (uint32_t p = 0; p < it.n_split; p++)
		max = x[p * step + d.D] > max ? x[p * step + d.D] : max;
	for (uint32_t p = 0; p < it.n_split; p++)
		if (x[p * step + d.D + 1] > 0)
			sum += x[p * step + d.D + 1] * expf(x[p * step + d.D] - max);
	for (uint32_t c = threadIdx.x; c < d.D; c += blockDim.x) {
		float o = 0;
		for (uint32_t p = 0; p < it.n_split; p++)
			if (x[p * step + d.D + 1] > 0)
				o += x[p * step + c] * expf(x[p * step + d.D] - max);
		attn_give(d, it.s.o + ((size_t)query * d.H + head) * d.D + c, o / sum);
	}
	if (it.s.lse && threadIdx.x == 0)
		it.s.lse[(size_t)query * d.H + head] = max + logf(sum);
}

bool attn_is_few(const struct fc_attn_seq *s)
{
	return s->n_q <= ATTN_FEW;
}

/* The rows of a tile: what the longest list of rows needs, if there is room for so many. */
template <class T>
static int rows_for(const struct fc_attn *a, const struct fc_attn_seq *seq, size_t n_seq)
{
	const int wide = (int)attn_dims_of(a).wide;
	size_t most = 0;
	for (size_t s = 0; s < n_seq; s++)
		if (attn_is_few(&seq[s]) && seq[s].n_q > most)
			most = seq[s].n_q;
	return attn_rows_fit(
	    most * (a->H / a->G), [=](int n) { return attn_room_bytes<T>(n, wide); });
}

/* Adds a sequence to the list; *n_float grows by its parts. */
static void add_item(
    struct attn_split_list *l, const struct fc_attn_seq *s, int rows, size_t *n_float)
{
	struct attn_split_item *it = &l->item[l->n_item++];
	it->s = attn_item_from(&l->d, s);
	it->lo = attn_first(l->d.window, attn_end(it->s.n_q, it->s.n_k, 0)) / ATTN_SPLIT;
	it->n_split = (it->s.n_k + ATTN_SPLIT - 1) / ATTN_SPLIT - it->lo;
	it->s.first = l->end;
	it->first_row = l->end_row;
	const size_t n_row = s->n_q * (l->d.H / l->d.G);
	l->end += it->n_split * l->d.G * (uint32_t)fc_cuda_ceil(n_row, (size_t)rows);
	l->end_row += it->s.n_q * l->d.H;
	*n_float += (size_t)l->d.G * it->n_split * n_row * (l->d.D + 2);
}

template <class T>
static void decode(struct fc_cuda *cu, struct attn_split_list *l, const struct fc_attn *a,
    const struct fc_attn_seq *seq, size_t n_seq, uint16_t *narrow)
{
	const int rows = rows_for<T>(a, seq, n_seq);
	if (!attn_has_room(cu, a, rows))
		return;
	for (size_t s = 0; s < n_seq;) {
		size_t n_float = 0;
		l->d = attn_dims_of(a);
		l->d.narrow = narrow;
		l->d.o_first = seq[0].o;
		l->n_item = l->end = l->end_row = 0;
		for (; s < n_seq && l->n_item < ATTN_SPLIT_SEQS; s++)
			if (attn_is_few(&seq[s]))
				add_item(l, &seq[s], rows, &n_float);
		if (!l->n_item)
			return;
		float *part =
		    static_cast<float *>(fc_cuda_scratch(cu, FC_CUDA_ATTN, n_float, sizeof *part));
		for (uint32_t i = 0; i < l->n_item; i++) {
			struct attn_split_item *it = &l->item[i];
			it->part = part;
			part += (size_t)l->d.H * it->n_split * it->s.n_q * (l->d.D + 2);
		}
		KLAUNCH(cu, attn_split_k<T>, dim3(l->end), dim3(4 * (unsigned)rows),
		    attn_room_bytes<T>(rows, (int)l->d.wide), *l);
		KLAUNCH(cu, attn_join_k, dim3(l->end_row), dim3(JOIN_LANES), 0, *l);
	}
}

void attn_decode(struct fc_cuda *cu, const struct fc_attn *a, const struct fc_attn_seq *seq,
    size_t n_seq, uint16_t *narrow)
{
	struct attn_split_list l;
	if (!attn_set_slopes(cu, l.slope, a))
		return;
	if (cu->nn.compute == FC_COMPUTE_BF16)
		decode<tile_bf16>(cu, &l, a, seq, n_seq, narrow);
	else
		decode<float>(cu, &l, a, seq, n_seq, narrow);
}
