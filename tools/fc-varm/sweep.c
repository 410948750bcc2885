/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool unit_next_nothing(struct unit *u)
{
	if (u->at == u->end)
		return false;
	u->first = u->at;
	u->n = u->end - u->at < BLOCK_ELEMENTS ? u->end - u->at : BLOCK_ELEMENTS;
	u->at += u->n;
	return true;
}

static void read_targets(struct unit *u)
{
	for (int k = 0; k < u->v->n_target; k++)
		feed_read(&u->v->target[k], u->first, u->n, u->x[k]);
}

void unit_read(struct unit *u)
{
	read_targets(u);
	if (u->v->base)
		feed_read(u->v->base, u->first, u->n, u->base);
}

bool unit_next_targets(struct unit *u)
{
	if (!unit_next_nothing(u))
		return false;
	read_targets(u);
	return true;
}

bool unit_next(struct unit *u)
{
	if (!unit_next_nothing(u))
		return false;
	unit_read(u);
	return true;
}

static void unit_place(struct unit *u, size_t n)
{
	size_t unit = u->v->unit;
	u->begin = u->at = n * unit;
	u->end = u->v->n - u->at < unit ? u->v->n : u->at + unit;
}

void unit_init(struct unit *u, const struct views *v, size_t n)
{
	double *p = fc_malloc_aligned(((size_t)v->n_target + 1) * BLOCK_ELEMENTS, sizeof *p);
	*u = (struct unit){.v = v, .base = p};
	u->x = FC_ARRAY(double *, (size_t)v->n_target + 1);
	for (int k = 0; k < v->n_target; k++)
		u->x[k] = p + ((size_t)k + 1) * BLOCK_ELEMENTS;
	unit_place(u, n);
}

void unit_release(struct unit *u)
{
	free(u->base);
	free(u->x);
}

/* Lets go of the inputs of a large tensor's elements; a small one costs more calls than memory. */
static void forget(const struct views *v, size_t from, size_t to)
{
	if (to - from < UNIT_ELEMENTS)
		return;
	if (v->base)
		feed_forget(v->base, from, to - from);
	for (int k = 0; k < v->n_target; k++)
		feed_forget(&v->target[k], from, to - from);
}

size_t sweep_row_unit(size_t row)
{
	return row >= UNIT_ELEMENTS ? row : UNIT_ELEMENTS / row * row;
}

double lanes_total(const double *lane)
{
	return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
	    ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

int sweep(const struct views *v, int (*visit)(struct unit *u, void *ctx, struct fc_err *e),
    void *ctx, double *sum, int n_sum, struct fc_err *e)
{
	size_t n_unit = v->n / v->unit + (v->n % v->unit != 0);
	size_t n_lane = (size_t)n_sum * LANES;
	double *lanes = FC_ARRAY(double, GROUP_UNITS *n_lane + 1);
	int failed = 0;
	for (int s = 0; s < n_sum; s++)
		sum[s] = 0;
	for (size_t from = 0; from < n_unit && !failed; from += GROUP_UNITS) {
		size_t to = n_unit - from < GROUP_UNITS ? n_unit : from + GROUP_UNITS;
		memset(lanes, 0, GROUP_UNITS * n_lane * sizeof *lanes);
#pragma omp parallel if (to - from > 1)
		{
			struct unit u;
			unit_init(&u, v, from);
#pragma omp for schedule(dynamic)
			for (size_t i = from; i < to; i++) {
				struct fc_err mine = {""};
				unit_place(&u, i);
				u.lanes = lanes + (i - from) * n_lane;
				if (visit(&u, ctx, &mine) < 0) {
#pragma omp critical
					{
						*e = mine;
						failed = -1;
					}
				}
			}
			unit_release(&u);
		}
		for (size_t i = 0; i < to - from; i++)
			for (int s = 0; s < n_sum; s++)
				sum[s] += lanes_total(lanes + i * n_lane + (size_t)s * LANES);
		forget(v, from * v->unit, to == n_unit ? v->n : to * v->unit);
	}
	free(lanes);
	return failed;
}
