/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_INPUTS_H
#define FC_VARM_INPUTS_H

#include "store/store.h"
#include "sweep.h"

struct source {
	const char *path; /* as given; borrowed */
	char *label;      /* for tables: the folder's own name, unique among the targets */
	struct fc_store *store;
	uint64_t fingerprint;
};

/*
 * The pivot and the targets, opened and known to fit: the same tensors with the same shapes.  A
 * tied output head is one tensor with the embedding, so a target may lack its copy, or have one
 * that is equal.
 */
struct inputs {
	struct source base;
	struct source *target;
	int n_target;
	size_t n; /* tensors of the result: the pivot's */
};

/* inputs_close() is due also after a failure. */
int inputs_open(
    struct inputs *in, const char *base, const char *const *target, int n_target, struct fc_err *e);
void inputs_close(struct inputs *in);

/* The tensors of the pivot's name i.  v->target has room for all. */
void inputs_views(const struct inputs *in, size_t i, struct views *v);

/* A tensor of integers or the like: the same in all models, and nothing to merge. */
bool inputs_is_carried(const struct inputs *in, size_t i);

#endif
