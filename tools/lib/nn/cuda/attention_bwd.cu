/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/attention_tile.h"

/*
 * Scores are computed again from the log-sum-exp of the forward pass, as on the CPU:
 *   P = exp(S - lse),  dP = dO V^T,  dS = scale P (dP - delta) slope of the cap,  delta = dO . O
 *   dQ = dS K,  dK = dS^T Q,  dV = P^T dO
 * dQ comes from blocks of queries that walk over keys, dK and dV from blocks of keys that walk over
 * queries and the heads that share them; each result is one block's, in one order.
 */
enum { BWD_SEQS = 30, DELTA_LANES = fc_lanes(256) };

struct bwd_item {
	const float *q, *k, *v, *o, *lse, *dout;
	float *dq, *dk, *dv;
	float *delta; /* [n, H] */
	uint32_t n;   /* queries and keys */
	uint32_t first, first_kv, first_delta;
};

struct bwd_list {
	struct attn_dims d;
	uint32_t n_item, end, end_kv, end_delta;
	float slope[ATTN_SLOPES];
	struct bwd_item item[BWD_SEQS];
};

/* A warp for each query and head. */
__global__ void attn_delta_k(const __grid_constant__ struct bwd_list l)
{
	const uint32_t warp = blockIdx.x * (blockDim.x / FC_WARP) + threadIdx.x / FC_WARP;
	if (warp >= l.end_delta)
		return;
	uint32_t s = 0;
	while (s + 1 < l.n_item && l.item[s + 1].first_delta <= warp)
		s++;
	const struct bwd_item &it = l.item[s];
	const size_t at = warp - it.first_delta;
	float sum = 0;
	for (uint32_t c = threadIdx.x % FC_WARP; c < l.d.D; c += FC_WARP)
		sum += it.dout[at * l.d.D + c] * it.o[at * l.d.D + c];
	sum = warp_sum(sum);
	if (threadIdx.x % FC_WARP == 0)
		it.delta[at] = sum;
}

/* P and dS of a query and a key, `back` before it, from their products and the query's lse and
 * delta. */
struct bwd_pair {
	float p, ds;
};
__device__ inline struct bwd_pair bwd_pair_of(const struct attn_dims &d, float slope, float qk,
    uint32_t back, float dp, float lse, float delta)
{
	const float score = attn_score(d, slope, qk, back), p = expf(score - lse);
	float ds = d.scale * p * (dp - delta);
	if (d.softcap > 0)
		ds *= (1 - score / d.softcap) * (1 + score / d.softcap);
	return {p, ds};
}

__device__ inline bool bwd_sees(const struct attn_dims &d, uint32_t n, uint32_t query, uint32_t key)
{
	return query < n && key <= query && key >= attn_first(d.window, query + 1);
}

/* Shared memory of a block of either kind: two tiles of rows that stay, a chunk, scores and dP, P
 * and dS in their places, one or two results. */
template <class T>
struct bwd_room {
	T *a, *b, *part, *p, *ds;
	float *s, *dp, *to, *to2;
	float *lse, *delta; /* [ATTN_SEEN] */
};

template <class T>
__host__ __device__ inline size_t bwd_room_bytes(int rows, int wide, int n_to)
{
	return 2 * attn_tile_bytes<T>(rows, wide) + attn_tile_bytes<T>(ATTN_SEEN, ATTN_SEEN) +
	    2 * attn_tile_bytes<float>(rows, ATTN_SEEN) +
	    (size_t)n_to * attn_tile_bytes<float>(rows, wide) + 2 * ATTN_SEEN * sizeof(float);
}

