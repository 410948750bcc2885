/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_PRODUCT_H
#define FC_NN_PRODUCT_H

#include "nn/cpu/backend.h"

#if defined(__x86_64__)

/* A factor of a product, [n, K] in float32 or bfloat16: element (i, k) is p[i * ld + k], or, by
 * depth, p[k * ld + i]. */
struct fc_factor {
	const void *p;
	enum fc_dtype t;
	size_t n, ld;
	bool by_depth;
};

/* The right factor of a product, and its result, rows ldc apart. */
struct fc_product_side {
	struct fc_factor b;
	float *c;
	size_t ldc;
};

/*
 * c[m,n] (+)= sum_k a[m,k] b[n,k] for every side, with all factors rounded to bfloat16 and sums in
 * float32, by AMX: for factors of many rows each.  Every element of c is one chain of additions
 * over k in an order that K alone fixes, as few_amx.c has it: it does not depend on the number of
 * threads, nor on the other rows and columns.
 */
void fc_product_amx(struct fc_cpu *cpu, const struct fc_factor *a, size_t K,
    const struct fc_product_side *side, size_t n_side, bool accumulate);

/* A gated network: factors by rows, gate and up [F, K], down [N, F]. */
struct fc_glu {
	struct fc_factor gate, up, down;
	enum fc_act act;
};
/* y [x->n, N] = down of act(gate of x) * up of x, with the bits that the products and fc_glu_fwd()
 * give one by one. */
void fc_product_amx_glu(
    struct fc_cpu *cpu, const struct fc_factor *x, const struct fc_glu *l, float *y, size_t ldy);
#endif

#endif
