/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/pass.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tensor/finite.h"

/* How far ahead of a block the unit's stored values are asked of memory. */
#define AHEAD_ELEMENTS (8 * BLOCK_ELEMENTS)

static void ask_ahead(const struct unit *u)
{
	size_t first = u->first + AHEAD_ELEMENTS;
	if (first >= u->end || u->near)
		return;
	size_t n = u->end - first < BLOCK_ELEMENTS ? u->end - first : BLOCK_ELEMENTS;
	if (u->v->base)
		varm_values_ask(u->v->base, first, n);
	for (int k = 0; k < u->v->n_target; k++)
		varm_values_ask(&u->v->target[k], first, n);
}

bool varm_unit_next_nothing(struct unit *u)
{
	if (u->at == u->end)
		return false;
	u->first = u->at;
	u->n = u->end - u->at < BLOCK_ELEMENTS ? u->end - u->at : BLOCK_ELEMENTS;
	u->at += u->n;
	ask_ahead(u);
	return true;
}

static void read_targets(struct unit *u)
{
	for (int k = 0; k < u->v->n_target; k++)
		varm_values_read(&u->v->target[k], u->first, u->n, u->x[k]);
}

void varm_unit_read_base(struct unit *u)
{
	if (u->v->base)
		varm_values_read(u->v->base, u->first, u->n, u->base);
}

void varm_unit_read(struct unit *u)
{
	read_targets(u);
	varm_unit_read_base(u);
}

bool varm_unit_is_finite(const struct unit *u, int target)
{
	const struct values *f = target < 0 ? u->v->base : &u->v->target[target];
	const void *bytes = varm_values_bytes(f, u->first);
	if (bytes)
		return fc_finite_count(bytes, f->t.dtype, u->n) == u->n;
	return fc_finite_count(target < 0 ? u->base : u->x[target], FC_F64, u->n) == u->n;
}

bool varm_unit_next_base(struct unit *u)
{
	if (!varm_unit_next_nothing(u))
		return false;
	varm_unit_read_base(u);
	return true;
}

bool varm_unit_next_targets(struct unit *u)
{
	if (!varm_unit_next_nothing(u))
		return false;
	read_targets(u);
	return true;
}

bool varm_unit_next(struct unit *u)
{
	if (!varm_unit_next_nothing(u))
		return false;
	varm_unit_read(u);
	return true;
}

static void unit_place(struct unit *u, size_t n)
{
	size_t unit = u->v->unit;
	u->begin = u->at = n * unit;
	u->near = false;
	u->end = u->v->n - u->at < unit ? u->v->n : u->at + unit;
}

void varm_unit_init(struct unit *u, const struct views *v, size_t n)
{
	double *p = fc_malloc_aligned(((size_t)v->n_target + 1) * BLOCK_ELEMENTS, sizeof *p);
	*u = (struct unit){.v = v, .base = p};
	u->x = FC_ARRAY(double *, (size_t)v->n_target + 1);
	for (int k = 0; k < v->n_target; k++)
		u->x[k] = p + ((size_t)k + 1) * BLOCK_ELEMENTS;
	unit_place(u, n);
}

void varm_unit_release(struct unit *u)
{
	free(u->base);
	free(u->x);
}

static size_t stored_bytes(const struct views *v)
{
	size_t n = v->base ? fc_dtype_bytes(v->base->t.dtype, v->n) : 0;
	for (int k = 0; k < v->n_target; k++)
		n += fc_dtype_bytes(v->target[k].t.dtype, v->n);
	return n;
}

/* Of few elements it costs more calls than memory. */
void varm_pass_forget(const struct views *v, size_t first, size_t n)
{
	if (n < UNIT_ELEMENTS || (v->read_again && stored_bytes(v) <= KEPT_BYTES))
		return;
	if (v->base)
		varm_values_forget(v->base, first, n);
	for (int k = 0; k < v->n_target; k++)
		varm_values_forget(&v->target[k], first, n);
}

size_t varm_pass_row_unit(size_t row)
{
	return row >= UNIT_ELEMENTS ? row : UNIT_ELEMENTS / row * row;
}

double varm_lanes_total(const double *lane)
{
	return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
	    ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/* A pass under way. */
struct pass {
	const struct views *v;
	int (*visit)(struct unit *u, void *ctx, struct fc_err *e);
	void *ctx;
	size_t n_unit, n_lane;
	double *lanes; /* [n_unit][n_lane] */
	size_t *left;  /* units of each group that are not visited yet */
	int failed;
	struct fc_err *e;
};

/* Who visits the last unit of a group lets go of its inputs: nobody waits for anybody. */
static void leave_unit(struct pass *p, size_t i)
{
	size_t group = i / GROUP_UNITS, left, unit = p->v->unit;
#pragma omp atomic capture
	left = --p->left[group];
	if (left)
		return;
	size_t from = group * GROUP_UNITS * unit, n = GROUP_UNITS * unit;
	varm_pass_forget(p->v, from, n < p->v->n - from ? n : p->v->n - from);
}

static void visit_unit(struct pass *p, struct unit *u, size_t i)
{
	struct fc_err mine = {""};
	int failed;
#pragma omp atomic read
	failed = p->failed;
	if (failed)
		return;
	unit_place(u, i);
	u->lanes = p->lanes + i * p->n_lane;
	if (p->visit(u, p->ctx, &mine) < 0) {
#pragma omp critical
		{
			*p->e = mine;
#pragma omp atomic write
			p->failed = -1;
		}
	}
	leave_unit(p, i);
}

int varm_pass(const struct views *v, int (*visit)(struct unit *u, void *ctx, struct fc_err *e),
    void *ctx, double *sum, int n_sum, struct fc_err *e)
{
	struct pass p = {.v = v,
	    .visit = visit,
	    .ctx = ctx,
	    .n_unit = v->n / v->unit + (v->n % v->unit != 0),
	    .n_lane = (size_t)n_sum * LANES,
	    .e = e};
	size_t n_group = p.n_unit / GROUP_UNITS + 1;
	p.lanes = FC_ARRAY(double, p.n_unit *p.n_lane + 1);
	p.left = FC_ARRAY(size_t, n_group);
	for (size_t g = 0; g < n_group; g++)
		p.left[g] = g + 1 < n_group ? GROUP_UNITS : p.n_unit % GROUP_UNITS;
#pragma omp parallel if (p.n_unit > 1)
	{
		struct unit u;
		varm_unit_init(&u, v, 0);
#pragma omp for schedule(dynamic)
		for (size_t i = 0; i < p.n_unit; i++)
			visit_unit(&p, &u, i);
		varm_unit_release(&u);
	}
	for (int s = 0; s < n_sum; s++)
		sum[s] = 0;
	for (size_t i = 0; i < p.n_unit; i++)
		for (int s = 0; s < n_sum; s++)
			sum[s] += varm_lanes_total(p.lanes + i * p.n_lane + (size_t)s * LANES);
	free(p.lanes);
	free(p.left);
	return p.failed;
}