template <class T>
__device__ inline struct bwd_room<T> bwd_room_of(unsigned char *m, int wide, int n_to) {
	const int rows = (int)blockDim.x / 4;
	const size_t tile = attn_tile_bytes<T>(rows, wide), to = attn_tile_bytes<float>(rows, wide);
	const size_t score = attn_tile_bytes<float>(rows, ATTN_SEEN);
	struct bwd_room<T> r;
	r.a = reinterpret_cast<T *>(m);
	r.b = reinterpret_cast<T *>(m + tile);
	r.part = reinterpret_cast<T *>(m + 2 * tile);
	m += 2 * tile + attn_tile_bytes<T>(ATTN_SEEN, ATTN_SEEN);
	r.s = reinterpret_cast<float *>(m);
	r.dp = reinterpret_cast<float *>(m + score);
	r.p = reinterpret_cast<T *>(m);
	r.ds = reinterpret_cast<T *>(m + score);
	m += 2 * score;
	r.to = reinterpret_cast<float *>(m);
	r.to2 = n_to > 1 ? reinterpret_cast<float *>(m + to) : NULL;
	r.lse = reinterpret_cast<float *>(m + (size_t)n_to * to);
	r.delta = r.lse + ATTN_SEEN;
	return r;
}

/* Scores and dP of this lane's row, 4 lanes a row, become P and dS; a row's are read before the
 * first is written.  query(j), key(j): of column j; lse(j), delta(j): of its query.  Has
 * WARP_SYNC(11). */
template <class T, class QUERY, class KEY, class LSE, class DELTA>
__device__ inline void bwd_row(const struct bwd_room<T> &m, const struct attn_dims &d, float slope,
    uint32_t n, QUERY query, KEY key, LSE lse, DELTA delta)
{
	const int row = (int)threadIdx.x / 4, first = (int)threadIdx.x % 4;
	const int from = row * tile_ld<float>(ATTN_SEEN), to = row * attn_ld_in_place<T>();
	float p[ATTN_SEEN / 4], ds[ATTN_SEEN / 4];
#pragma unroll
	for (int i = 0; i < ATTN_SEEN / 4; i++) {
		const int j = first + 4 * i;
		struct bwd_pair x = {0, 0};
		if (bwd_sees(d, n, query(j), key(j)))
			x = bwd_pair_of(d, slope, m.s[from + j], query(j) - key(j), m.dp[from + j],
			    lse(j), delta(j));
		p[i] = x.p;
		ds[i] = x.ds;
	}
	WARP_SYNC(11);
#pragma unroll
	for (int i = 0; i < ATTN_SEEN / 4; i++) {
		m.p[to + first + 4 * i] = tile_from<T>(p[i]);
		m.ds[to + first + 4 * i] = tile_from<T>(ds[i]);
	}
}

/* dQ of one head of a tile of queries. */
template <class T>
__global__ void attn_bwd_q_k(const __grid_constant__ struct bwd_list l)
{
	DYN_SHARED(unsigned char, shared);
	const struct attn_dims &d = l.d;
	const struct bwd_item &it = l.item[attn_item_of(l, blockIdx.x)];
	const uint32_t rows = blockDim.x / 4, i = blockIdx.x - it.first, head = i % d.H;
	const uint32_t q0 = ((it.n + rows - 1) / rows - 1 - i / d.H) * rows;
	const uint32_t n_row = it.n - q0 < rows ? it.n - q0 : rows;
	const uint32_t row = threadIdx.x / 4, query = q0 + row;
	const int wide = (int)d.wide, D = (int)d.D;
	const size_t stride = (size_t)d.H * d.D, kv_stride = (size_t)d.G * d.D;
	const size_t at = q0 * stride + (size_t)head * d.D;
	const struct bwd_room<T> m = bwd_room_of<T>(shared, wide, 1);
	const float lse = row < n_row ? it.lse[(size_t)query * d.H + head] : 0;
	const float delta = row < n_row ? it.delta[(size_t)query * d.H + head] : 0;
	tile_zero(m.to, (int)rows * tile_ld<float>(wide));
	tile_load<T>(
	    m.a, (int)rows, wide, tile_ld<T>(wide), it.q + at, stride, (int)n_row, D, d.four);
	tile_load<T>(
	    m.b, (int)rows, wide, tile_ld<T>(wide), it.dout + at, stride, (int)n_row, D, d.four);
	for (uint32_t k0 = attn_first(d.window, q0 + 1) / ATTN_SEEN * ATTN_SEEN; k0 < q0 + n_row;
	     k0 += ATTN_SEEN) {
		const int n = (int)(it.n - k0 < ATTN_SEEN ? it.n - k0 : (uint32_t)ATTN_SEEN);
		const size_t kv = k0 * kv_stride + (size_t)(head / (d.H / d.G)) * d.D;
		attn_against<T>(m.s, m.a, d, m.part, it.k + kv, kv_stride, n, 1);
		attn_against<T>(m.dp, m.b, d, m.part, it.v + kv, kv_stride, n, 3);
		SYNC(5);
		bwd_row<T>(
		    m, d, d.slope ? l.slope[head] : 0, it.n, [=](int) { return query; },
		    [=](int j) { return k0 + (uint32_t)j; }, [=](int) { return lse; },
		    [=](int) { return delta; });
		attn_mix<T>(m.to, m.ds, d, m.part, it.k + kv, kv_stride, n, 6);
	}
	SYNC(8);
	tile_store(it.dq + at, stride, m.to, tile_ld<float>(wide), (int)n_row, D);
}

