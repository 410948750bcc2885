/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/quant.h"

#include "tensor/simd.h"

extern const struct fc_quant fc_quant_avx2, fc_quant_avx512, fc_quant_plain;
#define QUANT fc_quant_plain
#include "tensor/quant_body.h"

const struct fc_quant *fc_quant(void)
{
#if defined(__x86_64__)
	const enum fc_simd level = fc_simd_level();
	if (level == FC_SIMD_AVX512)
		return &fc_quant_avx512;
	if (level == FC_SIMD_AVX2)
		return &fc_quant_avx2;
#endif
	return &fc_quant_plain;
}
