/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/first_fit.h"
#include "nn/cuda/cuda.h"

#include <iterator>

void fc_cuda_arena_start(struct fc_cuda_arena *a, size_t n_bytes)
{
	a->unused[0] = n_bytes;
}

size_t fc_cuda_arena_end(const struct fc_cuda_arena *a)
{
	return a->used.empty() ? 0 : a->used.rbegin()->first + a->used.rbegin()->second;
}

bool fc_cuda_arena_take(struct fc_cuda_arena *a, size_t n_bytes, size_t *at)
{
	if (n_bytes > SIZE_MAX - FC_CUDA_ALIGN)
		return false;
	const size_t n =
	    n_bytes ? fc_cuda_ceil(n_bytes, FC_CUDA_ALIGN) * FC_CUDA_ALIGN : (size_t)FC_CUDA_ALIGN;
	for (auto it = a->unused.begin(); it != a->unused.end(); ++it) {
		const size_t begin = it->first, there = it->second;
		if (there < n)
			continue;
		a->unused.erase(it);
		if (there > n)
			a->unused[begin + n] = there - n;
		a->used[begin] = n;
		a->n_used += n;
		a->end_most = begin + n > a->end_most ? begin + n : a->end_most;
		*at = begin;
		return true;
	}
	return false;
}

bool fc_cuda_arena_give(struct fc_cuda_arena *a, size_t at)
{
	const auto it = a->used.find(at);
	if (it == a->used.end())
		return false;
	size_t n = it->second;
	a->used.erase(it);
	a->n_used -= n;
	auto next = a->unused.lower_bound(at);
	if (next != a->unused.end() && next->first == at + n) {
		n += next->second;
		next = a->unused.erase(next);
	}
	if (next != a->unused.begin()) {
		const auto before = std::prev(next);
		if (before->first + before->second == at) {
			before->second += n;
			return true;
		}
	}
	a->unused[at] = n;
	return true;
}
