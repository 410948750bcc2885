/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_BACKEND_H
#define FC_NN_BACKEND_H

#include "nn/cpu/bf16.h"
#include "nn/cpu/kern.h"
#include "nn/nn.h"
#include "nn/cpu/sgemm.h"

/*
 * cpu/: computation by the processor.  Each group of functions of nn.h has a file (linear with
 * linear_bf16, split, rmsnorm, layernorm, rope, attention, glu, route, embed, head with head_loss;
 * *_bwd where the way back is long), backend is what they share, sgemm and bf16 are the doors to
 * OpenBLAS and oneDNN, and kern lists the inner loops on one thread: kern_* compiles the bodies
 * kern_*_body for one instruction set each.  head_draw is rows by draws instead of the likeliest;
 * head_row is a teacher's row against a row of logits, head_objective the divergences.
 */

/* Scratch that survives between calls.  A slot's contents last until it is asked for again. */
enum fc_scratch {
	FC_SCRATCH_PANEL,  /* linear: widened or rounded weights */
	FC_SCRATCH_ROWS,   /* linear: rounded activations */
	FC_SCRATCH_TAIL,   /* linear: results of a padded block, the second rounded activations */
	FC_SCRATCH_ATTN,   /* attention: tiles of scores of every thread */
	FC_SCRATCH_TASKS,  /* attention: the work list */
	FC_SCRATCH_LOGITS, /* head: one tile */
	FC_SCRATCH_ROW,    /* head: a tile's rows */
	FC_SCRATCH_ROUTE,  /* route: logits of experts */
	FC_SCRATCH_N
};

struct fc_nn {
	enum fc_compute compute;
	const struct fc_kern *kern;
	struct fc_bf16 *bf16; /* NULL in F32, and in BF16 where linear.c does it */
	struct {
		void *p;
		size_t n_bytes;
	} scratch[FC_SCRATCH_N];
};

/* 64-byte aligned, contents undefined. */
void *fc_nn_scratch(struct fc_nn *nn, enum fc_scratch slot, size_t n, size_t size_bytes);

static inline size_t fc_min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

#endif
