/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_CUDA_FEW_ROWS_H
#define FC_NN_CUDA_FEW_ROWS_H

#include "nn/cuda/kernels.h"
#include "nn/cuda/weight.h"

/* Columns that a lane reads at once. */
enum { FEW_ROWS_MOST = 64, FEW_COLUMNS = 8 };

/* v: the values of columns [i, i + 8), zeros beyond the row's end; i is a multiple of 8. */
template <class T>
__device__ static inline void load_weights(float *v, const uint8_t *row, size_t i, size_t I)
{
	if constexpr (T::BLOCK > 1) {
#pragma unroll
		for (int j = 0; j < FEW_COLUMNS; j++)
			v[j] = i < I ? weight_at<T>(row, i + (size_t)j) : 0;
	} else {
		const uint8_t *p = row + i * T::BYTES;
		if (i + FEW_COLUMNS <= I && (uintptr_t)p % 16 == 0)
			T::load8(v, p);
		else
#pragma unroll
			for (int j = 0; j < FEW_COLUMNS; j++)
				v[j] = i + (size_t)j < I ? weight_at<T>(row, i + (size_t)j) : 0;
	}
}

/* few_tiles.cu: y = x w^T of at most FEW_ROWS_MOST rows, both rounded to bfloat16. */
void few_tiles_fwd(
    struct fc_cuda *cu, float *y, const float *x, const struct fc_weight *w, size_t N);

#endif
