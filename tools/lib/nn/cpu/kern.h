/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_KERN_H
#define FC_NN_KERN_H

#include "nn/nn.h"

/*
 * Inner loops on one thread, compiled once for every instruction set from kern_body.h; fc_kern()
 * chooses by what the processor has.  The sets differ in the last bits of sums.  Pointers need no
 * alignment beyond the element's; results may be the inputs' own memory.
 *
 * Errors against exact results, tested in tests/unit/nn_kern.c (eps = 2^-24):
 *   exp   4 eps relative for x in [-87.3, 88.3]; 0 below -87.7, infinity above 88.4
 *   tanh  5 eps relative
 *   silu, gelu_tanh, gelu: 8 eps relative to max(|x|, 1), derivatives 16 eps
 */
struct fc_kern {
	const char *name;
	size_t few_rows; /* up to here dot_rows is faster than the library's products */
	size_t mm_cols;  /* columns that mm has in flight */
	float (*max)(const float *x, size_t n); /* -inf where n is 0 */
	/* The largest of x, and in group[] that of every group; see fc_kern_group_at(). */
	float (*group_max)(const float *x, size_t n, float *group);
	/* sum exp(x - shift) */
	double (*exp_sum)(const float *x, float shift, size_t n);
	/* y = w exp(a x - shift); returns the sum of y */
	double (*exp_scaled)(float *y, const float *x, float a, float shift, float w, size_t n);
	/* y = cap tanh(a x / cap) */
	void (*cap)(float *y, const float *x, float a, float cap, size_t n);
	/* y *= 1 - (c / cap)^2, the derivative of that where c was its result */
	void (*cap_bwd)(float *y, const float *c, float cap, size_t n);
	/* ds = scale p (ds - delta) */
	void (*score_bwd)(float *ds, const float *p, float delta, float scale, size_t n);
	/* y = scale y + slope (first + i) */
	void (*ramp)(float *y, float scale, float slope, float first, size_t n);
	/* sum x - shift */
	double (*sum)(const float *x, float shift, size_t n);
	double (*sum_squares)(const float *x, size_t n);
	/* sum a (b + one) c */
	double (*dot3)(const float *a, const float *b, float one, const float *c, size_t n);
	/* y += a x */
	void (*axpy)(float *y, const float *x, float a, size_t n);
	/* y[r] += sum_j p[r,j] v[j], r < R, n rows v of D floats; rows of each ld apart.  A row's
	 * bits do not depend on the others. */
	void (*weighted_sums)(float *y, size_t ldy, const float *p, size_t ldp, const float *v,
	    size_t ldv, size_t R, size_t n, size_t D);
	/*
	 * c[m,n] (+)= sum_k a[m,k] b[k,n] with a's elements a_row and a_k apart, for matrices that
	 * are in the cache: nothing is copied.
	 */
	void (*mm)(float *c, size_t ldc, const float *a, size_t a_row, size_t a_k, const float *b,
	    size_t ldb, size_t M, size_t N, size_t K, bool accumulate);
	/* y[n,m] = x[m,n] */
	void (*transpose)(float *y, size_t ldy, const float *x, size_t ldx, size_t M, size_t N);
	/* y[m,o] = sum_i x[m,i] w[o,i]; for few rows x, where reading w is what takes time.  Rows
	 * of packed weights are whole blocks. */
	void (*dot_rows)(float *y, size_t ldy, const float *x, size_t ldx, const void *w,
	    size_t ldw, enum fc_dtype t, size_t M, size_t O, size_t I);
	void (*widen)(float *y, const void *x, enum fc_dtype t, size_t n);
	void (*to_bf16)(uint16_t *y, const float *x, size_t n);
	void (*round_bf16)(float *y, const float *x, size_t n); /* to_bf16 and back */
	/* c, s = scale * cos, sin of pos * freq; errors at most 4 eps * scale for pos below 2^24 */
	void (*turn)(float *c, float *s, const float *freq, uint32_t pos, float scale, size_t n);
	void (*act)(float *y, const float *x, enum fc_act act, size_t n);
	void (*glu)(float *y, const float *gate, const float *up, enum fc_act act, size_t n);
	void (*glu_bwd)(float *dgate, float *dup, const float *dy, const float *gate,
	    const float *up, enum fc_act act, size_t n);
};

const struct fc_kern *fc_kern(void);

/*
 * Least work for which threads are woken: on idle cores that costs a microsecond, on busy ones up
 * to a time slice of milliseconds.  For loops over elements, for multiplications, and for those of
 * an attention, which are slower and by far not all that it does.
 */
enum { FC_PAR_ELEMENTS = 1 << 15, FC_PAR_PRODUCTS = 1 << 18, FC_PAR_ATTENTION = 1 << 15 };
/* Least elements of N rows of which every thread has just written a part: from two rows on threads
 * go on, since their parts are in their caches and they would fall asleep while one went through
 * all.  One row's loops are too short. */
enum { FC_PAR_WRITTEN = 1 << 11 };
static inline size_t fc_par_written(size_t N)
{
	return N > 1 ? FC_PAR_WRITTEN : FC_PAR_ELEMENTS;
}

/* DO for I = 0, STEP, ... below N: by all threads, or, where there is not enough to do, by this
 * one. Of a token's loops most are short, and OpenMP's own "if" takes a third of a microsecond
 * each. */
#define FC_PAR_FOR(ENOUGH, I, N, STEP, DO)                                                         \
	do {                                                                                       \
		if (ENOUGH) {                                                                      \
			_Pragma("omp parallel for") for (size_t I = 0; I < (N); I += (STEP)) DO;   \
		} else {                                                                           \
			for (size_t I = 0; I < (N); I += (STEP))                                   \
				DO;                                                                \
		}                                                                                  \
	} while (0)

/*
 * Groups for group_max: 16 of them share a block of 512 elements, dealt out in turn, so that the
 * maxima are those of vector lanes.  Group g holds the elements fc_kern_group_at(g) + 16 j,
 * j < 32, below n.
 */
enum { FC_KERN_LANES = 16, FC_KERN_BLOCK = 512 };
static inline size_t fc_kern_n_group(size_t n)
{
	return (n + FC_KERN_BLOCK - 1) / FC_KERN_BLOCK * FC_KERN_LANES;
}
static inline size_t fc_kern_group_at(size_t g)
{
	return g / FC_KERN_LANES * FC_KERN_BLOCK + g % FC_KERN_LANES;
}

/* Every set this processor can run; the last is the portable one, written without intrinsics. */
#define FC_KERN_MAX 3
size_t fc_kern_all(const struct fc_kern *all[static FC_KERN_MAX]);

#endif
