/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_RECIPE_PLAN_H
#define FC_VARM_RECIPE_PLAN_H

#include "fc-varm/merge/plan.h"
#include "fc-varm/request/assign.h"
#include "fc-varm/source/source_model.h"
#include "fc-varm/source/vocabulary.h"

/* A recipe with its models opened and everything decided. */
struct recipe_plan {
	struct recipe *recipe;
	const struct method *method;
	struct source_model *model; /* [recipe->n_model] */
	size_t donor;               /* the model whose configuration and tokenizer the result has */
	enum fc_dtype dtype;        /* of the result, where has_dtype; else that of the inputs */
	bool has_dtype;
	const char *torch_dtype; /* its name in config.json; NULL without has_dtype */
	bool tied;               /* the result's head is its embedding */
	int n_layer;             /* of the result */
	bool has_vocabulary;     /* one is made; else those of the models must be the same */
	struct vocabulary vocabulary;
	struct plan plan;
};

/* All that can be told before a model is opened: the method, its parameters, for a command line
 * also their values. */
int varm_recipe_plan_check(struct recipe *r, struct fc_err *e);

/* Opens the models and fills in the plan.  varm_recipe_plan_release() is due also after a failure.
 * The recipe is borrowed; a base that `models` leaves out is added to it. */
int varm_recipe_plan_make(
    struct recipe_plan *rp, struct recipe *r, const struct models *where, struct fc_err *e);
void varm_recipe_plan_release(struct recipe_plan *rp);

/* "bfloat16" and the like; NULL where recipes have no name for it. */
const char *varm_recipe_dtype_name(enum fc_dtype t);

#endif
