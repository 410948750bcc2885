/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_FEW_H
#define FC_NN_FEW_H

#include "nn/cpu/backend.h"

/*
 * y[i] [N, n_out] = x w[i]^T of few rows, as one token of each of some streams, for n weights of as
 * many inputs: reading the weights is what takes time, so it is done once for all rows.  Operands
 * are rounded to bfloat16 and sums in float32, or, of packed weights, with what
 * few_packed_sums_body.h makes of them, which is closer; without "few" all is float32.  Every
 * element of y is one chain of additions over i in an order that I alone fixes: a row has the same
 * bits alone and among any others, wherever it stands, with any number of threads.
 */
void fc_few_products(struct fc_cpu *cpu, const struct fc_few *few, float *const y[], const float *x,
    const struct fc_weight *const w[], size_t n, size_t N);

/* How it is done, on one thread, by one instruction set. */
struct fc_few {
	const char *name;
	size_t rows; /* up to here it is faster than products of many rows */
	/* dot() takes weights of any type that is not packed.  Where it does not, they are rounded
	 * before. */
	bool any_type;
	/* x [N,I] rounded, as dot() reads it: pack_bytes(N, I), aligned to 64. */
	size_t (*pack_bytes)(size_t N, size_t I);
	/* Rows [n, n + n_row) of x; n is a multiple of pack_rows, and n_row, but for the last. */
	size_t pack_rows;
	void (*pack)(void *pack, const float *x, size_t n, size_t n_row, size_t I);
	/* y[n,o] = sum_i x[n,i] w[o,i], rows of y and w ldy and I apart */
	void (*dot)(float *y, size_t ldy, const void *pack, const void *w, enum fc_dtype t,
	    size_t N, size_t O, size_t I);
};
enum { FC_FEW_PACK_ROWS = 16 }; /* the most that some pack_rows is */

const struct fc_few *fc_few(void);
/* For packed weights; NULL where they are faster as floats. */
const struct fc_few *fc_few_packed(void);
/* All for weights that are not packed that this processor can run, the fastest first; the last is
 * without intrinsics' help. */
#define FC_FEW_MAX 3
size_t fc_few_all(const struct fc_few *all[static FC_FEW_MAX]);

#if defined(__x86_64__)
extern const struct fc_few fc_few_amx, fc_few_avx512_bf16, fc_few_amx_int8, fc_few_avx512_vnni,
    fc_few_packed_avx2;
/* The system lets this process use tiles: it has to be asked once. */
bool fc_few_amx_open(void);
#endif

#endif
