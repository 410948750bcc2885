/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/isa.h"
#include "base/mem.h"
#include "nn/cpu/backend.h"

const char *const fc_compute_words[] = {
    [FC_COMPUTE_AUTO] = "auto", [FC_COMPUTE_F32] = "f32", [FC_COMPUTE_BF16] = "bf16", NULL};
_Static_assert(FC_LEN(fc_compute_words) == FC_COMPUTE_N + 1, "a word each");

int fc_nn_check_device(const char *device, struct fc_err *e)
{
	if (strcmp(device, "cpu"))
		return fc_fail(e, "no compute device is named %s (there is: cpu)", device);
	return 0;
}

int fc_nn_open(struct fc_nn **out, const char *device, enum fc_compute compute, struct fc_err *e)
{
	*out = NULL;
	if (fc_nn_check_device(device, e) < 0)
		return -1;
	struct fc_nn *nn = FC_NEW(struct fc_nn);
	nn->kern = fc_kern();
	if (compute != FC_COMPUTE_F32 && fc_bf16_open(&nn->bf16, e) < 0) {
		fc_nn_close(nn);
		return -1;
	}
	nn->compute = compute != FC_COMPUTE_AUTO ? compute
	    : nn->bf16                           ? FC_COMPUTE_BF16
						 : FC_COMPUTE_F32;
	fc_sgemm_init();
	*out = nn;
	return 0;
}

void fc_nn_close(struct fc_nn *nn)
{
	if (!nn)
		return;
	fc_bf16_close(nn->bf16);
	for (int i = 0; i < FC_SCRATCH_N; i++)
		free(nn->scratch[i].p);
	free(nn);
}

enum fc_compute fc_nn_compute(const struct fc_nn *nn)
{
	return nn->compute;
}

void fc_nn_describe(const struct fc_nn *nn, char *text, size_t size)
{
	char products[80];
	const bool bf16 = nn->compute == FC_COMPUTE_BF16;
	if (nn->bf16)
		snprintf(products, sizeof products, "bf16 products by oneDNN");
	else
		snprintf(products, sizeof products, "%s products by OpenBLAS (%s)",
		    bf16 ? "bf16" : "f32", fc_sgemm_core());
	snprintf(text, size, "%s, instruction set %s", products, fc_isa_name(fc_isa()));
}

void *fc_nn_scratch(struct fc_nn *nn, enum fc_scratch slot, size_t n, size_t size_bytes)
{
	size_t need;
	if (!fc_size_mul(n, size_bytes, &need))
		fc_die("out of memory (%zu items of %zu bytes)", n, size_bytes);
	if (nn->scratch[slot].n_bytes < need) {
		free(nn->scratch[slot].p);
		nn->scratch[slot].p = fc_malloc_aligned(need, 1);
		nn->scratch[slot].n_bytes = need;
	}
	return nn->scratch[slot].p;
}
