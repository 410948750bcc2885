/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_CUDA_FIRST_FIT_H
#define FC_NN_CUDA_FIRST_FIT_H

#include <map>
#include <stddef.h>

/*
 * Who has which part of a long piece of memory: parts are given out by first fit, and are known by
 * the offset at which they begin.  It touches no memory itself: so a dry run (dry.cu) has one too,
 * of any length, and sees the gaps that the real one will have (memory.cu).
 */
struct fc_cuda_arena {
	std::map<size_t, size_t> unused; /* bytes by offset, no two adjacent */
	std::map<size_t, size_t> used;
	size_t n_used, end_most; /* bytes; the highest end of what was used, so far */
};

enum { FC_CUDA_ALIGN = 256 };

/* Of n_bytes, nothing of it given out. */
void fc_cuda_arena_start(struct fc_cuda_arena *a, size_t n_bytes);
/* *at: n_bytes, up to whole alignments; false where no part is so long. */
bool fc_cuda_arena_take(struct fc_cuda_arena *a, size_t n_bytes, size_t *at);
/* False: no part begins there. */
bool fc_cuda_arena_give(struct fc_cuda_arena *a, size_t at);
/* Where the last part that is used ends. */
size_t fc_cuda_arena_end(const struct fc_cuda_arena *a);

#endif
