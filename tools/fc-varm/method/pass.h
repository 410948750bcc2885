/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_SWEEP_H
#define FC_VARM_SWEEP_H

#include <stdbool.h>

#include "base/err.h"
#include "fc-varm/source/values.h"

/*
 * Passes over one tensor of all models at once.  A tensor is cut into units, of a fixed number of
 * elements or of whole rows, which threads take in any order; a unit is read in blocks small
 * enough for the cache.
 * Memory is bounded by the units in flight: mapped pages behind them are let go.
 */
#define UNIT_ELEMENTS ((size_t)1 << 16)
#define BLOCK_ELEMENTS ((size_t)1 << 9)
#define GROUP_UNITS ((size_t)32) /* whose pages are let go together */

/* Sums are kept in this many interleaved parts, so that they become vector code and stay the same
 * for every instruction set. */
#define LANES 8

/* One tensor of all models, with one shape, and what to do with it; borrowed from the plan. */
struct views {
	const struct fc_tensor *out; /* name and shape */
	const struct feed *base;     /* NULL: there is none */
	const struct feed *target;   /* [n_target] */
	int n_target;
	size_t n;                    /* elements */
	size_t row;                  /* elements of a row: the last dimension, or 1 */
	size_t unit;                 /* elements of a unit */
	const struct method *method; /* NULL: copied */
	const struct settings *set;
	const struct term *term; /* [n_target] */
};

/* The part of a pass that one thread works on. */
struct unit {
	const struct views *v;
	size_t at, end; /* elements not visited yet */
	size_t first;   /* the block in hand begins at this element */
	size_t n;       /* and has so many */
	double *base;   /* its values: [n] */
	double **x;     /* [n_target][n] */
	double *lanes;  /* [n_sum][LANES], zero at the unit's beginning */
	size_t begin;   /* the unit's first element */
	void *own;      /* what the method prepared for the unit */
};

/* Elements of a unit of whole rows. */
size_t varm_sweep_row_unit(size_t row);

/* Reads the next block of the unit, of all models that there are; false at its end. */
bool varm_unit_next(struct unit *u);
/* The same, without the pivot's values. */
bool varm_unit_next_targets(struct unit *u);
/* Reads the block in hand, of all models that there are. */
void varm_unit_read(struct unit *u);
/* The same, with the pivot's values alone. */
bool varm_unit_next_base(struct unit *u);
/* Moves on to the next block and reads nothing. */
bool varm_unit_next_nothing(struct unit *u);

/* The n-th unit of the tensor, to be read outside of a sweep. */
void varm_unit_init(struct unit *u, const struct views *v, size_t n);
void varm_unit_release(struct unit *u);

/* The sum of interleaved parts. */
double varm_lanes_total(const double *lane);

/*
 * Calls visit(u, ctx) for every unit, from several threads at once.  sum[n_sum] is the total of
 * all units' lanes, added in the order of the units, so that it does not depend on the number of
 * threads.  Returns -1 with one of the messages when a visit returned -1.
 */
int varm_sweep(const struct views *v, int (*visit)(struct unit *u, void *ctx, struct fc_err *e),
    void *ctx, double *sum, int n_sum, struct fc_err *e);

#endif
