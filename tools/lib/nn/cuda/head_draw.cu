/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/head_device.h"
#include "nn/cuda/head_sort.h"

#include <vector>

/*
 * Draws are places in the sum of a row's exponentials, as in cpu/head_draw.c: the host makes n
 * numbers below 1 of every row from the row's generator, as it would there, and a lane looks for
 * the id of each.  The sums are made in the same order; only an exponential can be off by a unit,
 * so that hardly a draw is another one than the CPU's.
 */
enum { CHUNK = 512, PARTS = 8 };

static size_t n_chunk(size_t V)
{
	return fc_cuda_ceil(V, CHUNK);
}

/* A row's memory: in shared memory, or, of many draws, the device's. */
struct draw_room {
	double *before; /* [chunks + 1] sums of the exponentials before a chunk */
	uint64_t *key;  /* [sort_size(n)] count and id of an entry */
	uint32_t *id;   /* [sort_size(n)] of the draws */
	uint32_t *from; /* [n + 1] where the draws of an entry begin among the sorted */
};

static size_t room_bytes(size_t n, size_t V)
{
	const size_t size = sort_size((uint32_t)n);
	return (n_chunk(V) + 1) * sizeof(double) + size * 12 + (n + 2) / 2 * 8;
}

__device__ static inline struct draw_room room_of(unsigned char *m, uint32_t n, uint32_t chunks)
{
	const uint32_t size = sort_size(n);
	struct draw_room r;
	r.before = reinterpret_cast<double *>(m);
	r.key = reinterpret_cast<uint64_t *>(r.before + chunks + 1);
	r.id = reinterpret_cast<uint32_t *>(r.key + size);
	r.from = r.id + size;
	return r;
}

struct draw_args {
	float *z;
	size_t ld;
	uint32_t V, n, K;
	float inverse; /* of the temperature */
	const uint32_t *target;
	const double *unit;    /* [N, n] */
	unsigned char *memory; /* stride of a row; NULL: shared memory is enough */
	size_t stride;
	uint32_t *n_entry, *id;
	float *logprob, *truth;
};

/* before[c + 1] = sum of chunk c of p, in PARTS parts of which the first has what is left over.
 * part: PARTS * blockDim.x / PARTS doubles. Has SYNC(7) and SYNC(8). */
__device__ static inline void sum_chunks(
    const float *p, uint32_t V, double *before, double *part, uint32_t chunks)
{
	const uint32_t at_once = blockDim.x / PARTS, mine = threadIdx.x / PARTS;
	const uint32_t l = threadIdx.x % PARTS;
	for (uint32_t c0 = 0; c0 < chunks; c0 += at_once) {
		const uint32_t c = c0 + mine, first = c * CHUNK;
		const uint32_t end = first + CHUNK < V ? first + CHUNK : V;
		double sum = 0;
		uint32_t v = first;
		for (; c < chunks && v + PARTS <= end; v += PARTS)
			sum += (double)p[v + l];
		for (; c < chunks && l == 0 && v < end; v++)
			sum += (double)p[v];
		part[threadIdx.x] = sum;
		SYNC(7);
		const double *s = part + threadIdx.x;
		if (l == 0 && c < chunks)
			before[c + 1] =
			    ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
		SYNC(8);
	}
}

/* The id at a place of the sum.  What the rounding of the two ways to sum leaves over is the last
 * element's of a chunk that is above 0. */
__device__ static inline uint32_t id_at(
    const float *p, uint32_t V, const double *before, uint32_t chunks, double place)
{
	uint32_t lo = 0,
		 hi = chunks - 1; /* the first chunk that ends above the place, or the last */
	while (lo < hi) {
		const uint32_t mid = (lo + hi) / 2;
		if (place < before[mid + 1])
			hi = mid;
		else
			lo = mid + 1;
	}
	const uint32_t first = lo * CHUNK, end = first + CHUNK < V ? first + CHUNK : V;
	uint32_t top = first;
	double sum = before[lo];
	for (uint32_t v = first; v < end; v++) {
		sum += (double)p[v];
		if (place < sum)
			return v;
		top = p[v] > 0 ? v : top;
	}
	return top;
}

/* Entries of the sorted ids in r.key, count above id; returns their number.  Has SYNC(13) to
 * SYNC(15). */
__device__ static inline uint32_t count_ids(const struct draw_room &r, uint32_t n, uint32_t *s)
{
	const uint32_t each = (n + blockDim.x - 1) / blockDim.x, first = threadIdx.x * each;
	const uint32_t end = first + each < n ? first + each : n;
	uint32_t begins = 0, n_entry;
	for (uint32_t i = first; i < end; i++)
		begins += i == 0 || r.id[i] != r.id[i - 1];
	uint32_t at = sum_before(begins, s, &n_entry, 13);
	for (uint32_t i = first; i < end; i++)
		if (i == 0 || r.id[i] != r.id[i - 1])
			r.from[at++] = i;
	if (threadIdx.x == 0)
		r.from[n_entry] = n;
	SYNC(15);
	const uint32_t size = sort_size(n_entry);
	for (uint32_t k = threadIdx.x; k < size; k += blockDim.x)
		r.key[k] = k < n_entry
		    ? (uint64_t)(r.from[k + 1] - r.from[k]) << 32 | (UINT32_MAX - r.id[r.from[k]])
		    : 0;
	return n_entry;
}

