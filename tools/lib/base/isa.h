/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_ISA_H
#define FC_BASE_ISA_H

#include <stdbool.h>

#include "base/err.h"

/*
 * Instruction sets, each with all before it.  Whatever is written for several of them asks
 * fc_isa(); nothing else looks at the processor or at the environment's FC_ISA.
 *
 *   baseline     what every processor of the architecture has: SSE2 on x86-64, NEON on aarch64
 *   avx2         AVX2 and FMA
 *   avx512       AVX-512 F, BW, DQ and VL
 *   avx512_bf16  dot products of bfloat16 pairs, and of bytes (VNNI)
 *   amx          products of tiles of bfloat16, and of bytes
 */
enum fc_isa {
	FC_ISA_BASELINE,
	FC_ISA_AVX2,
	FC_ISA_AVX512,
	FC_ISA_AVX512_BF16,
	FC_ISA_AMX,
	FC_ISA_N
};

/* What is used: what this processor has, but not beyond FC_ISA and fc_isa_limit(). */
enum fc_isa fc_isa(void);
const char *fc_isa_name(enum fc_isa isa);

/* Reads FC_ISA, which is the name of a set; unset or empty it caps nothing.  -1: there is no set of
 * that name.  fc_isa() does it by itself, and ends the program where this fails. */
int fc_isa_read(struct fc_err *e);

/* FC_ISA names a set: whoever sets it is told what is used. */
bool fc_isa_is_asked(void);

/*
 * Makes OpenBLAS use the same set, by the variable that it reads when it is loaded.  Where FC_ISA
 * caps nothing it chooses by itself, unless it does not know the processor.  A variable that is set
 * stays.  True: it was changed, so the program has to start again; see fc_par_start().
 */
bool fc_isa_tell_library(void);

/* Use no more than this; how tests hold variants against each other.  Not while threads run. */
void fc_isa_limit(enum fc_isa most);

#endif
