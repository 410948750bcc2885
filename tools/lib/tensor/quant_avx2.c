/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/quant.h"

#if defined(__x86_64__)
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif

extern const struct fc_quant fc_quant_avx2;
#define QUANT fc_quant_avx2
#define QUANT_LOOK_UP(table, at) ((u8x16)_mm_shuffle_epi8((__m128i)(table), (__m128i)(at)))
#include "tensor/quant_body.h"

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
