/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/first_fit.h"
#include "nn/cuda/kernels.h"
#include "nn/drycount.h"

#include <stdio.h>

/*
 * A handle over which nothing is done: no kernel starts, nothing moves, and memory is counted and
 * not taken, that for the operations' own moments too.  It runs the operations' own code up to the
 * launch, limits of which it checks, and gives out memory as the device does, so that the gaps
 * between what is given out are counted.
 */
struct fc_cuda_dry {
	struct fc_dry_count count;
	struct fc_cuda_arena arena;
	struct block {
		size_t n_bytes;
		enum fc_use use;
	};
	std::map<size_t, struct block> block; /* by offset */
};

/* No address is NULL. */
static void *address(size_t at)
{
	return reinterpret_cast<void *>(at + FC_CUDA_ALIGN);
}

static size_t offset(const void *p)
{
	return reinterpret_cast<size_t>(p) - FC_CUDA_ALIGN;
}

void *fc_cuda_dry_alloc(struct fc_cuda *cu, size_t n_bytes)
{
	struct fc_cuda_dry *d = cu->dry;
	size_t at;
	if (!fc_cuda_arena_take(&d->arena, n_bytes, &at))
		return NULL;
	const size_t n = d->arena.used[at];
	d->block[at] = {n, cu->nn.use};
	fc_dry_count_take(&d->count, cu->nn.use, n, fc_cuda_arena_end(&d->arena));
	return address(at);
}

void fc_cuda_dry_release(struct fc_cuda *cu, void *p)
{
	struct fc_cuda_dry *d = cu->dry;
	const auto it = d->block.find(offset(p));
	if (it == d->block.end() || !fc_cuda_arena_give(&d->arena, offset(p))) {
		fc_cuda_fail(cu, "memory is released that was not allocated");
		return;
	}
	fc_dry_count_give(&d->count, it->second.use, it->second.n_bytes);
	d->block.erase(it);
}

struct fc_nn *fc_cuda_dry_open(const struct fc_nn *of)
{
	const struct fc_cuda *from = reinterpret_cast<const struct fc_cuda *>(of);
	struct fc_cuda *cu = new struct fc_cuda();
	cu->nn.ops = of->ops;
	cu->nn.compute = of->compute;
	cu->index = from->index;
	snprintf(cu->name, sizeof cu->name, "%s", from->name);
	cu->nn.idle = true;
	cu->dry = new struct fc_cuda_dry();
	fc_cuda_arena_start(&cu->dry->arena, SIZE_MAX / 2 / FC_CUDA_ALIGN * FC_CUDA_ALIGN);
	cu->nn.most = cu->dry->count.most;
	return &cu->nn;
}

void fc_cuda_dry_close(struct fc_cuda *cu)
{
	delete cu->dry;
}
