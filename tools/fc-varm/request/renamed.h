/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_RENAMED_H
#define FC_VARM_RENAMED_H

#include "fc-varm/method/method.h"

/*
 * Names that this version still takes in recipes, each with a note of the one that it has now.  No
 * word means another thing than it did: SCE, which FuseChat and mergekit have in two versions, is
 * "sce" in recipes alone, as mergekit's; what --method sce said is fusechat-sce.
 */

/* The method that a recipe's word stands for; NULL: none. */
const struct method *varm_renamed_method(const char *name);
/* Sets what was another default under the old name. */
void varm_renamed_settings(const char *name, struct settings *s);

#endif
