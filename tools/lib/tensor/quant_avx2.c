/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/quant.h"

#if defined(__x86_64__)
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,f16c")
#endif

extern const struct fc_quant fc_quant_avx2;
#define QUANT fc_quant_avx2
#define QUANT_LANES 8
#include "tensor/quant_x86_body.h"
#include "tensor/quant_body.h"

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
