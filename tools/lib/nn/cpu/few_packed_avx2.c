/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/few.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "base/ahead.h"

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#endif

#define INLINE static inline __attribute__((always_inline))

#include "nn/cpu/few_packed_256_body.h"
#include "nn/cpu/few_packed_sums_body.h"

INLINE void add_up(
    float *sum, const struct rows *x, const struct part *w, int groups, bool has_min, unsigned up)
{
	add_rows(sum, x, w, groups, has_min, up);
}

/* Tiles alone leave some. */
INLINE void add_rest(float *sum, const struct rows *x, int groups, bool has_min, unsigned up)
{
	(void)sum, (void)x, (void)groups, (void)has_min, (void)up;
}

#include "nn/cpu/few_packed_types_body.h"
#include "nn/cpu/few_packed_body.h"

static void steps_dot(float *y, size_t ldy, const void *pack, const void *w, enum fc_dtype type,
    size_t N, size_t O, size_t I)
{
	dot(y, ldy, pack, w, type, N, O, I, NULL);
}

const struct fc_few fc_few_packed_avx2 = {"avx2", 16, false, steps_bytes, 1, steps_pack, steps_dot};

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
