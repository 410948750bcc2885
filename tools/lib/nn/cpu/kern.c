/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/kern.h"

#include "base/isa.h"

extern const struct fc_kern fc_kern_avx512, fc_kern_avx2, fc_kern_portable;

size_t fc_kern_all(const struct fc_kern *all[static FC_KERN_MAX])
{
	size_t n = 0;
#if defined(__x86_64__)
	const enum fc_isa isa = fc_isa();
	if (isa >= FC_ISA_AVX512)
		all[n++] = &fc_kern_avx512;
	if (isa >= FC_ISA_AVX2)
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
