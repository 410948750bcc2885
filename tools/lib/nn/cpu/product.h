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

/*
 * c[m,n] (+)= sum_k a[m,k] b[n,k], rows of c ldc apart, with both factors rounded to bfloat16 and
 * sums in float32, by AMX: for factors of many rows each.  Every element of c is one chain of
 * additions over k in an order that K alone fixes, as few_amx.c has it: it does not depend on the
 * number of threads, nor on the other rows and columns.
 */
void fc_product_amx(struct fc_cpu *cpu, const struct fc_factor *a, const struct fc_factor *b,
    size_t K, float *c, size_t ldc, bool accumulate);
#endif

#endif
