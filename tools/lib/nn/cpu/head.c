/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/head.h"

#include <math.h>
#include <string.h>

#include "base/par.h"

/* A tile is small enough for the outer cache, and of so many rows at least that the product runs
 * well. */
enum { TILE_BYTES = 32 << 20, LEAST_ROWS = 128, MOST_ROWS = 1024 };

size_t fc_head_tile_rows(const struct fc_head *h, size_t N)
{
	size_t rows = TILE_BYTES / sizeof(float) / h->w.n_out / LEAST_ROWS * LEAST_ROWS;
	rows = rows < LEAST_ROWS ? LEAST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
	return rows < N ? rows : N;
}

void fc_head_tile(
    struct fc_cpu *cpu, const struct fc_head *h, const float *x, size_t N, float *logits)
{
	const size_t ld = h->w.n_out;
	fc_cpu_linear_fwd(&cpu->nn, logits, x, &h->w, N);
	if (h->softcap <= 0)
		return;
#pragma omp parallel for collapse(2) if (N * ld > FC_PAR_ELEMENTS)
	for (size_t n = 0; n < N; n++)
		for (size_t v = 0; v < ld; v += 4096)
			cpu->kern->cap(logits + n * ld + v, logits + n * ld + v, 1, h->softcap,
			    fc_min_size(4096, ld - v));
}

struct fc_head_norm fc_head_norm_row(
    const struct fc_kern *k, const float *z, size_t n_vocab, float *group_max)
{
	struct fc_head_norm norm;
	norm.max = k->group_max(z, n_vocab, group_max);
	norm.sum = k->exp_sum(z, norm.max, n_vocab);
	norm.log_sum = log(norm.sum);
	return norm;
}

uint32_t fc_head_best(const float *z, size_t n_vocab, const float *group_max, float max)
{
	size_t best = n_vocab - 1;
	for (size_t g = 0; g < fc_kern_n_group(n_vocab); g++) {
		size_t v = fc_kern_group_at(g);
		if (group_max[g] < max || v >= best)
			continue;
		while (v < best && z[v] < max)
			v += FC_KERN_LANES;
		best = v < best ? v : best;
	}
	return (uint32_t)best;
}

/*
 * A logit and its id as one number that orders like them: by logit, of equal ones the lesser id is
 * the larger number.  Adding 0 makes -0 equal to 0.
 */
static uint64_t key_of(float z, size_t id)
{
	uint32_t u;
	z += 0.0f;
	memcpy(&u, &z, 4);
	u ^= u >> 31 ? UINT32_MAX : (uint32_t)1 << 31;
	return (uint64_t)u << 32 | (UINT32_MAX - (uint32_t)id);
}

static float logit_of(uint64_t key)
{
	uint32_t u = (uint32_t)(key >> 32);
	float z;
	u ^= u >> 31 ? (uint32_t)1 << 31 : UINT32_MAX;
	memcpy(&z, &u, 4);
	return z;
}

static uint32_t id_of(uint64_t key)
{
	return UINT32_MAX - (uint32_t)key;
}

/* The smallest of heap [n] is on top; heap[n] is larger than any key, which saves the inner loop a
 * branch that nothing can predict. */
static void sift_down(uint64_t *heap, size_t n, size_t i)
{
	const uint64_t key = heap[i];
	for (size_t c; (c = 2 * i + 1) < n; i = c) {
		c += heap[c + 1] < heap[c];
		if (heap[c] >= key)
			break;
		heap[i] = heap[c];
	}
	heap[i] = key;
}

/* Keeps the K largest keys of those offered. */
struct heap {
	uint64_t *key; /* [K+1] */
	size_t n, K;
};

static void heap_clear(struct heap *h)
{
	h->n = 0;
	h->key[h->K] = UINT64_MAX;
}

static void heap_offer(struct heap *h, uint64_t key)
{
	if (h->n < h->K) {
		h->key[h->n++] = key;
		for (size_t i = h->n == h->K ? h->K / 2 : 0; i-- > 0;)
			sift_down(h->key, h->K, i);
	} else if (key > h->key[0]) {
		h->key[0] = key;
		sift_down(h->key, h->K, 0);
	}
}

