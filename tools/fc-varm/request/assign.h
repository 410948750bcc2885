/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_ASSIGN_H
#define FC_VARM_ASSIGN_H

#include "fc-varm/method/method.h"
#include "fc-varm/recipe/setting.h"

/* The method's parameters in a recipe: checked, and evaluated for one tensor. */

/* Whether the recipe's method takes the parameters, and their values are of their kinds.  One that
 * only other methods take is warned about, one that none takes is refused. */
int varm_assign_check(const struct recipe *r, const struct method *m, struct fc_err *e);

/* What all targets share in a tensor.  *s holds the defaults. */
int varm_assign_settings(const struct recipe *r, const struct method *m,
    const struct setting_place *at, struct settings *s, struct fc_err *e);
/* What a target has of its own; at->source is that target. */
int varm_assign_target(const struct recipe *r, const struct method *m,
    const struct setting_place *at, struct target_params *t, struct fc_err *e);

#endif
