/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_ELECTED_H
#define FC_VARM_ELECTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The election of signs (TIES, Yadav et al. 2023) at the entries of a block: of the targets'
 * changes c_k those count whose sign is that of their sum, or plus when it is 0; out = base +
 * lambda times their sum, which is divided by the sum of weight[k] of those that count when they
 * are normalized.  An entry nobody moved keeps the base's bits.  n is at most BLOCK_ELEMENTS.
 */
struct election {
	const double *weight; /* [n_target] */
	bool normalize;
	double lambda;
	int n_target;
	size_t n;
};

/* base[n], change[n_target][n], with room for BLOCK_ELEMENTS each */
void varm_elected_add(
    double *out, const struct election *by, const double *base, double *const *change);

/* What a target's values become. */
enum elected_from {
	/* factor times the change where bit i % 8 of bits[i / 8] is set, else 0 */
	ELECTED_BITS,
	/* factor times the change where its magnitude is at least "least", else 0 */
	ELECTED_LARGE,
	/* the change; it counts as weight[k] times it once signs are elected (SCE) */
	ELECTED_ALL,
};
#define ELECTED_FROM 3
struct elected_values {
	const char *x;
	const uint8_t *bits;
	double least, factor;
};
/* Values in place of changes, as bfloat16 is stored, in one go.  can: whether this processor has a
 * way to, with so many targets. */
#define ELECTED_VALUES_MOST 8
bool varm_elected_can_add_values(int n_target);
void varm_elected_add_values(double *out, const struct election *by, const char *base,
    enum elected_from from, const struct elected_values *target);

#endif
