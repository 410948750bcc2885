/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/quant.h"

#include "base/isa.h"

extern const struct fc_quant fc_quant_avx2, fc_quant_avx512, fc_quant_plain;
#define QUANT fc_quant_plain
#include "tensor/quant_body.h"

const struct fc_quant *fc_quant(void)
{
#if defined(__x86_64__)
	const enum fc_isa isa = fc_isa();
	if (isa >= FC_ISA_AVX512)
		return &fc_quant_avx512;
	if (isa >= FC_ISA_AVX2)
		return &fc_quant_avx2;
#endif
	return &fc_quant_plain;
}