/* lse and delta of the queries from q0 on, of one head. */
template <class T>
__device__ inline void bwd_load_sums(const struct bwd_room<T> &m, const struct attn_dims &d,
    const struct bwd_item &it, uint32_t head, uint32_t q0)
{
	for (uint32_t j = threadIdx.x; j < ATTN_SEEN; j += blockDim.x) {
		const bool there = q0 + j < it.n;
		m.lse[j] = there ? it.lse[(size_t)(q0 + j) * d.H + head] : 0;
		m.delta[j] = there ? it.delta[(size_t)(q0 + j) * d.H + head] : 0;
	}
}

/* dK and dV of one key head of a tile of keys: tiles are keys by queries. */
template <class T>
__global__ void attn_bwd_kv_k(const __grid_constant__ struct bwd_list l)
{
	DYN_SHARED(unsigned char, shared);
	const struct attn_dims &d = l.d;
	uint32_t s = 0;
	while (s + 1 < l.n_item && l.item[s + 1].first_kv <= blockIdx.x)
		s++;
	const struct bwd_item &it = l.item[s];
	const uint32_t rows = blockDim.x / 4, i = blockIdx.x - it.first_kv, g = i % d.G;
	const uint32_t k0 = i / d.G * rows, n_row = it.n - k0 < rows ? it.n - k0 : rows;
	const uint32_t key = k0 + threadIdx.x / 4, share = d.H / d.G;
	const uint32_t last = d.window && d.window < it.n - (k0 + n_row - 1)
	    ? k0 + n_row - 1 + d.window
	    : it.n; /* queries from there on see none of the keys */
	const int wide = (int)d.wide, D = (int)d.D;
	const size_t stride = (size_t)d.H * d.D, kv_stride = (size_t)d.G * d.D;
	const size_t at = k0 * kv_stride + (size_t)g * d.D;
	const struct bwd_room<T> m = bwd_room_of<T>(shared, wide, 2);
	tile_zero(m.to, (int)rows * tile_ld<float>(wide));
	tile_zero(m.to2, (int)rows * tile_ld<float>(wide));
	tile_load<T>(
	    m.a, (int)rows, wide, tile_ld<T>(wide), it.k + at, kv_stride, (int)n_row, D, d.four);
	tile_load<T>(
	    m.b, (int)rows, wide, tile_ld<T>(wide), it.v + at, kv_stride, (int)n_row, D, d.four);
	for (uint32_t head = g * share; head < (g + 1) * share; head++)
		for (uint32_t q0 = k0 / ATTN_SEEN * ATTN_SEEN; q0 < last; q0 += ATTN_SEEN) {
			const uint32_t left = it.n - q0;
			const int n = (int)(left < ATTN_SEEN ? left : (uint32_t)ATTN_SEEN);
			const size_t q = q0 * stride + (size_t)head * d.D;
			attn_against<T>(m.s, m.a, d, m.part, it.q + q, stride, n, 1);
			bwd_load_sums(m, d, it, head, q0);
			attn_against<T>(m.dp, m.b, d, m.part, it.dout + q, stride, n, 3);
			SYNC(5);
			bwd_row<T>(
			    m, d, d.slope ? l.slope[head] : 0, it.n,
			    [=](int j) { return q0 + (uint32_t)j; }, [=](int) { return key; },
			    [=](int j) { return m.lse[j]; }, [=](int j) { return m.delta[j]; });
			attn_mix<T>(m.to, m.ds, d, m.part, it.q + q, stride, n, 6);
			attn_mix<T>(m.to2, m.p, d, m.part, it.dout + q, stride, n, 8);
		}
	SYNC(10);
	tile_store(it.dk + at, kv_stride, m.to, tile_ld<float>(wide), (int)n_row, D);
	tile_store(it.dv + at, kv_stride, m.to2, tile_ld<float>(wide), (int)n_row, D);
}

