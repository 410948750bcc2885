/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_HEAD_ROW_H
#define FC_NN_HEAD_ROW_H

#include "nn/cpu/head.h"

/* A row of the teacher's and the memory for one row's categories: the entries and, where the
 * objective has a tail and an id is not listed, the tail as the last. */
struct fc_head_row {
	const uint32_t *id;
	const float *logprob;
	size_t n;
	double *log_q, *log_p, *slope; /* [n + 1] */
	double *scratch;               /* [2 (n + 1)] */
	float *z;                      /* [n] the entries' logits */
};
size_t fc_head_row_bytes(size_t n);
/* Puts the pointers into memory of that size, aligned as doubles; id, logprob and n are set. */
void fc_head_row_place(struct fc_head_row *r, void *memory);

/*
 * dL/dlogits for an objective's loss L, apart from weights and a cap's slope:
 *   entry k          slope[k] - p[k] sum
 *   another id v     p[v] (slope of the tail / p of the tail - sum) = factor exp(z[v] - shift)
 */
struct fc_head_slope {
	double sum;
	double factor;
	float shift;
};

/* The loss between a row and logits z [V], of which norm was made.  z is changed on the way and
 * comes back as it was.  V: the vocabulary. */
double fc_head_row_loss(const struct fc_head_row *r, const struct fc_objective *o,
    const struct fc_kern *kern, float *z, size_t V, const struct fc_head_norm *norm,
    struct fc_head_slope *slope);

#endif
