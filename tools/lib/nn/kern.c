/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/kern.h"

extern const struct fc_kern fc_kern_avx512, fc_kern_avx2, fc_kern_portable;

size_t fc_kern_all(const struct fc_kern *all[static FC_KERN_MAX])
{
	size_t n = 0;
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
		all[n++] = &fc_kern_avx512;
	/* no processor has AVX2 without the conversions of halves (F16C) */
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		all[n++] = &fc_kern_avx2;
#endif
	all[n++] = &fc_kern_portable;
	return n;
}

const struct fc_kern *fc_kern(void)
{
	const struct fc_kern *all[FC_KERN_MAX];
	fc_kern_all(all);
	return all[0];
}