static void add_item(struct bwd_list *l, const struct fc_attn_seq *s, const struct fc_attn_grad *g,
    int rows_q, int rows_kv)
{
	struct bwd_item *it = &l->item[l->n_item++];
	*it = {s->q, s->k, s->v, s->o, s->lse, g->dout, g->dq, g->dk, g->dv, NULL, (uint32_t)s->n_q,
	    l->end, l->end_kv, l->end_delta};
	l->end += (uint32_t)fc_cuda_ceil(s->n_q, (size_t)rows_q) * l->d.H;
	l->end_kv += (uint32_t)fc_cuda_ceil(s->n_q, (size_t)rows_kv) * l->d.G;
	l->end_delta += (uint32_t)s->n_q * l->d.H;
	const float *const begins[] = {s->q, s->k, s->v, g->dout};
	for (const float *p : begins)
		l->d.four = l->d.four && attn_is_four(&l->d, p);
}

template <class T>
static void backward(struct fc_cuda *cu, const struct fc_attn *a, const struct fc_attn_seq *seq,
    const struct fc_attn_grad *grad, size_t n_seq)
{
	struct bwd_list l;
	if (!attn_set_slopes(cu, l.slope, a))
		return;
	const int wide = (int)attn_dims_of(a).wide;
	size_t most = 0;
	for (size_t s = 0; s < n_seq; s++)
		most = seq[s].n_q > most ? seq[s].n_q : most;
	const int rows_q =
	    attn_rows_fit(most, [=](int n) { return bwd_room_bytes<T>(n, wide, 1); });
	const int rows_kv =
	    attn_rows_fit(most, [=](int n) { return bwd_room_bytes<T>(n, wide, 2); });
	if (!attn_has_room(cu, a, rows_kv))
		return;
	for (size_t s = 0; s < n_seq;) {
		l.d = attn_dims_of(a);
		l.n_item = l.end = l.end_kv = l.end_delta = 0;
		for (; s < n_seq && l.n_item < BWD_SEQS; s++)
			add_item(&l, &seq[s], &grad[s], rows_q, rows_kv);
		float *delta = static_cast<float *>(
		    fc_cuda_scratch(cu, FC_CUDA_ATTN, l.end_delta, sizeof *delta));
		for (uint32_t i = 0; i < l.n_item; i++)
			l.item[i].delta = delta + l.item[i].first_delta;
		KLAUNCH(cu, attn_delta_k,
		    dim3((unsigned)fc_cuda_ceil(l.end_delta, DELTA_LANES / FC_WARP)),
		    dim3(DELTA_LANES), 0, l);
		KLAUNCH(cu, attn_bwd_q_k<T>, dim3(l.end), dim3(4 * (unsigned)rows_q),
		    bwd_room_bytes<T>(rows_q, wide, 1), l);
		KLAUNCH(cu, attn_bwd_kv_k<T>, dim3(l.end_kv), dim3(4 * (unsigned)rows_kv),
		    bwd_room_bytes<T>(rows_kv, wide, 2), l);
	}
}

void fc_cuda_attn_bwd(struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq,
    const struct fc_attn_grad *grad, size_t n_seq)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	if (nn->compute == FC_COMPUTE_BF16)
		backward<tile_bf16>(cu, a, seq, grad, n_seq);
	else
		backward<float>(cu, a, seq, grad, n_seq);
}
