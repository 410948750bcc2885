/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/kernels.h"
#include "nn/cuda/weight.h"

#include <algorithm>
#include <vector>

enum { EMBED_BLOCK = fc_lanes(256) };

template <class T>
__global__ void embed_k(float *x, const uint8_t *w, size_t row_bytes, const uint32_t *row, size_t N,
    size_t C, float scale, bool add)
{
	for (size_t k = lane_index(); k < N * C; k += lane_count()) {
		const float v = weight_at<T>(w + row[k / C] * row_bytes, k % C);
		x[k] = add ? x[k] + v : scale == 1 ? v : v * scale;
	}
}

/* Tokens [first[b], first[b + 1]) of order are those with the id of bucket b; a lane adds up one
 * column in the order of tokens. */
__global__ void embed_bwd_k(float *dw, const float *dx, const uint32_t *id, const uint32_t *first,
    const uint32_t *order, size_t C, float scale)
{
	const size_t b = blockIdx.x, c = (size_t)blockIdx.y * blockDim.x + threadIdx.x;
	if (c >= C)
		return;
	float sum = dw[id[b] * C + c];
	for (uint32_t k = first[b]; k < first[b + 1]; k++)
		sum += scale * dx[order[k] * C + c];
	dw[id[b] * C + c] = sum;
}

static void embed(struct fc_cuda *cu, float *x, const struct fc_weight *w, const uint32_t *row,
    size_t N, float scale, bool add)
{
	const size_t C = w->n_in;
	const uint8_t *p = static_cast<const uint8_t *>(w->p);
	switch (w->dtype) {
#define CASE(type, as)                                                                             \
	case type:                                                                                 \
		KLAUNCH(cu, (embed_k<as>), fc_element_blocks(N *C, EMBED_BLOCK), EMBED_BLOCK, 0,   \
		    x, p, C / as::BLOCK * as::BYTES, row, N, C, scale, add);                       \
		break;
		FOR_WEIGHTS(CASE)
#undef CASE
	default:
		fc_cuda_fail(
		    cu, "device %s: computes with no weights of type %d", cu->name, (int)w->dtype);
	}
}

void fc_cuda_embed_fwd(struct fc_nn *nn, float *x, const struct fc_weight *w, const uint32_t *tok,
    size_t N, float scale)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	const void *rows = fc_cuda_list(cu, FC_CUDA_LISTS, tok, N, sizeof *tok);
	embed(cu, x, w, static_cast<const uint32_t *>(rows), N, scale, false);
}

void fc_cuda_embed_add(
    struct fc_nn *nn, float *x, const struct fc_weight *w, const uint32_t *pos, size_t N)
{
	embed(fc_cuda_of(nn), x, w, pos, N, 1, true);
}

void fc_cuda_embed_bwd(struct fc_nn *nn, float *dw, const float *dx, const uint32_t *tok, size_t N,
    size_t C, float scale)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	/* one list: order [N], then ids and firsts of buckets */
	std::vector<uint32_t> list(N), id, first;
	for (size_t n = 0; n < N; n++)
		list[n] = (uint32_t)n;
	std::stable_sort(
	    list.begin(), list.end(), [=](uint32_t a, uint32_t b) { return tok[a] < tok[b]; });
	for (size_t k = 0; k < N; k++)
		if (k == 0 || tok[list[k]] != tok[list[k - 1]]) {
			id.push_back(tok[list[k]]);
			first.push_back((uint32_t)k);
		}
	first.push_back((uint32_t)N);
	list.insert(list.end(), id.begin(), id.end());
	list.insert(list.end(), first.begin(), first.end());
	const uint32_t *d = static_cast<const uint32_t *>(
	    fc_cuda_list(cu, FC_CUDA_LISTS, list.data(), list.size(), sizeof *d));
	KLAUNCH(cu, embed_bwd_k, dim3((unsigned)id.size(), (unsigned)fc_cuda_ceil(C, EMBED_BLOCK)),
	    EMBED_BLOCK, 0, dw, dx, d + N, d + N + id.size(), d, C, scale);
}
