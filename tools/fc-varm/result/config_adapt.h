/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_CONFIG_ADAPT_H
#define FC_VARM_CONFIG_ADAPT_H

#include "fc-varm/request/recipe_plan.h"

/* Makes the copied config.json in the result's folder say what the result is: its type and
 * vocabulary, how many layers it has and of which kinds. */
int varm_config_adapt(const char *dir, const struct recipe_plan *rp, struct fc_err *e);

#endif
