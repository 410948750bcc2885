/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/first_fit.h"
#include "nn/cuda/kernels.h"
#include "nn/cuda/launch.h"

#include <set>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Memory of the device is asked for once, nearly all that is free, and given out by first fit.  One
 * stream does everything in order, so that memory can be given out again as soon as it is released.
 * With FC_CUDA_ALLOC=plain in the environment each allocation is the runtime's own, so that a
 * memory checker sees where it ends.
 *
 * What goes to the device goes through a ring of pinned memory, of two halves.  It is written while
 * copies from it are under way; a half is used again when the copies out of it are done.
 */
enum { HALF_BYTES = 64 << 20, MAX_GPU = 64 };
/* Left to the libraries: their code, and what the driver takes for launches. */
static const size_t margin_bytes = (size_t)512 << 20;

struct fc_cuda_gpu {
	int n_open;
	cudaStream_t stream;
	char *memory; /* what the arena gives out, n_bytes */
	size_t n_bytes;
	struct fc_cuda_arena arena;
	bool plain;
	std::set<void *> alone; /* plain ones */
	char *ring;             /* two halves */
	cudaEvent_t done[2];
	int half;
	size_t at; /* in the half */
};

static struct fc_cuda_gpu *gpus[MAX_GPU];

static bool gpu_start(struct fc_cuda *cu, struct fc_cuda_gpu *g)
{
	void *ring = NULL;
	const char *how = getenv("FC_CUDA_ALLOC");
	g->plain = how && strcmp(how, "plain") == 0;
	const bool good = fc_cuda_good(cu, "stream", cudaStreamCreate(&g->stream)) &&
	    fc_cuda_good(cu, "event", cudaEventCreate(&g->done[0])) &&
	    fc_cuda_good(cu, "event", cudaEventCreate(&g->done[1])) &&
	    fc_cuda_good(cu, "pinned memory", cudaMallocHost(&ring, 2 * (size_t)HALF_BYTES));
	g->ring = static_cast<char *>(ring);
	return good;
}

static void gpu_free(struct fc_cuda_gpu *g)
{
	cudaFree(g->memory);
	for (void *p : g->alone)
		cudaFree(p);
	cudaFreeHost(g->ring);
	for (int i = 0; i < 2; i++)
		if (g->done[i])
			cudaEventDestroy(g->done[i]);
	if (g->stream)
		cudaStreamDestroy(g->stream);
	delete g;
}

int fc_cuda_gpu_open(struct fc_cuda *cu, struct fc_err *e)
{
	if (cu->index >= MAX_GPU)
		return fc_fail(e, "device %d: there are at most %d", cu->index, MAX_GPU);
	struct fc_cuda_gpu *g = gpus[cu->index];
	if (!g) {
		g = new struct fc_cuda_gpu();
		if (!gpu_start(cu, g)) {
			gpu_free(g);
			return fc_fail(e, "%s", cu->err.msg);
		}
		gpus[cu->index] = g;
	}
	g->n_open++;
	cu->gpu = g;
	cu->stream = g->stream;
	return 0;
}

static void tell_memory(const struct fc_cuda_gpu *g)
{
	const char *path = getenv("FC_CUDA_TELL");
	FILE *to = path ? fopen(path, "w") : NULL;
	if (to) {
		fprintf(to, "%zu %zu\n", g->arena.end_most, g->arena.n_used);
		fclose(to);
	}
}

void fc_cuda_gpu_close(struct fc_cuda *cu)
{
	struct fc_cuda_gpu *g = cu->gpu;
	if (!g)
		return;
	cudaStreamSynchronize(g->stream);
	for (int i = 0; i < FC_CUDA_SCRATCH_N; i++)
		fc_cuda_release(&cu->nn, cu->scratch[i].p);
	if (--g->n_open == 0) {
		tell_memory(g);
		gpus[cu->index] = NULL;
		gpu_free(g);
	}
}

/* ---- arena ---- */

/* FC_CUDA_MIB: the arena's at most, for tests, several of which then run on a device at once. */
static size_t arena_bytes(size_t n_free)
{
	const char *mib = getenv("FC_CUDA_MIB");
	const size_t most = mib ? (size_t)strtoull(mib, NULL, 10) << 20 : SIZE_MAX;
	return fc_cuda_min(most, n_free > margin_bytes ? n_free - margin_bytes : 0) /
	    FC_CUDA_ALIGN * FC_CUDA_ALIGN;
}

