/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/cpu/backend.h"
#include "nn/loader.h"

const char *const fc_compute_words[] = {
    [FC_COMPUTE_AUTO] = "auto", [FC_COMPUTE_F32] = "f32", [FC_COMPUTE_BF16] = "bf16", NULL};
_Static_assert(FC_LEN(fc_compute_words) == FC_COMPUTE_N + 1, "a word each");

int fc_nn_check_device(const char *device, struct fc_err *e)
{
	struct fc_device_name d;
	return fc_device_parse(&d, device, e);
}

/* A GPU if there is one, else the processor, which keeps why. */
static void open_best(struct fc_nn **nn, enum fc_compute compute)
{
	static const struct fc_device_name gpu = {"cuda", FC_DEVICE_OWN};
	struct fc_err why;
	if (fc_device_open(nn, &gpu, compute, &why) == 0)
		return;
	*nn = fc_cpu_open(compute);
	(*nn)->instead = fc_strdup(why.msg);
}

int fc_nn_open(struct fc_nn **nn, const char *device, enum fc_compute compute, struct fc_err *e)
{
	struct fc_device_name d;
	*nn = NULL;
	if (fc_device_parse(&d, device, e) < 0)
		return -1;
	const bool best = !strcmp(d.name, "auto");
	if (!best && strcmp(d.name, "cpu"))
		return fc_device_open(nn, &d, compute, e);
	if (best)
		open_best(nn, compute);
	else
		*nn = fc_cpu_open(compute);
	return 0;
}

/* A module stays loaded: what it started may still run, and what it lost is still its own. */
void fc_nn_close(struct fc_nn *nn)
{
	if (!nn)
		return;
	struct fc_nn *cpu = nn->cpu;
	free(nn->instead);
	nn->ops->close(nn);
	fc_nn_close(cpu);
}

void fc_nn_rows_alike(struct fc_nn *nn, bool alike)
{
	for (; nn; nn = nn->cpu)
		nn->alike = alike;
}

enum fc_compute fc_nn_compute(const struct fc_nn *nn)
{
	return nn->compute;
}

void fc_nn_describe(const struct fc_nn *nn, char *text, size_t size)
{
	nn->ops->describe(nn, text, size);
	const size_t n = strlen(text);
	if (nn->instead)
		snprintf(text + n, size - n, " (%s)", nn->instead);
}
