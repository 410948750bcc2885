/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_CARD_H
#define FC_VARM_CARD_H

#include "fc-varm/merge/merge.h"
#include "fc-varm/request/asked.h"
#include "fc-varm/request/recipe_plan.h"

/*
 * Writes into the result's folder a recipe, as mergekit_config.yml, and a model card, README.md:
 * models, weights, recipe.  Nothing in them tells of the machine: models are named as in the
 * recipe, or by the last part of a path.  doc is the recipe's document; asked: what the command
 * line asked for, whose recipe is made for others to read, or NULL.
 */
int varm_card_write(const char *dir, const struct recipe_plan *rp, const struct yaml *doc,
    const struct asked *asked, const struct all_measured *r, struct fc_err *e);

#endif
