/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_INPUTS_H
#define FC_VARM_INPUTS_H

#include "fc-varm/merge/plan.h"
#include "fc-varm/source/ingredient.h"

/*
 * The pivot and the targets, opened and known to fit: the same tensors with the same shapes.  A
 * tied output head is one tensor with the embedding, so a target may lack its copy, or have one
 * that is equal.
 */
struct inputs {
	struct ingredient base;
	struct ingredient *target;
	int n_target;
	size_t n; /* tensors of the result: the pivot's */
};

/* varm_inputs_close() is due also after a failure. */
int varm_inputs_open(
    struct inputs *in, const char *base, const char *const *target, int n_target, struct fc_err *e);
void varm_inputs_close(struct inputs *in);

/* What the command line asks for: the same in every tensor. */
struct request {
	const struct method *method;
	struct settings settings;
	const struct term *term; /* [n_target] */
	bool keep_dtype;         /* every tensor is stored as in the pivot, else all as dtype */
	enum fc_dtype dtype;
};

/* Fills in the plan, which borrows from the inputs; release it first. */
void varm_inputs_plan(const struct inputs *in, const struct request *r, struct plan *p);

#endif
