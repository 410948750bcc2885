/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TENSOR_SIMD_H
#define FC_TENSOR_SIMD_H

#include "base/isa.h"

/*
 * Loops compiled for several instruction sets, chosen when the program runs.  There is one source
 * for all: the plain variant is the oracle of the others, and since the compiler neither
 * reassociates nor contracts floating-point operations here, all give the same bits.
 *
 * FC_SIMD_KERNEL(void, name, (float *x, size_t n), (x, n)) defines the function from an inline
 * name_body() with the same parameters, given before it:
 *
 *	static FC_SIMD_BODY void name_body(float *x, size_t n) { ... }
 */
#define FC_SIMD_BODY inline __attribute__((always_inline))

#if defined(__x86_64__)
#ifdef __clang__
#define FC_SIMD_WIDE
#else
#define FC_SIMD_WIDE ",prefer-vector-width=512"
#endif
#define FC_SIMD_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl" FC_SIMD_WIDE)))
#define FC_SIMD_KERNEL(RESULT, NAME, PARAMS, ARGS)                                                 \
	FC_SIMD_AVX512 static void NAME##_avx512 PARAMS                                            \
	{                                                                                          \
		NAME##_body ARGS;                                                                  \
	}                                                                                          \
	FC_SIMD_KERNEL_BUT_AVX512(RESULT, NAME, PARAMS, ARGS)
/* Where NAME_avx512() is given, written out by intrinsics behind FC_SIMD_AVX512, for what compilers
 * do not find. */
#define FC_SIMD_KERNEL_BUT_AVX512(RESULT, NAME, PARAMS, ARGS)                                      \
	__attribute__((target("avx2"))) static void NAME##_avx2 PARAMS                             \
	{                                                                                          \
		NAME##_body ARGS;                                                                  \
	}                                                                                          \
	RESULT NAME PARAMS                                                                         \
	{                                                                                          \
		const enum fc_isa isa = fc_isa();                                                  \
		if (isa >= FC_ISA_AVX512)                                                          \
			NAME##_avx512 ARGS;                                                        \
		else if (isa >= FC_ISA_AVX2)                                                       \
			NAME##_avx2 ARGS;                                                          \
		else                                                                               \
			NAME##_body ARGS;                                                          \
	}
#else
#define FC_SIMD_KERNEL(RESULT, NAME, PARAMS, ARGS)                                                 \
	RESULT NAME PARAMS                                                                         \
	{                                                                                          \
		NAME##_body ARGS;                                                                  \
	}
#define FC_SIMD_KERNEL_BUT_AVX512 FC_SIMD_KERNEL
#endif

#endif