__global__ void __launch_bounds__(HEAD_LANES_MOST, 2)
    head_draw_k(const __grid_constant__ struct draw_args a)
{
	DYN_SHARED(unsigned char, shared);
	SHARED(double, reduce, FC_WARP);
	SHARED(double, part, HEAD_LANES_MOST);
	SHARED(uint32_t, scan, FC_WARP);
	const size_t row = blockIdx.x;
	const uint32_t chunks = (a.V + CHUNK - 1) / CHUNK;
	float *z = a.z + row * a.ld;
	const struct draw_room r =
	    room_of(a.memory ? a.memory + row * a.stride : shared, a.n, chunks);
	const struct head_norm norm = head_norm_of(z, a.V, reduce, 1);
	if (threadIdx.x == 0) {
		const uint32_t target = a.target[row];
		a.truth[row] = target == FC_NO_TARGET ? 0 : (float)head_logprob(norm, z[target]);
	}
	SYNC(9);
	/* The difference comes first: it is exact where it matters, and large logits at a low
	 * temperature don't overflow. */
	head_each(z, a.V, [=, &a](uint32_t, float x) { return expf((x - norm.max) * a.inverse); });
	SYNC(10);
	sum_chunks(z, a.V, r.before, part, chunks);
	if (threadIdx.x == 0) {
		r.before[0] = 0;
		for (uint32_t c = 0; c < chunks; c++)
			r.before[c + 1] += r.before[c];
	}
	SYNC(11);
	const double whole = r.before[chunks], last = nextafter(whole, 0.0);
	for (uint32_t i = threadIdx.x; i < sort_size(a.n); i += blockDim.x)
		r.id[i] = i < a.n
		    ? id_at(z, a.V, r.before, chunks, fmin(a.unit[row * a.n + i] * whole, last))
		    : 0;
	SYNC(12);
	sort_descending(r.id, sort_size(a.n), 16);
	const uint32_t n = count_ids(r, a.n, scan);
	SYNC(17);
	sort_descending(r.key, sort_size(n), 18);
	for (uint32_t k = threadIdx.x; k < a.K; k += blockDim.x) {
		const double count = k < n ? (double)(r.key[k] >> 32) : a.n;
		a.id[row * a.K + k] = k < n ? UINT32_MAX - (uint32_t)r.key[k] : 0;
		a.logprob[row * a.K + k] = (float)log(count / (double)a.n);
	}
	if (threadIdx.x == 0)
		a.n_entry[row] = n;
}

/* n numbers below 1 of every row, on the device. */
static const double *make_units(struct fc_cuda *cu, struct fc_rng *rng, size_t N, size_t n)
{
	std::vector<double> unit(N * n);
	for (size_t i = 0; i < N && !cu->failed; i++)
		for (size_t k = 0; k < n; k++)
			unit[i * n + k] = fc_rng_unit(&rng[i]);
	return static_cast<const double *>(
	    fc_cuda_list(cu, FC_CUDA_HEAD2, unit.data(), N * n, sizeof(double)));
}

void fc_cuda_head_draw(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, size_t N, const struct fc_draws *d, struct fc_rng *rng,
    uint32_t *n_entry, uint32_t *id, float *logprob, float *true_logprob)
{
	enum { SHARED_BYTES = 40 * 1024 };
	struct fc_cuda *cu = fc_cuda_of(nn);
	const size_t C = h->w.n_in, ld = h->w.n_out, V = h->n_vocab,
		     tile = head_tile_rows(nn, h, N);
	const size_t K = fc_cuda_min(V, d->n), bytes = room_bytes(d->n, V);
	const size_t own = bytes > SHARED_BYTES ? fc_cuda_ceil(bytes, sizeof(float)) : 0;
	struct draw_args a = {};
	a.target =
	    static_cast<uint32_t *>(fc_cuda_list(cu, FC_CUDA_LISTS, target, N, sizeof *target));
	a.z = static_cast<float *>(
	    fc_cuda_scratch(cu, FC_CUDA_LOGITS, tile * (ld + 1 + own), sizeof *a.z));
	a.truth = static_cast<float *>(
	    fc_cuda_scratch(cu, FC_CUDA_HEAD, N * (2 * K + 2), sizeof *a.truth));
	a.ld = ld;
	a.V = (uint32_t)V;
	a.n = (uint32_t)d->n;
	a.K = (uint32_t)K;
	a.inverse = (float)(1 / d->temperature);
	if (own)
		a.memory = reinterpret_cast<unsigned char *>(a.z + (tile * ld + 1) / 2 * 2);
	a.stride = bytes;
	a.logprob = a.truth + N;
	a.id = reinterpret_cast<uint32_t *>(a.logprob + N * K);
	a.n_entry = a.id + N * K;
	const struct draw_args all = a;
	for (size_t n0 = 0; n0 < N && !cu->failed; n0 += tile) {
		const size_t n = fc_cuda_min(tile, N - n0);
		a.unit = make_units(cu, rng + n0, n, d->n);
		head_tile(nn, h, x + n0 * C, n, a.z);
		KLAUNCH(
		    cu, head_draw_k, dim3((unsigned)n), dim3(head_lanes(V)), own ? 0 : bytes, a);
		a.target += n;
		a.truth += n;
		a.logprob += n * K;
		a.id += n * K;
		a.n_entry += n;
	}
	fc_cuda_get(nn, true_logprob, all.truth, N * sizeof *all.truth);
	fc_cuda_get(nn, logprob, all.logprob, N * K * sizeof *all.logprob);
	fc_cuda_get(nn, id, all.id, N * K * sizeof *all.id);
	fc_cuda_get(nn, n_entry, all.n_entry, N * sizeof *all.n_entry);
}
