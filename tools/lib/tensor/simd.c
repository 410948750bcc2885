/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/simd.h"

static enum fc_simd limit = FC_SIMD_AVX512;

void fc_simd_limit(enum fc_simd most)
{
	limit = most;
}

enum fc_simd fc_simd_level(void)
{
	enum fc_simd level = FC_SIMD_PLAIN;
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		level = FC_SIMD_AVX2;
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
		level = FC_SIMD_AVX512;
#endif
	return level < limit ? level : limit;
}
