/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/head.h"

#include <assert.h>
#include <math.h>

/* A tile is small enough for the outer cache and high enough for the product to run well. */
enum { TILE_BYTES = 16 << 20, LEAST_ROWS = 64, MOST_ROWS = 1024 };

size_t fc_head_tile_rows(const struct fc_head *h, size_t N)
{
	size_t rows = TILE_BYTES / sizeof(float) / h->w.n_out / LEAST_ROWS * LEAST_ROWS;
	rows = rows < LEAST_ROWS ? LEAST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
	return rows < N ? rows : N;
}

void fc_head_tile(
    struct fc_nn *nn, const struct fc_head *h, const float *x, size_t N, float *logits)
{
	const size_t ld = h->w.n_out;
	fc_linear_fwd(nn, logits, x, &h->w, N);
	if (h->softcap <= 0)
		return;
#pragma omp parallel for collapse(2)
	for (size_t n = 0; n < N; n++)
		for (size_t v = 0; v < ld; v += 4096)
			nn->kern->cap(logits + n * ld + v, logits + n * ld + v, 1, h->softcap,
			    fc_min_size(4096, ld - v));
}

struct fc_head_norm fc_head_norm_row(
    const struct fc_kern *k, const float *z, size_t n_vocab, float *group_max)
{
	struct fc_head_norm norm = {-INFINITY, 0, 0};
	for (size_t v = 0, g = 0; v < n_vocab; v += FC_HEAD_GROUP, g++) {
		group_max[g] = k->max(z + v, fc_min_size(FC_HEAD_GROUP, n_vocab - v));
		norm.max = group_max[g] > norm.max ? group_max[g] : norm.max;
	}
	norm.sum = k->exp_sum(z, norm.max, n_vocab);
	norm.log_sum = log(norm.sum);
	return norm;
}

uint32_t fc_head_best(
    const float *z, size_t n_vocab, const float *group_max, const struct fc_head_norm *norm)
{
	size_t v = 0;
	for (size_t g = 0; v + FC_HEAD_GROUP < n_vocab && group_max[g] < norm->max; g++)
		v += FC_HEAD_GROUP;
	while (v + 1 < n_vocab && z[v] < norm->max)
		v++;
	return (uint32_t)v;
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

/*
 * The K largest of z [V] in descending order.  Ids ascend, so an equal logit never replaces one
 * that is kept, and a group whose largest is not above the worst kept has nothing to give.
 */
static void top_k(uint32_t *id, size_t K, const float *z, size_t V, const float *group_max)
{
	if (!K)
		return;
	for (size_t i = 0; i < K; i++)
		id[i] = (uint32_t)i;
	for (size_t i = K / 2; i-- > 0;)
		sift_down(id, K, i, z);
	for (size_t v = K; v < V;) {
		const size_t g = v / FC_HEAD_GROUP, end = fc_min_size((g + 1) * FC_HEAD_GROUP, V);
		for (; group_max[g] > z[id[0]] && v < end; v++)
			if (z[v] > z[id[0]]) {
				id[0] = (uint32_t)v;
				sift_down(id, K, 0, z);
			}
		v = end;
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
	const size_t n_group = fc_head_n_group(h);
	float *logits = fc_nn_scratch(nn, FC_SCRATCH_LOGITS, tile * ld, sizeof *logits);
	float *group_max = fc_nn_scratch(nn, FC_SCRATCH_ROW, tile * n_group, sizeof *group_max);
	assert(V && V <= ld && K <= V);
	for (size_t n0 = 0; n0 < N; n0 += tile) {
		const size_t n_rows = fc_min_size(tile, N - n0);
		fc_head_tile(nn, h, x + n0 * C, n_rows, logits);
#pragma omp parallel for schedule(dynamic)
		for (size_t r = 0; r < n_rows; r++) {
			const size_t n = n0 + r;
			const float *z = logits + r * ld;
			const struct fc_head_norm norm =
			    fc_head_norm_row(nn->kern, z, V, group_max + r * n_group);
			top_k(id + n * K, K, z, V, group_max + r * n_group);
			for (size_t k = n * K; k < (n + 1) * K; k++)
				logprob[k] = (float)fc_head_logprob(&norm, z[id[k]]);
			assert(target[n] == FC_NO_TARGET || target[n] < V);
			true_logprob[n] = target[n] == FC_NO_TARGET
			    ? 0
			    : (float)fc_head_logprob(&norm, z[target[n]]);
		}
	}
}

void fc_head_logits(
    struct fc_nn *nn, const struct fc_head *h, const float *x, size_t N, float *logits)
{
	fc_head_tile(nn, h, x, N, logits);
}
