/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_SIMILARITY_H
#define FC_VARM_SIMILARITY_H

#include "fc-varm/method/method.h"

/*
 * How far each target moved a tensor and how alike the moves are.  norm[k] = |d_k|; for each pair
 * i < j the cosine of d_i and d_j, and the part of the entries that both moved which they moved in
 * the same direction.  NaN where that is 0 / 0.
 */
struct similarity {
	double *norm;               /* [n_target] */
	double *cosine, *agreement; /* [similarity_pair(n_target, 0)] */
};

/* The place of the pair i < j among all pairs. */
static inline int similarity_pair(int j, int i)
{
	return j * (j - 1) / 2 + i;
}

/* One pass over the tensor, which must have a base. */
int varm_similarity_measure(const struct views *v, struct similarity *l, struct fc_err *e);
void varm_similarity_release(struct similarity *l);

#endif
