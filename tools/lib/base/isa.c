/* SPDX-License-Identifier: Apache-2.0 */
#include "base/isa.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

#include "base/die.h"

/*
 * What the libraries call the sets.  OpenBLAS has none below Prescott's (SSE3) for x86-64, oneDNN
 * none below SSE4.1: that one uses nothing above the processor's own set either way.
 */
static const struct {
	const char *name, *openblas, *onednn;
} sets[FC_ISA_N] = {
    [FC_ISA_BASELINE] = {"baseline", "Prescott", "SSE41"},
    [FC_ISA_AVX2] = {"avx2", "Haswell", "AVX2"},
    [FC_ISA_AVX512] = {"avx512", "SkylakeX", "AVX512_CORE"},
    [FC_ISA_AVX512_BF16] = {"avx512_bf16", "Cooperlake", "AVX512_CORE_BF16"},
    [FC_ISA_AMX] = {"amx", "", ""},
};

static enum fc_isa limit = FC_ISA_N;
static atomic_int in_use = -1; /* min(processor, FC_ISA); -1: not looked at yet */

#if defined(__x86_64__)
/* The system saves the tiles of a thread: bits 17 and 18 of XCR0. */
__attribute__((target("xsave"))) static bool tiles_are_kept(void)
{
	return (_xgetbv(0) & 0x60000) == 0x60000;
}

static bool has_amx(void)
{
	enum { BF16 = 1 << 22, TILE = 1 << 24 };
	unsigned a, b, c, d;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & BF16) && (d & TILE) &&
	    tiles_are_kept();
}

static enum fc_isa processor(void)
{
	/* no processor has AVX2 without the conversions of halves (F16C) */
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
		return FC_ISA_BASELINE;
	if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
	    !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
		return FC_ISA_AVX2;
	if (!__builtin_cpu_supports("avx512bf16"))
		return FC_ISA_AVX512;
	return has_amx() ? FC_ISA_AMX : FC_ISA_AVX512_BF16;
}
#else
static enum fc_isa processor(void)
{
	return FC_ISA_BASELINE;
}
#endif

const char *fc_isa_name(enum fc_isa isa)
{
	return sets[isa].name;
}

int fc_isa_read(struct fc_err *e)
{
	const char *name = getenv("FC_ISA");
	enum fc_isa cap = FC_ISA_AMX;
	if (name && *name) {
		for (cap = 0; cap < FC_ISA_N && strcmp(name, sets[cap].name);)
			cap++;
		if (cap == FC_ISA_N)
			return fc_fail(e,
			    "FC_ISA: there is no instruction set %s; there are baseline, avx2, "
			    "avx512, avx512_bf16, amx",
			    name);
	}
	const enum fc_isa most = processor();
	atomic_store(&in_use, (int)(cap < most ? cap : most));
	return 0;
}

enum fc_isa fc_isa(void)
{
	int isa = atomic_load_explicit(&in_use, memory_order_relaxed);
	if (isa < 0) {
		struct fc_err e;
		if (fc_isa_read(&e) < 0)
			fc_die("%s", e.msg);
		isa = atomic_load(&in_use);
	}
	return (enum fc_isa)isa < limit ? (enum fc_isa)isa : limit;
}

void fc_isa_limit(enum fc_isa most)
{
	limit = most;
}

/* A cap at or above what the processor has changes nothing; so the libraries choose by themselves.
 */
bool fc_isa_cap_libraries(void)
{
	const enum fc_isa isa = fc_isa();
	if (isa == processor())
		return false;
	if (!getenv("ONEDNN_MAX_CPU_ISA") && !getenv("DNNL_MAX_CPU_ISA"))
		setenv("ONEDNN_MAX_CPU_ISA", sets[isa].onednn, 0);
	return !getenv("OPENBLAS_CORETYPE") &&
	    setenv("OPENBLAS_CORETYPE", sets[isa].openblas, 0) == 0;
}
