/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/few.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "base/ahead.h"

#ifdef __clang__
#pragma clang attribute push(                                                                      \
    __attribute__((                                                                                \
	target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,amx-tile,amx-int8"))),          \
    apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,amx-tile,amx-int8")
#endif

#define INLINE static inline __attribute__((always_inline))

#include "nn/cpu/few_packed_512_body.h"
#include "nn/cpu/few_packed_sums_body.h"
#include "nn/cpu/few_packed_tiles_body.h"
#include "nn/cpu/few_packed_types_body.h"
#include "nn/cpu/few_packed_body.h"

static void steps_dot(float *y, size_t ldy, const void *pack, const void *w, enum fc_dtype type,
    size_t N, size_t O, size_t I)
{
	dot(y, ldy, pack, w, type, N, O, I, NULL);
}

static void tiles_dot(float *y, size_t ldy, const void *pack, const void *w, enum fc_dtype type,
    size_t N, size_t O, size_t I)
{
	struct tiles tiles;
	if (N < TILES_FROM) {
		dot(y, ldy, pack, w, type, N, O, I, NULL);
		return;
	}
	tiles.n = 0;
	tiles_configure(type == FC_Q2_K || type == FC_Q3_K || type == FC_Q6_K ? STEP / 2 : STEP);
	dot(y, ldy, pack, w, type, N, O, I, &tiles);
	_tile_release();
}

const struct fc_few fc_few_avx512_vnni = {
    "avx512_vnni", 32, false, steps_bytes, 1, steps_pack, steps_dot};
const struct fc_few fc_few_amx_int8 = {
    "amx_int8", 32, false, steps_bytes, 1, steps_pack, tiles_dot};

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