/* The smallest of n keys; n - 1 remain. */
static uint64_t heap_take(uint64_t *heap, size_t n)
{
	const uint64_t key = heap[0];
	heap[0] = heap[n - 1];
	heap[n - 1] = UINT64_MAX;
	sift_down(heap, n - 1, 0);
	return key;
}

/* The K-th largest group maximum: no logit below it can be among the K largest. */
static float least_of_top(struct heap *h, const float *group_max, size_t n_group)
{
	heap_clear(h);
	for (size_t g = 0; g < n_group; g++)
		heap_offer(h, key_of(group_max[g], 0));
	return h->n < h->K ? -INFINITY : logit_of(h->key[0]);
}

/* The K largest of z [V] in descending order; key is scratch [K+1].  NaNs count as the largest. */
static void top_k(
    uint32_t *id, size_t K, const float *z, size_t V, const float *group_max, uint64_t *key)
{
	const size_t n_group = fc_kern_n_group(V);
	struct heap h = {key, 0, K};
	if (!K)
		return;
	const float least = least_of_top(&h, group_max, n_group);
	heap_clear(&h);
	for (size_t g = 0; g < n_group; g++) {
		if (group_max[g] < least)
			continue;
		const size_t first = fc_kern_group_at(g),
			     end = fc_min_size(first + FC_KERN_BLOCK, V);
		for (size_t v = first; v < end; v += FC_KERN_LANES)
			if (!(z[v] < least))
				heap_offer(&h, key_of(z[v], v));
	}
	for (size_t n = K; n > 0; n--)
		id[n - 1] = id_of(heap_take(key, n));
}

/* One row of fc_cpu_head_topk(), from its logits. */
static void topk_row(const struct fc_kern *kern, const float *z, size_t V, uint32_t target,
    size_t K, uint32_t *id, float *logprob, float *true_logprob, float *group_max, uint64_t *key)
{
	const struct fc_head_norm norm = fc_head_norm_row(kern, z, V, group_max);
	top_k(id, K, z, V, group_max, key);
	for (size_t k = 0; k < K; k++)
		logprob[k] = (float)fc_head_logprob(&norm, z[id[k]]);
	*true_logprob = target == FC_NO_TARGET ? 0 : (float)fc_head_logprob(&norm, z[target]);
}

void fc_cpu_head_topk(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, size_t N, size_t K, uint32_t *id, float *logprob, float *true_logprob)
{
	struct fc_cpu *cpu = fc_cpu_of(nn);
	const size_t C = h->w.n_in, V = h->n_vocab, ld = h->w.n_out, tile = fc_head_tile_rows(h, N);
	const size_t n_group = fc_kern_n_group(V), n_threads = (size_t)fc_par_threads();
	float *logits = fc_cpu_scratch(cpu, FC_SCRATCH_LOGITS, tile * ld, sizeof *logits);
	uint64_t *keys =
	    fc_cpu_scratch(cpu, FC_SCRATCH_ROW, n_threads * (K + 1 + n_group), sizeof *keys);
	for (size_t n0 = 0; n0 < N; n0 += tile) {
		const size_t n_rows = fc_min_size(tile, N - n0);
		size_t next = 0;
		fc_head_tile(cpu, h, x + n0 * C, n_rows, logits);
#pragma omp parallel if (n_rows * V > FC_PAR_ELEMENTS)
		{
			size_t me;
#pragma omp atomic capture
			me = next++;
			uint64_t *key = keys + me * (K + 1 + n_group);
#pragma omp for schedule(dynamic)
			for (size_t n = n0; n < n0 + n_rows; n++)
				topk_row(cpu->kern, logits + (n - n0) * ld, V, target[n], K,
				    id + n * K, logprob + n * K, true_logprob + n,
				    (float *)(key + K + 1), key);
		}
	}
}

void fc_cpu_head_logits(
    struct fc_nn *nn, const struct fc_head *h, const float *x, size_t N, float *logits)
{
	struct fc_cpu *cpu = fc_cpu_of(nn);
	fc_head_tile(cpu, h, x, N, logits);
}
