/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/backend.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/sgemm.h"

int fc_nn_open(struct fc_nn **nn, const char *device, enum fc_compute compute, struct fc_err *e)
{
	*nn = NULL;
	if (strcmp(device, "cpu"))
		return fc_fail(e, "no compute device named %s (there is: cpu)", device);
	if (compute == FC_COMPUTE_BF16)
		return fc_fail(e, "bfloat16 products are not built in");
	fc_sgemm_init();
	*nn = FC_NEW(struct fc_nn);
	(*nn)->compute = FC_COMPUTE_F32;
	return 0;
}

void fc_nn_close(struct fc_nn *nn)
{
	if (!nn)
		return;
	for (int i = 0; i < FC_SCRATCH_N; i++)
		free(nn->scratch[i].p);
	free(nn);
}

enum fc_compute fc_nn_compute(const struct fc_nn *nn)
{
	return nn->compute;
}

float *fc_nn_scratch(struct fc_nn *nn, enum fc_scratch slot, size_t n)
{
	if (nn->scratch[slot].n < n) {
		free(nn->scratch[slot].p);
		nn->scratch[slot].p = fc_malloc_aligned(n, sizeof(float));
		nn->scratch[slot].n = n;
	}
	return nn->scratch[slot].p;
}
