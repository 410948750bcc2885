/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-varm/method/sums.h"

bool varm_rows_next(struct unit *u, size_t r, size_t *at)
{
	size_t row = u->v->row;
	if (*at == row)
		return false;
	u->first = u->begin + r * row + *at;
	u->n = row - *at < BLOCK_ELEMENTS ? row - *at : BLOCK_ELEMENTS;
	*at += u->n;
	varm_unit_read(u);
	return true;
}

void varm_rows_inner_products(struct unit *u, size_t r, double *g)
{
	int n = u->v->n_target;
	size_t n_pair = (size_t)n * ((size_t)n + 1) / 2, at = 0;
	double *lanes = FC_ARRAY(double, n_pair *LANES), *lane;
	while (varm_rows_next(u, r, &at)) {
		lane = lanes;
		for (int k = 0; k < n && u->v->base; k++)
			varm_sums_subtract(u->x[k], u->base, u->n);
		for (int i = 0; i < n; i++)
			for (int j = 0; j <= i; j++, lane += LANES)
				varm_sums_products(lane, u->x[i], u->x[j], u->n);
	}
	lane = lanes;
	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++, lane += LANES)
			g[i * n + j] = g[j * n + i] = varm_lanes_total(lane);
	free(lanes);
}

void varm_rows_blend(struct unit *u, const double *coef, double *out)
{
	varm_unit_read(u);
	const struct views *v = u->v;
	size_t at = u->first - u->begin, row = at / v->row, col = at % v->row;
	for (size_t i = 0; i < u->n; i++) {
		const double *c = coef + row * (size_t)v->n_target;
		double base = v->base ? u->base[i] : 0, sum = 0;
		for (int k = 0; k < v->n_target; k++)
			sum += c[k] * (u->x[k][i] - base);
		/* an entry nobody moved keeps its bits, also those of -0 */
		out[i] = !v->base ? sum : sum == 0 ? base : base + sum;
		if (++col == v->row) {
			col = 0;
			row++;
		}
	}
}
