/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_FEW_ROUND_H
#define FC_NN_FEW_ROUND_H

#include "nn/cpu/few.h"

/* n weights of a real type, whole blocks of a packed one, rounded to bfloat16: to nearest, ties to
 * even. */
void fc_few_round_any(uint16_t *r, const void *w, enum fc_dtype t, size_t n);
#if defined(__x86_64__)
/* ... where numbers below the normal range become 0, as they do in these sets' products. */
void fc_few_round_avx512_bf16(uint16_t *r, const void *w, enum fc_dtype t, size_t n);
#endif

#endif