static bool arena_start(struct fc_cuda *cu)
{
	struct fc_cuda_gpu *g = cu->gpu;
	size_t n_free, n_total;
	void *p = NULL;
	if (g->memory)
		return true;
	if (!fc_cuda_good(cu, "memory", cudaMemGetInfo(&n_free, &n_total)))
		return false;
	if (n_free <= 2 * margin_bytes) {
		fc_cuda_fail(cu,
		    "device %s: %zu of %zu MiB of its memory are free, which is too little: end "
		    "what else runs on it",
		    cu->name, n_free >> 20, n_total >> 20);
		return false;
	}
	const size_t n = arena_bytes(n_free);
	if (!fc_cuda_good(cu, "memory", cudaMalloc(&p, n)))
		return false;
	g->memory = static_cast<char *>(p);
	g->n_bytes = n;
	fc_cuda_arena_start(&g->arena, n);
	return true;
}

static void *plain_alloc(struct fc_cuda *cu, size_t n_bytes)
{
	void *p = NULL;
	if (cu->failed)
		return NULL;
	const cudaError_t status = cudaMalloc(&p, n_bytes ? n_bytes : 1);
	if (status == cudaErrorMemoryAllocation) {
		cudaGetLastError(); /* which is no error of what comes next */
		return NULL;
	}
	if (!fc_cuda_good(cu, "memory", status))
		return NULL;
	cu->gpu->alone.insert(p);
	FC_POISON(cu, p, n_bytes);
	return p;
}

void *fc_cuda_alloc(struct fc_nn *nn, size_t n_bytes)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	struct fc_cuda_gpu *g = cu->gpu;
	if (cu->dry)
		return fc_cuda_dry_alloc(cu, n_bytes);
	if (g->plain)
		return plain_alloc(cu, n_bytes);
	size_t at;
	if (cu->failed || !arena_start(cu) || !fc_cuda_arena_take(&g->arena, n_bytes, &at))
		return NULL;
	FC_POISON(cu, g->memory + at, n_bytes);
	return g->memory + at;
}

void fc_cuda_release(struct fc_nn *nn, void *p)
{
	struct fc_cuda_gpu *g = fc_cuda_of(nn)->gpu;
	if (!p)
		return;
	if (fc_cuda_of(nn)->dry) {
		fc_cuda_dry_release(fc_cuda_of(nn), p);
		return;
	}
	if (g->alone.erase(p)) {
		cudaFree(p);
		return;
	}
	if (!fc_cuda_arena_give(&g->arena, (size_t)(static_cast<char *>(p) - g->memory)))
		fc_cuda_fail(fc_cuda_of(nn), "memory is released that was not allocated");
}

void fc_cuda_memory(const struct fc_nn *nn, size_t *n_free, size_t *n_total)
{
	const struct fc_cuda_gpu *g = reinterpret_cast<const struct fc_cuda *>(nn)->gpu;
	*n_free = *n_total = 0;
	if (!g) /* of a dry run */
		return;
	cudaMemGetInfo(n_free, n_total);
	if (!g->memory) { /* none yet, or all are plain */
		*n_free = arena_bytes(*n_free);
		return;
	}
	*n_free = g->n_bytes - g->arena.n_used;
}

void *fc_cuda_scratch(struct fc_cuda *cu, enum fc_cuda_scratch slot, size_t n, size_t size_bytes)
{
	const size_t need = n * size_bytes;
	if (slot == FC_CUDA_ROWS)
		cu->rounded.x = NULL;
	if (cu->failed)
		return NULL;
	if (cu->scratch[slot].p && cu->scratch[slot].n_bytes >= need) {
		if (!cu->nn.idle)
			FC_POISON(cu, cu->scratch[slot].p, need);
		return cu->scratch[slot].p;
	}
	fc_cuda_release(&cu->nn, cu->scratch[slot].p);
	cu->nn.use = FC_USE_SCRATCH;
	cu->scratch[slot].p = fc_cuda_alloc(&cu->nn, need);
	cu->scratch[slot].n_bytes = need;
	if (!cu->scratch[slot].p) {
		size_t n_free, n_total;
		fc_cuda_memory(&cu->nn, &n_free, &n_total);
		fc_cuda_fail(cu,
		    "device %s: out of memory: %zu MiB are needed for a moment, %zu of %zu MiB are "
		    "free; fewer tokens at a time (--batch-tokens, --micro-tokens) need less",
		    cu->name, need >> 20, n_free >> 20, n_total >> 20);
	}
	return cu->scratch[slot].p;
}

