/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_NARROW_H
#define FC_NN_NARROW_H

#include "tensor/dtype.h"

/*
 * n numbers of a real type, whole blocks of a packed one, rounded to bfloat16 for products: to
 * nearest, ties to even; a NaN stays one.  Numbers below bfloat16's normal range may become 0, as
 * which the products' instructions take them.
 */
void fc_narrow(uint16_t *r, const void *x, enum fc_dtype t, size_t n);

#if defined(__x86_64__)
void fc_narrow_avx512_bf16(uint16_t *r, const void *x, enum fc_dtype t, size_t n);
#endif

#endif
