/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_RECIPE_PARTS_H
#define FC_VARM_RECIPE_PARTS_H

#include "base/mem.h"
#include "fc-varm/recipe/recipe.h"

/* What recipe.c and recipe_tokens.c read a document with; recipe_model.c. */

/* Refuses the first key of a map that is not among the n known ones. */
int varm_recipe_known(const struct recipe *r, const struct yaml *map, const char *what,
    const char *const *known, size_t n, struct fc_err *e);
#define VARM_RECIPE_KNOWN(r, map, what, e, ...)                                                    \
	varm_recipe_known(r, map, what, (const char *const[]){__VA_ARGS__},                        \
	    FC_LEN(((const char *const[]){__VA_ARGS__})), e)

/* A key that is missing or null is no value: NULL. */
const struct yaml *varm_recipe_get(const struct yaml *map, const char *key);
int varm_recipe_expect(const struct recipe *r, const struct yaml *v, enum yaml_kind kind,
    const char *what, struct fc_err *e);
/* *v is NULL where the key is missing. */
int varm_recipe_get_kind(const struct recipe *r, const struct yaml *map, const char *key,
    enum yaml_kind kind, const struct yaml **v, struct fc_err *e);

/* Adds what v refers to, "PATH", "PATH@REVISION", "PATH+ADAPTER" or a map of these, to the models
 * if it is not there, and gives its place. */
int varm_recipe_model(struct recipe *r, const struct yaml *v, size_t *model, struct fc_err *e);
void varm_recipe_model_release(struct recipe_model *m);

/* A recipe's `tokens`; recipe_tokens.c. */
int varm_recipe_read_tokens(struct recipe *r, const struct yaml *map, struct fc_err *e);

#endif
