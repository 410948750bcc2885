/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_PRODUCT_H
#define FC_NN_PRODUCT_H

#include "nn/cpu/backend.h"

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

/* A gated network: factors by rows, gate and up [F, K], down [N, F]. */
struct fc_glu {
	struct fc_factor gate, up, down;
	enum fc_act act;
};

/*
 * Products of factors of many rows each, all rounded to bfloat16, with sums in float32, by one
 * instruction set.  Every element is one chain of additions over its depth in an order that the
 * depth alone fixes: it does not depend on the number of threads, nor on other rows and columns.
 */
struct fc_products {
	const char *name;
	bool as_few; /* the chain is that of few.h, unless weights are packed */
	/* c[m,n] (+)= sum_k a[m,k] b[n,k] for every side. */
	void (*product)(struct fc_cpu *cpu, const struct fc_factor *a, size_t K,
	    const struct fc_product_side *side, size_t n_side, bool accumulate);
	/* y [x->n, N] = down of act(gate of x) * up of x, with the bits that product() and
	 * fc_glu_fwd() give one by one. */
	void (*glu)(struct fc_cpu *cpu, const struct fc_factor *x, size_t K, const struct fc_glu *l,
	    float *y, size_t ldy);
};
#if defined(__x86_64__)
extern const struct fc_products fc_products_avx512_bf16, fc_products_amx;
#endif

/* linear's functions by cpu->products.  The last two: of several matrices together, with the same
 * bits; false: not with these weights. */
void fc_tiles_fwd(
    struct fc_cpu *cpu, float *y, const float *x, const struct fc_weight *w, size_t N);
void fc_tiles_bwd_x(struct fc_cpu *cpu, float *dx, const float *dy, const struct fc_weight *w,
    size_t N, bool accumulate);
void fc_tiles_bwd_w(
    struct fc_cpu *cpu, float *dw, const float *dy, const float *x, size_t N, size_t O, size_t I);
bool fc_tiles_several(struct fc_cpu *cpu, float *const y[], const float *x,
    const struct fc_weight *const w[], size_t n, size_t N);
bool fc_tiles_glu(struct fc_cpu *cpu, float *y, const float *x, const struct fc_weight *gate,
    const struct fc_weight *up, const struct fc_weight *down, enum fc_act act, size_t N);

#endif
