/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_METHOD_H
#define FC_VARM_METHOD_H

#include "sweep.h"

struct settings {
	const double *weights; /* linear: one a target, or NULL for equal ones */
	bool normalize;        /* linear: divide by their sum */
	double select_topk;    /* sce: part of the entries that decide the weights */
};

/*
 * A way to merge: how important each target is for a tensor, and the merged values, given the
 * weights.  The weights are the importances divided by their sum, or all equal where that is 0.
 */
struct method {
	const char *name;
	/* importance[n_target], each at least 0 (linear: any) */
	int (*measure)(
	    const struct views *v, const struct settings *s, double *importance, struct fc_err *e);
	/* out[u->n] for the block in hand */
	void (*apply)(const struct unit *u, const double *weight, double *out);
	/* A weight of 1 beside zeros means that target's values, bit for bit. */
	bool convex;
	bool uses_base; /* apply() reads u->base */
};

extern const struct method method_varm, method_linear, method_sce;

#endif
