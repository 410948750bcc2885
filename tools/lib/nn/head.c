/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/head.h"

#include <assert.h>
#include <math.h>

#include "nn/backend.h"

enum { TILE_BYTES = 16 << 20 };

size_t fc_head_tile_rows(const struct fc_head *h, size_t N)
{
	const size_t rows = TILE_BYTES / sizeof(float) / h->w.n_out, least = 16;
	const size_t n = rows < least ? least : rows;
	return n < N ? n : N;
}

void fc_head_tile(
    struct fc_nn *nn, const struct fc_head *h, const float *x, size_t N, float *logits)
{
	fc_linear_fwd(nn, logits, x, &h->w, N);
	if (h->softcap <= 0)
		return;
#pragma omp parallel for
	for (size_t i = 0; i < N * h->w.n_out; i++)
		logits[i] = h->softcap * tanhf(logits[i] / h->softcap);
}

double fc_head_lse(const float *z, size_t n)
{
	float max = -INFINITY;
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		max = z[i] > max ? z[i] : max;
	if (max == -INFINITY)
		return (double)max;
	for (size_t i = 0; i < n; i++)
		sum += (double)expf(z[i] - max);
	return (double)max + log(sum);
}

/* The worst of the kept tokens is on top: the smallest logit, of equal ones the largest id. */
static bool worse(const float *z, uint32_t a, uint32_t b)
{
	return z[a] < z[b] || (z[a] == z[b] && a > b);
}

static void sift_down(uint32_t *heap, size_t n, size_t i, const float *z)
{
	const uint32_t id = heap[i];
	for (size_t c; (c = 2 * i + 1) < n; i = c) {
		if (c + 1 < n && worse(z, heap[c + 1], heap[c]))
			c++;
		if (!worse(z, heap[c], id))
			break;
		heap[i] = heap[c];
	}
	heap[i] = id;
}

/* The K largest of z [V] in descending order. */
static void top_k(uint32_t *id, size_t K, const float *z, size_t V)
{
	for (size_t i = 0; i < K; i++)
		id[i] = (uint32_t)i;
	for (size_t i = K / 2; i-- > 0;)
		sift_down(id, K, i, z);
	for (size_t i = K; K && i < V; i++)
		if (z[i] > z[id[0]]) {
			id[0] = (uint32_t)i;
			sift_down(id, K, 0, z);
		}
	for (size_t n = K; n > 1; n--) {
		const uint32_t last = id[0];
		id[0] = id[n - 1];
		id[n - 1] = last;
		sift_down(id, n - 1, 0, z);
	}
}

void fc_head_topk(struct fc_nn *nn, const struct fc_head *h, const float *x, const uint32_t *target,
    size_t N, size_t K, uint32_t *id, float *logprob, float *true_logprob)
{
	const size_t C = h->w.n_in, V = h->n_vocab, ld = h->w.n_out, tile = fc_head_tile_rows(h, N);
	float *logits = fc_nn_scratch(nn, FC_SCRATCH_HEAD, tile * ld);
	assert(K <= V && V <= ld);
	for (size_t n0 = 0; n0 < N; n0 += tile) {
		const size_t n_rows = N - n0 < tile ? N - n0 : tile;
		fc_head_tile(nn, h, x + n0 * C, n_rows, logits);
#pragma omp parallel for schedule(dynamic)
		for (size_t r = 0; r < n_rows; r++) {
			const float *z = logits + r * ld;
			const size_t n = n0 + r;
			const double lse = fc_head_lse(z, V);
			top_k(id + n * K, K, z, V);
			for (size_t k = 0; k < K; k++)
				logprob[n * K + k] = (float)((double)z[id[n * K + k]] - lse);
			assert(target[n] == FC_NO_TARGET || target[n] < V);
			true_logprob[n] =
			    target[n] == FC_NO_TARGET ? 0 : (float)((double)z[target[n]] - lse);
		}
	}
}

void fc_head_logits(
    struct fc_nn *nn, const struct fc_head *h, const float *x, size_t N, float *logits)
{
	fc_head_tile(nn, h, x, N, logits);
}
