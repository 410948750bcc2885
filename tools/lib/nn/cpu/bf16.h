/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_BF16_H
#define FC_NN_BF16_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "nn/cpu/sgemm.h"

/*
 * Products of bfloat16 matrices with float32 sums, by oneDNN on all threads.  open() asks the
 * library for them: *b is NULL where it has none for this processor, or none as fast as OpenBLAS'
 * in float32.
 */
struct fc_bf16;
int fc_bf16_open(struct fc_bf16 **b, struct fc_err *e);
void fc_bf16_close(struct fc_bf16 *b);

/*
 * As fc_sgemm(), but not inside of a parallel region.  accumulate: C is added to.  Every
 * combination of sizes costs a primitive (0.3 ms and more), so the caller keeps their number small.
 */
struct fc_bf16_shape {
	enum fc_sgemm form;
	size_t M, N, K, lda, ldb, ldc;
	bool accumulate;
};
void fc_bf16_product(struct fc_bf16 *b, const struct fc_bf16_shape *s, const uint16_t *a,
    const uint16_t *w, float *c);

#endif
