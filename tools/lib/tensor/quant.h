/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TENSOR_QUANT_H
#define FC_TENSOR_QUANT_H

#include "tensor/dtype.h"

/*
 * The packed types behind fc_to_f32() and its kin, by type; NULL where there is no such conversion.
 * n is a multiple of the block, pointers need no alignment.
 *
 * A value is scale * q - min, with scale and min products of halves and small integers: exact in
 * double; in float rounded once, which is what ggml computes.  Packing does as ggml's reference
 * quantizers do, bit by bit (quantize_row_q8_0_ref, quantize_row_q4_0_ref without fused
 * multiplication; PyPI gguf, quants.py); a block with a value that is not finite becomes one of
 * infinities and NaNs.
 */
typedef void fc_quant_fn(char *out, const char *in, size_t n);
struct fc_quant {
	fc_quant_fn *to_f32[FC_DTYPE_N], *to_f64[FC_DTYPE_N], *from_f32[FC_DTYPE_N];
};
/* The variant for this processor; all give the same bits.  See tensor/simd.h. */
const struct fc_quant *fc_quant(void);

#endif
