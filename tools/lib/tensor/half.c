/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/half.h"

#include "tensor/dtype.h"

float fc_f16_to_f32(uint16_t x)
{
	return fc_half_to_f32(x);
}

uint16_t fc_f32_to_f16(float f)
{
	return fc_f32_to_half(f);
}
