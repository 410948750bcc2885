/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_PLAN_H
#define FC_VARM_PLAN_H

#include "fc-varm/method/method.h"
#include "tensor/rounding.h"

/*
 * What is to be done, complete before the first byte is written: for every tensor of the result its
 * name, type and shape, the method with its parameters, and where each model's values come from.
 * A recipe fills it in (request/recipe_plan.h); the engine (merge.h) executes it and knows of no
 * recipe.
 *
 * All that can be wrong with models (missing tensors, shapes that differ, parameters out of range)
 * is found while the plan is filled in: the engine expects a plan that can be carried out.
 */

/* One tensor of the result. */
struct plan_item {
	struct fc_tensor out;        /* data and n_bytes unused; name owned by the plan */
	const struct method *method; /* NULL: the base's bytes are copied (integers and the like) */
	struct settings set;
	struct values base; /* has_base: what changes are measured against */
	bool has_base;
	int n_target;
	struct values *target;               /* [n_target], owned */
	struct target_params *target_params; /* [n_target], owned */
	/* Items with the same number above 0 share their weights (struct method, importance); 0:
	 * the item stands alone. */
	int group;
};

/* A model as tables and messages name it; a column of the report. */
struct plan_model {
	const char *path; /* borrowed from who filled the plan in */
	char *label;      /* the path's last part, unique in the plan; owned */
	uint64_t fingerprint;
};

struct plan {
	struct plan_item *item; /* in the order they are written to files */
	size_t n;
	struct plan_model base; /* path NULL: there is none */
	struct plan_model *model;
	int n_model;                 /* the targets; values.model is an index */
	struct fc_rounding rounding; /* of the results' F16 and BF16 */
};

/* Room for n items and n_model targets, all zero. */
void varm_plan_init(struct plan *p, size_t n, int n_model);
/* Gives item i its place: copies the name, makes room for the values of n_target targets, and sets
 * all parameters to the method's defaults. */
struct plan_item *varm_plan_place(struct plan *p, size_t i, const struct fc_tensor *out,
    const struct method *method, int n_target);
/* Names target k after its path. */
void varm_plan_name_model(struct plan *p, int k, const char *path, uint64_t fingerprint);
void varm_plan_release(struct plan *p);

/* Stochastic rounding needs a tensor of a type that it is for; the error says so. */
int varm_plan_check_rounding(const struct plan *p, struct fc_err *e);

/* What a unit of work sees of the item. */
struct views varm_plan_views(const struct plan_item *it);

#endif
