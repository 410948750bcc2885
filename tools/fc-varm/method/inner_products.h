/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_INNER_PRODUCTS_H
#define FC_VARM_INNER_PRODUCTS_H

#include "fc-varm/method/method.h"

/*
 * Inner products of a tensor's models, as vectors.  With changes, of x_k - base; else of the x_k,
 * with the base as the last one where there is a base.  g[i * n + j] = <v_i, v_j>; n is the number
 * of vectors, g is the caller's to free.
 */
int varm_inner_products(const struct views *v, bool changes, double **g, int *n, struct fc_err *e);

/* Merged values for methods that give the models coefficients: apply() hooks that read the targets
 * themselves (struct method, streams). */

/* r->base_weight * base + sum_k weight_k x_k; the base only where its weight is not 0 */
void varm_blend_values(struct unit *u, const struct measured *r, double *out);
/* base + sum_k weight_k (x_k - base); an entry nobody moved keeps the base's bits */
void varm_blend_changes(struct unit *u, const struct measured *r, double *out);

#endif
