/* SPDX-License-Identifier: Apache-2.0 */
#include "base/die.h"
#include "base/mem.h"
#include "nn/ops.h"

/* The memory of devices, and what is counted of what moves. */

#define MIB (1024.0 * 1024)

_Noreturn static void die_of_memory(const struct fc_nn *nn, size_t n_bytes)
{
	size_t n_free, n_total;
	fc_nn_memory(nn, &n_free, &n_total);
	fc_die(
	    "out of memory: %.1f MiB more are needed, %.0f MiB of the device's %.0f are free%s%s",
	    (double)n_bytes / MIB, (double)n_free / MIB, (double)n_total / MIB,
	    nn->advice ? "; less is needed with " : "", nn->advice ? nn->advice : "");
}

void *fc_nn_alloc(struct fc_nn *nn, size_t n, size_t size_bytes)
{
	return fc_nn_alloc_for(nn, FC_USE_OTHER, n, size_bytes);
}

void *fc_nn_alloc_for(struct fc_nn *nn, enum fc_use use, size_t n, size_t size_bytes)
{
	size_t n_bytes;
	nn->use = use;
	if (!fc_size_mul(n, size_bytes, &n_bytes))
		n_bytes = SIZE_MAX;
	void *p = n_bytes == SIZE_MAX ? NULL : nn->ops->alloc(nn, n_bytes);
	if (!p)
		die_of_memory(nn, n_bytes);
	return p;
}

void fc_nn_set_advice(struct fc_nn *nn, const char *advice)
{
	nn->advice = advice;
}

void fc_nn_free(struct fc_nn *nn, const void *p)
{
	if (p)
		nn->ops->release(nn, (void *)(uintptr_t)p);
}

void fc_nn_put(struct fc_nn *nn, void *to, const void *host, size_t n_bytes)
{
	if (!n_bytes)
		return;
	nn->traffic.n_put++;
	nn->traffic.n_bytes += n_bytes;
	nn->ops->put(nn, to, host, n_bytes);
}

void fc_nn_get(struct fc_nn *nn, void *host, const void *from, size_t n_bytes)
{
	if (!n_bytes)
		return;
	nn->traffic.n_get++;
	nn->traffic.n_bytes += n_bytes;
	nn->ops->get(nn, host, from, n_bytes);
}

void fc_nn_copy(struct fc_nn *nn, void *to, const void *from, size_t n_bytes)
{
	if (n_bytes)
		nn->ops->copy(nn, to, from, n_bytes);
}

void fc_nn_copies(struct fc_nn *nn, const struct fc_copy *c, size_t n)
{
	if (n && nn->ops->copies) {
		nn->ops->copies(nn, c, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		fc_nn_copy(nn, c[i].to, c[i].from, c[i].n * sizeof(float));
}

void fc_nn_zero(struct fc_nn *nn, void *p, size_t n_bytes)
{
	if (n_bytes)
		nn->ops->zero(nn, p, n_bytes);
}

const void *fc_nn_keep(struct fc_nn *nn, const void *host, size_t n_bytes)
{
	nn->use = FC_USE_WEIGHTS;
	const void *p = nn->ops->keep(nn, host, n_bytes);
	if (!p)
		die_of_memory(nn, n_bytes);
	if (p != host) {
		nn->traffic.n_put++;
		nn->traffic.n_bytes += n_bytes;
	}
	return p;
}

int fc_nn_check(struct fc_nn *nn, struct fc_err *e)
{
	return nn->ops->check(nn, e);
}

void fc_nn_memory(const struct fc_nn *nn, size_t *n_free, size_t *n_total)
{
	nn->ops->memory(nn, n_free, n_total);
}

bool fc_nn_idle(struct fc_nn *nn, bool idle)
{
	if (!nn->ops->dry || nn->most)
		return false;
	nn->idle = idle;
	return true;
}

bool fc_nn_is_idle(const struct fc_nn *nn)
{
	return nn->idle;
}

void fc_nn_offload(struct fc_nn *nn)
{
	nn->offloaded = nn->cpu != NULL;
}

struct fc_nn *fc_nn_home(struct fc_nn *nn)
{
	return nn->offloaded ? nn->cpu : nn;
}

const struct fc_nn *fc_nn_host(const struct fc_nn *nn)
{
	return nn->cpu ? nn->cpu : nn;
}

struct fc_nn_traffic fc_nn_traffic(const struct fc_nn *nn)
{
	return nn->traffic;
}
