/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/kernels.h"
#include "nn/drycount.h"

#include <iterator>
#include <map>

/*
 * A handle over which nothing is done: no kernel starts, nothing moves, and memory is counted and
 * not taken, that for the operations' own moments too.  It runs the operations' own code up to the
 * launch, limits of which it checks.
 */
enum { ALIGN = 256 };

struct fc_cuda_dry {
	struct fc_dry_count count;
	size_t next; /* address */
	struct block {
		size_t n_bytes;
		enum fc_use use;
	};
	std::map<size_t, struct block> used;
};

void *fc_cuda_dry_alloc(struct fc_cuda *cu, size_t n_bytes)
{
	struct fc_cuda_dry *d = cu->dry;
	const size_t n = n_bytes ? fc_cuda_ceil(n_bytes, ALIGN) * ALIGN : (size_t)ALIGN;
	const size_t at = d->next;
	d->used[at] = {n, cu->nn.use};
	d->next += n + ALIGN;
	fc_dry_count_take(&d->count, cu->nn.use, n);
	return reinterpret_cast<void *>(at);
}

void fc_cuda_dry_release(struct fc_cuda *cu, void *p)
{
	struct fc_cuda_dry *d = cu->dry;
	const auto it = d->used.find(reinterpret_cast<size_t>(p));
	if (it == d->used.end()) {
		fc_cuda_fail(cu, "memory is released that was not allocated");
		return;
	}
	fc_dry_count_give(&d->count, it->second.use, it->second.n_bytes);
	d->used.erase(it);
}

struct fc_nn *fc_cuda_dry_open(const struct fc_nn *of)
{
	const struct fc_cuda *from = reinterpret_cast<const struct fc_cuda *>(of);
	struct fc_cuda *cu = new struct fc_cuda();
	cu->nn.ops = of->ops;
	cu->nn.compute = of->compute;
	cu->index = from->index;
	for (size_t i = 0; i < sizeof cu->name; i++)
		cu->name[i] = from->name[i];
	cu->dry = new struct fc_cuda_dry();
	cu->dry->next = ALIGN;
	cu->nn.most = cu->dry->count.most;
	return &cu->nn;
}

void fc_cuda_dry_close(struct fc_cuda *cu)
{
	delete cu->dry;
}
