/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_CUDA_CUDA_H
#define FC_NN_CUDA_CUDA_H

/*
 * cuda/: the devices of the modules libfc-cuda.so, by nvcc, and libfc-emu.so, the same source
 * compiled for the CPU, with fibers as lanes.
 *
 * cuda is what a device is, launch how a kernel is written and started (async: copies that go on
 * meanwhile), module the table that a program opens; memory gives out the device's memory and moves
 * what goes there and back.  kernels lists the operations, a file for each group of them: linear
 * with few_rows and few_tiles (where reading weights takes the time), blas (the door to cuBLASLt)
 * and convert (weights as products take them; weight: stored values as floats), norm, rope,
 * elementwise, embed, route, sums (over rows), attention with attention_* on tile (products in
 * shared memory), head with head_* (the output layer).
 *
 * first_fit says which part of the memory is whose; dry is a handle that counts memory and does
 * nothing. For tests, FC_CUDA_TELL names a file for the bytes of memory that were needed, gaps and
 * all, and for those that are used at the end; FC_CUDA_MIB is how much memory is used at most.
 *
 * Of the emulation alone: emu is CUDA's language and runtime (emu_lanes: fibers, emu_runtime:
 * memory and the like), emu_env what the environment says to it, emu_blas products by the CPU's
 * device.
 */

#include <stdint.h>

#ifdef __CUDACC__
#include <cuda_runtime.h>
#else
#include "nn/cuda/emu.h"
#endif

extern "C" {
#include "nn/device.h"
}

/* Scratch that survives between calls.  A slot's contents last until it is asked for again. */
enum fc_cuda_scratch {
	FC_CUDA_PANEL,     /* linear: converted weights */
	FC_CUDA_ROWS,      /* linear: rounded activations or gradients */
	FC_CUDA_ROWS2,     /* linear: the second rounded operand of dW */
	FC_CUDA_FEW,       /* linear: sums over parts of the columns, of few rows */
	FC_CUDA_ALIKE,     /* linear: the result of a block of rows that is not whole */
	FC_CUDA_SUMS,      /* partial sums of norms, biases, sums of squares */
	FC_CUDA_LISTS,     /* index arrays that came from the host */
	FC_CUDA_ROUTE,     /* route_logits */
	FC_CUDA_ATTN,      /* attention: partial results of splits, delta */
	FC_CUDA_ATTN2,     /* attention: lists that are too long for parameters */
	FC_CUDA_LOGITS,    /* head: one tile */
	FC_CUDA_HEAD,      /* head: results of a tile, and lists of a teacher */
	FC_CUDA_HEAD2,     /* head: gradients of a tile's logits, rounded */
	FC_CUDA_WORKSPACE, /* blas */
	FC_CUDA_SCRATCH_N
};

/* Rows of every product where rows are to be alike: enough to fill a device; few in the emulation,
 * so that there are several blocks of them. */
#ifdef __CUDACC__
enum { FC_CUDA_ALIKE_ROWS = 1024 };
#else
enum { FC_CUDA_ALIKE_ROWS = 32 };
#endif

/* What products read: FC_CUDA_ROWS has x[n] as bfloat16, with room for n_room, zeros behind; or x
 * is NULL.  See convert.cu. */
struct fc_cuda_rounded {
	const float *x;
	size_t n, n_room;
};

struct fc_cuda_gpu; /* memory.cu: what all open devices of one index share */
struct fc_cuda_blas;
struct fc_cuda_dry;

struct fc_cuda {
	struct fc_nn nn; /* the first: an fc_nn of this device is one of these */
	struct fc_nn *cpu;
	struct fc_cuda_gpu *gpu;
	cudaStream_t stream; /* the gpu's only one: all is done in the order it is asked for */
	int index;
	char name[256];
	struct fc_cuda_blas *blas;
	struct fc_cuda_dry *dry; /* dry.cu: memory is counted, and nn.idle; or NULL */
	struct {
		void *p;
		size_t n_bytes;
	} scratch[FC_CUDA_SCRATCH_N];
	struct fc_cuda_rounded rounded;
	bool failed; /* after its first error a device does nothing */
	struct fc_err err;
};

static inline struct fc_cuda *fc_cuda_of(struct fc_nn *nn)
{
	return reinterpret_cast<struct fc_cuda *>(nn);
}

/* Keeps the first error. */
void fc_cuda_fail(struct fc_cuda *cu, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Keeps the error of a call of the runtime; false where there is one, or was one before. */
bool fc_cuda_good(struct fc_cuda *cu, const char *what, cudaError_t status);

/* y[n] is written: what was rounded of it before is not what is there. */
static inline void fc_cuda_written(struct fc_cuda *cu, const float *y, size_t n)
{
	const struct fc_cuda_rounded *r = &cu->rounded;
	if (r->x && y < r->x + r->n && r->x < y + n)
		cu->rounded.x = NULL;
}

/* ---- memory.cu ---- */
/* Sets gpu and stream. */
int fc_cuda_gpu_open(struct fc_cuda *cu, struct fc_err *e);
void fc_cuda_gpu_close(struct fc_cuda *cu);
/* 256-byte aligned, contents undefined; NULL after an error, also that of too little memory. */
void *fc_cuda_scratch(struct fc_cuda *cu, enum fc_cuda_scratch slot, size_t n, size_t size_bytes);
/* A host array on the device, in a slot of scratch. */
void *fc_cuda_list(
    struct fc_cuda *cu, enum fc_cuda_scratch slot, const void *host, size_t n, size_t size_bytes);

static inline size_t fc_cuda_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t fc_cuda_ceil(size_t n, size_t by)
{
	return (n + by - 1) / by;
}

#endif
