/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_PASS_H
#define FC_VARM_PASS_H

#include <stdbool.h>

#include "base/err.h"
#include "fc-varm/source/values.h"

/*
 * Passes over one tensor of all models at once.  A tensor is cut into units, of a fixed
 * number of elements or of whole rows, which threads take in any order; a unit is read in blocks
 * small enough for the cache.  Memory is bounded by the units in flight: mapped pages behind them
 * are let go, unless the tensor is read again and has at most KEPT_BYTES in all models together:
 * mapping them anew takes a tenth of a merge's time.
 */
#define UNIT_ELEMENTS ((size_t)1 << 16)
#define BLOCK_ELEMENTS ((size_t)1 << 9)
#define GROUP_UNITS ((size_t)32) /* whose pages are let go together */
#define KEPT_BYTES ((size_t)256 << 20)

/* Sums are kept in this many interleaved parts, so that they become vector code and stay the same
 * for every instruction set. */
#define LANES 8

/* One tensor of all models, with one shape, and what to do with it; borrowed from the plan. */
struct views {
	const struct fc_tensor *out; /* name and shape */
	const struct values *base;   /* NULL: there is none */
	const struct values *target; /* [n_target] */
	int n_target;
	size_t n;                    /* elements */
	size_t row;                  /* elements of a row: the last dimension, or 1 */
	size_t unit;                 /* elements of a unit */
	const struct method *method; /* NULL: copied */
	const struct settings *set;
	const struct target_params *target_params; /* [n_target] */
	bool read_again; /* soon after: what is mapped of a tensor that is not large may stay so */
};

/* The part of a pass that one thread works on. */
struct unit {
	const struct views *v;
	size_t at, end; /* elements not visited yet */
	/* The block in hand: elements [first, first + n) of the tensor. */
	size_t first, n;
	double *base;         /* [n] the base's values of the block */
	double **x;           /* [n_target][n] the targets' values of the block */
	double *lanes;        /* [n_sum][LANES], zero at the unit's beginning */
	size_t begin;         /* the unit's first element */
	bool near;            /* values were read a moment ago: memory need not be asked ahead */
	void *own;            /* what the method prepared for the unit */
	const uint8_t *drawn; /* what a sparsifier drew for it (drawn.h) */
	uint64_t n_bad;       /* values that are not finite, of those that apply() read itself */
};

/* Elements of a unit of whole rows. */
size_t varm_pass_row_unit(size_t row);

/* Reads the unit's next block, of all models that there are; false at the unit's end. */
bool varm_unit_next(struct unit *u);
/* Reads the unit's next block, without the base's values. */
bool varm_unit_next_targets(struct unit *u);
/* Reads the block in hand, of all models that there are. */
void varm_unit_read(struct unit *u);
/* The base's values alone. */
void varm_unit_read_base(struct unit *u);
/* Whether the values of the block in hand are finite, of a target, or of the base, -1: as stored
 * where they are, which are fewer bytes than those that are read. */
bool varm_unit_is_finite(const struct unit *u, int target);
/* Reads the unit's next block, the base's values alone. */
bool varm_unit_next_base(struct unit *u);
/* Moves on to the unit's next block and reads nothing. */
bool varm_unit_next_nothing(struct unit *u);

/* The n-th unit of the tensor, to be read outside of a pass. */
void varm_unit_init(struct unit *u, const struct views *v, size_t n);
void varm_unit_release(struct unit *u);

/* Lets go of mapped pages of n elements, of all models that there are, if that is worth it. */
void varm_pass_forget(const struct views *v, size_t first, size_t n);

/* The sum of interleaved parts. */
double varm_lanes_total(const double *lane);

/*
 * Calls visit(u, ctx) for every unit, from several threads at once.  sum[n_sum] is the total of
 * all units' lanes, added in the order of the units, so that it does not depend on the number of
 * threads.  Returns -1 with one of the messages when a visit returned -1.
 */
int varm_pass(const struct views *v, int (*visit)(struct unit *u, void *ctx, struct fc_err *e),
    void *ctx, double *sum, int n_sum, struct fc_err *e);

#endif
