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

/* What OpenBLAS calls the sets: it has none below Prescott's (SSE3) for x86-64, and in its float32
 * nothing above SkylakeX'. */
static const struct {
	const char *name, *openblas;
} sets[FC_ISA_N] = {
    [FC_ISA_BASELINE] = {"baseline", "Prescott"},
    [FC_ISA_AVX2] = {"avx2", "Haswell"},
    [FC_ISA_AVX512] = {"avx512", "SkylakeX"},
    [FC_ISA_AVX512_BF16] = {"avx512_bf16", "SkylakeX"},
    [FC_ISA_AMX] = {"amx", "SkylakeX"},
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
	enum { BF16 = 1 << 22, TILE = 1 << 24, INT8 = 1 << 25 };
	unsigned a, b, c, d;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & BF16) && (d & TILE) && (d & INT8) &&
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
	if (!__builtin_cpu_supports("avx512bf16") || !__builtin_cpu_supports("avx512vnni"))
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

static const char *asked_isa(void)
{
	const char *name = getenv("FC_ISA");
	return name && *name ? name : NULL;
}

bool fc_isa_is_asked(void)
{
	return asked_isa() != NULL;
}

int fc_isa_read(struct fc_err *e)
{
	const char *name = asked_isa();
	enum fc_isa cap = FC_ISA_AMX;
	if (name) {
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

/* Of OpenBLAS; NULL in a program without it.  Its header belongs to nn. */
extern char *openblas_get_corename(void) __attribute__((weak));

/* OpenBLAS takes its least set for a processor that is younger than it is. */
static bool openblas_is_lost(enum fc_isa isa)
{
	return isa > FC_ISA_BASELINE && openblas_get_corename &&
	    !strcmp(openblas_get_corename(), sets[FC_ISA_BASELINE].openblas);
}

bool fc_isa_tell_library(void)
{
	const enum fc_isa isa = fc_isa();
	const bool capped = isa < processor();
	return (capped || openblas_is_lost(isa)) && !getenv("OPENBLAS_CORETYPE") &&
	    setenv("OPENBLAS_CORETYPE", sets[isa].openblas, 0) == 0;
}
