/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_CARD_RECIPE_H
#define FC_VARM_CARD_RECIPE_H

#include "fc-varm/merge/merge.h"
#include "fc-varm/request/recipe_plan.h"

/* The card of a recipe's result.  Models are named as in the recipe, or by the last part of a
 * path. */
int varm_card_recipe_write(const char *dir, const struct recipe_plan *rp, const struct yaml *doc,
    const struct verdicts *r, struct fc_err *e);

#endif
