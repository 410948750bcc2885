/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_CARD_H
#define FC_VARM_CARD_H

#include "merge.h"
#include "recipe_plan.h"

/* Writes into the result's folder the recipe, as mergekit_config.yml, and a model card, README.md:
 * models, weights, recipe.  Models are named as in the recipe, or by the last part of a path. */
int card_write(const char *dir, const struct recipe_plan *rp, const struct yaml *doc,
    const struct verdicts *r, struct fc_err *e);

#endif
