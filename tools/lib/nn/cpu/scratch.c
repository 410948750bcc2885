/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/mem.h"
#include "nn/cpu/backend.h"

void *fc_cpu_scratch(struct fc_cpu *cpu, enum fc_scratch slot, size_t n, size_t size_bytes)
{
	size_t need;
	if (!fc_size_mul(n, size_bytes, &need))
		need = SIZE_MAX; /* ends in fc_malloc_aligned() */
	if (cpu->scratch[slot].n_bytes < need) {
		free(cpu->scratch[slot].p);
		cpu->scratch[slot].p = fc_malloc_aligned(need, 1);
		cpu->scratch[slot].n_bytes = need;
	}
	return cpu->scratch[slot].p;
}