/* ---- between host and device ---- */

/* The next part of the ring, of *n bytes at most; *n becomes what there is. */
static char *ring_take(struct fc_cuda *cu, size_t *n)
{
	struct fc_cuda_gpu *g = cu->gpu;
	if (g->at == HALF_BYTES) {
		fc_cuda_good(cu, "event", cudaEventRecord(g->done[g->half], g->stream));
		g->half = !g->half;
		g->at = 0;
		fc_cuda_good(cu, "copy", cudaEventSynchronize(g->done[g->half]));
	}
	char *p = g->ring + (size_t)g->half * HALF_BYTES + g->at;
	*n = fc_cuda_min(*n, HALF_BYTES - g->at);
	g->at = fc_cuda_min(HALF_BYTES, g->at + fc_cuda_ceil(*n, 64) * 64);
	return p;
}

void fc_cuda_put(struct fc_nn *nn, void *to, const void *host, size_t n_bytes)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	cu->rounded.x = NULL;
	for (size_t i = 0; i < n_bytes && !cu->failed && !cu->nn.idle;) {
		size_t n = n_bytes - i;
		char *p = ring_take(cu, &n);
		memcpy(p, static_cast<const char *>(host) + i, n);
		fc_cuda_good(cu, "copy",
		    cudaMemcpyAsync(
			static_cast<char *>(to) + i, p, n, cudaMemcpyHostToDevice, cu->stream));
		i += n;
	}
}

/* While one half of the ring is copied out of, the other is written. */
void fc_cuda_get(struct fc_nn *nn, void *host, const void *from, size_t n_bytes)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	struct fc_cuda_gpu *g = cu->gpu;
	size_t asked = 0, waiting[2] = {0, 0};
	char *to = static_cast<char *>(host);
	if (cu->nn.idle) {
		memset(host, 0, n_bytes);
		return;
	}
	if (n_bytes == 0 || cu->failed ||
	    !fc_cuda_good(cu, "what was asked for before", cudaStreamSynchronize(g->stream)))
		return;
	for (int k = 0; asked < n_bytes || waiting[0] || waiting[1]; k = !k) {
		char *p = g->ring + (size_t)k * HALF_BYTES;
		if (waiting[k]) {
			if (!fc_cuda_good(cu, "copy", cudaEventSynchronize(g->done[k])))
				return;
			memcpy(to, p, waiting[k]);
			to += waiting[k];
		}
		waiting[k] = fc_cuda_min(n_bytes - asked, HALF_BYTES);
		if (!waiting[k])
			continue;
		const bool good = fc_cuda_good(cu, "copy",
		    cudaMemcpyAsync(p, static_cast<const char *>(from) + asked, waiting[k],
			cudaMemcpyDeviceToHost, g->stream));
		if (!good || !fc_cuda_good(cu, "event", cudaEventRecord(g->done[k], g->stream)))
			return;
		asked += waiting[k];
	}
	g->at = g->half = 0;
}

void fc_cuda_copy(struct fc_nn *nn, void *to, const void *from, size_t n_bytes)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	cu->rounded.x = NULL;
	if (n_bytes && !cu->failed && !cu->nn.idle)
		fc_cuda_good(cu, "copy",
		    cudaMemcpyAsync(to, from, n_bytes, cudaMemcpyDeviceToDevice, cu->stream));
}

void fc_cuda_zero(struct fc_nn *nn, void *p, size_t n_bytes)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	cu->rounded.x = NULL;
	if (n_bytes && !cu->failed && !cu->nn.idle)
		fc_cuda_good(cu, "zeros", cudaMemsetAsync(p, 0, n_bytes, cu->stream));
}

const void *fc_cuda_keep(struct fc_nn *nn, const void *host, size_t n_bytes)
{
	void *p = fc_cuda_alloc(nn, n_bytes);
	if (p)
		fc_cuda_put(nn, p, host, n_bytes);
	return p;
}

void *fc_cuda_list(
    struct fc_cuda *cu, enum fc_cuda_scratch slot, const void *host, size_t n, size_t size_bytes)
{
	void *p = fc_cuda_scratch(cu, slot, n, size_bytes);
	if (p)
		fc_cuda_put(&cu->nn, p, host, n * size_bytes);
	return p;
}
