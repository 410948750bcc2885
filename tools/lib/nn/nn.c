/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "nn/cpu/backend.h"
#include "nn/ops.h"

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
	return fc_cpu_open(out, compute, e);
}

void fc_nn_close(struct fc_nn *nn)
{
	if (nn)
		nn->ops->close(nn);
}

enum fc_compute fc_nn_compute(const struct fc_nn *nn)
{
	return nn->compute;
}

void fc_nn_describe(const struct fc_nn *nn, char *text, size_t size)
{
	nn->ops->describe(nn, text, size);
}
