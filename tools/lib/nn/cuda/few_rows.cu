/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/few_rows.h"

/*
 * Products of few rows, where reading the weights is what takes time: they are read as they are
 * stored.  In bfloat16 few_tiles.cu computes; here are those of float32, whose weights are read
 * once for up to TN rows, and by blocks that run at the same time.  Every result is one warp's sum:
 * lane l adds up the columns 8 (l + 32 k) to 8 (l + 32 k) + 7 in order, and lane_sums() adds the
 * lanes, so that a row's results have the same bits alone and in any company.
 */
enum { FEW_WARPS = 4, TN = 8 /* rows of a block */ };

/* Results of a warp in a row; packed weights take registers. */
template <class T>
struct few_outputs {
	enum { N = T::BLOCK > 1 ? 2 : 4 };
};

template <class T>
__global__ void __launch_bounds__(FEW_WARPS *FC_WARP) few_rows_k(
    float *y, const float *x, const uint8_t *w, size_t row_bytes, size_t N, size_t O, size_t I)
{
	constexpr int TO = few_outputs<T>::N;
	const size_t lane = threadIdx.x % FC_WARP, n0 = (size_t)blockIdx.x * TN;
	const size_t o0 = ((size_t)blockIdx.y * FEW_WARPS + threadIdx.x / FC_WARP) * TO;
	float sum[TN][TO];
#pragma unroll
	for (int n = 0; n < TN; n++)
#pragma unroll
		for (int o = 0; o < TO; o++)
			sum[n][o] = 0;
	for (size_t i = lane * FEW_COLUMNS; i < I; i += FC_WARP * FEW_COLUMNS) {
		float wv[TO][FEW_COLUMNS];
#pragma unroll
		for (int o = 0; o < TO; o++) {
			/* beyond the last output: the last one once more, for no result */
			const size_t at = o0 + o < O ? o0 + o : O - 1;
			load_weights<T>(wv[o], w + at * row_bytes, i, I);
		}
#pragma unroll
		for (int n = 0; n < TN; n++) {
			if (n0 + n >= N)
				break;
			float xv[FEW_COLUMNS];
			load_weights<as_f32>(
			    xv, reinterpret_cast<const uint8_t *>(x + (n0 + n) * I), i, I);
#pragma unroll
			for (int o = 0; o < TO; o++)
#pragma unroll
				for (int j = 0; j < FEW_COLUMNS; j++)
					sum[n][o] = fmaf(xv[j], wv[o][j], sum[n][o]);
		}
	}
	lane_sums<TN * TO>(&sum[0][0]);
	const size_t at = lane / (FC_WARP / (TN * TO)), n = n0 + at / TO, o = o0 + at % TO;
	if (lane % (FC_WARP / (TN * TO)) == 0 && n < N && o < O)
		y[n * O + o] = sum[0][0];
}

size_t fc_cuda_few_rows(const struct fc_nn *)
{
	return FEW_ROWS_MOST;
}

template <class T>
static void few_of(
    struct fc_cuda *cu, float *y, const float *x, const struct fc_weight *w, size_t N)
{
	const size_t O = w->n_out, I = w->n_in;
	const size_t row_bytes = I / T::BLOCK * T::BYTES;
	const uint8_t *p = static_cast<const uint8_t *>(w->p);
	const unsigned groups = (unsigned)fc_cuda_ceil(O, FEW_WARPS * few_outputs<T>::N);
	KLAUNCH(cu, (few_rows_k<T>), dim3((unsigned)fc_cuda_ceil(N, TN), groups),
	    FEW_WARPS * FC_WARP, 0, y, x, p, row_bytes, N, O, I);
}

void fc_cuda_few_fwd(
    struct fc_cuda *cu, float *y, const float *x, const struct fc_weight *w, size_t N, bool rounds)
{
	if (rounds) {
		few_tiles_fwd(cu, y, x, w, N);
		return;
	}
	switch (w->dtype) {
#define CASE(type, as)                                                                             \
	case type:                                                                                 \
		few_of<as>(cu, y, x, w, N);                                                        \
		break;
		FOR_WEIGHTS(CASE)
#undef CASE
	default:
		fc_cuda_fail(
		    cu, "device %s: computes with no weights of type %d", cu->name, (int)w->dtype);
	}
}
