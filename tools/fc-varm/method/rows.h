/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_ROWS_H
#define FC_VARM_ROWS_H

#include "fc-varm/method/method.h"

/* Rows of a unit of whole rows. */
static inline size_t rows_of_unit(const struct unit *u)
{
	return (u->end - u->begin) / u->v->row;
}

/*
 * Reads row r of the unit in blocks: begins with *at = 0, returns false at the row's end.  u->base,
 * u->x and u->n are the block; *at goes on.  The unit's own blocks begin anew afterwards.
 */
bool varm_rows_next(struct unit *u, size_t r, size_t *at);

/* Inner products of the targets' rows, changes where there is a base, values else:
 * g[i * n_target + j] of the unit's row r. */
void varm_rows_inner_products(struct unit *u, size_t r, double *g);

/*
 * Merged values where each row has coefficients of its own: coef[row of the unit][n_target],
 * applied to changes on top of the base where there is one, to values else.  Reads the block.
 */
void varm_rows_blend(struct unit *u, const double *coef, double *out);

#endif
