/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/kernels.h"
#include "nn/cuda/weight.h"

/*
 * Numbers of one type as those of another: what products read.
 *
 * Several products read the same rows, and a norm's result is read by products alone.  So what was
 * rounded last is remembered, and norms and the like write it beside their results.
 */
enum { CONVERT_BLOCK = fc_lanes(256) };

__global__ void to_bf16_k(uint16_t *y, const float *x, size_t n)
{
	for (size_t i = lane_index(); i < n; i += lane_count())
		y[i] = bf16_of_float(x[i]);
}

/* n values that begin with a block, as bfloat16 or as floats. */
template <class T>
__global__ void convert_k(uint16_t *narrow, float *wide, const uint8_t *from, size_t n)
{
	for (size_t i = lane_index(); i < n; i += lane_count()) {
		const float v = weight_at<T>(from, i);
		if (narrow)
			narrow[i] = bf16_of_float(v);
		else
			wide[i] = v;
	}
}

void fc_cuda_to_bf16(struct fc_nn *nn, uint16_t *y, const float *x, size_t n)
{
	KLAUNCH(fc_cuda_of(nn), to_bf16_k, fc_element_blocks(n, CONVERT_BLOCK), CONVERT_BLOCK, 0, y,
	    x, n);
}

static uint16_t *room_for(struct fc_cuda *cu, size_t N, size_t C, size_t n_all)
{
	uint16_t *r =
	    static_cast<uint16_t *>(fc_cuda_scratch(cu, FC_CUDA_ROWS, n_all * C, sizeof *r));
	if (r && n_all > N)
		fc_cuda_zero(&cu->nn, r + N * C, (n_all - N) * C * sizeof *r);
	return r;
}

/* Rows as linear.cu takes N of them forward. */
static size_t all_rows(const struct fc_cuda *cu, size_t N)
{
	return cu->nn.alike ? fc_cuda_ceil(N, FC_CUDA_ALIKE_ROWS) * FC_CUDA_ALIKE_ROWS : N;
}

uint16_t *fc_cuda_rounded_begin(struct fc_cuda *cu, size_t N, size_t C)
{
	if (cu->nn.compute != FC_COMPUTE_BF16)
		return NULL;
	return room_for(cu, N, C, all_rows(cu, N));
}

void fc_cuda_rounded_end(
    struct fc_cuda *cu, const uint16_t *narrow, const float *x, size_t N, size_t C)
{
	if (narrow && !cu->failed)
		cu->rounded = {x, N * C, all_rows(cu, N) * C};
}

const uint16_t *fc_cuda_rounded(
    struct fc_cuda *cu, const float *x, size_t N, size_t C, size_t n_all)
{
	const struct fc_cuda_rounded *r = &cu->rounded;
	if (r->x == x && r->n == N * C && r->n_room >= n_all * C)
		return static_cast<const uint16_t *>(cu->scratch[FC_CUDA_ROWS].p);
	uint16_t *narrow = room_for(cu, N, C, n_all);
	if (!narrow)
		return NULL;
	fc_cuda_to_bf16(&cu->nn, narrow, x, N * C);
	cu->rounded = {x, N * C, n_all * C};
	return narrow;
}

void fc_cuda_convert(struct fc_cuda *cu, uint16_t *narrow, float *wide, const struct fc_weight *w,
    size_t row, size_t n_row)
{
	const size_t n = n_row * w->n_in;
	const uint8_t *from = fc_cuda_weight_row(w, row);
	switch (w->dtype) {
#define CASE(type, as)                                                                             \
	case type:                                                                                 \
		KLAUNCH(cu, (convert_k<as>), fc_element_blocks(n, CONVERT_BLOCK), CONVERT_BLOCK,   \
		    0, narrow, wide, from, n);                                                     \
		break;
		FOR_WEIGHTS(CASE)
#undef CASE
	default:
		fc_cuda_fail(
		    cu, "device %s: computes with no weights of type %d", cu->name, (int)w->dtype);
	}
}

const uint8_t *fc_cuda_weight_row(const struct fc_weight *w, size_t row)
{
	const uint8_t *p = static_cast<const uint8_t *>(w->p);
	switch (w->dtype) {
#define CASE(type, as)                                                                             \
	case type:                                                                                 \
		return p + row * w->n_in / as::BLOCK * as::BYTES;
		FOR_WEIGHTS(CASE)
#undef CASE
	default:
		return p;
	}
}
